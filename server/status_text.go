package server

import (
	"strconv"

	"github.com/valyala/fasthttp"
)

// statusTexts are the bodies of the server's own answers, "404 Not Found\n".
var statusTexts = func() (texts [600][]byte) {
	for code := range texts {
		texts[code] = append(strconv.AppendInt(nil, int64(code), 10), " "+fasthttp.StatusMessage(code)+"\n"...)
	}
	return texts
}()

func statusText(code int) []byte { return statusTexts[code] }
