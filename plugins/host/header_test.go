package host

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// A request is used again and again: what an earlier one had must not show as
// an empty header of a later one, and a header that is there and empty must.
func TestAbsentHeaders(t *testing.T) {
	var r fasthttp.Request
	read := func(lines string) {
		t.Helper()
		r.Reset()
		text := "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"
		if err := r.Header.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
	}
	absent := func(name string) bool { return isAbsent([]byte(name), r.Header.Peek(name)) }
	read("User-Agent: x\r\nContent-Type: y\r\nContent-Length: 0\r\nX-Empty:\r\nX-Full: z\r\n")
	for _, name := range []string{"User-Agent", "content-type", "Content-Length", "X-Empty", "x-full", "Host"} {
		if absent(name) {
			t.Errorf("%s is taken for absent", name)
		}
	}
	read("X-Other: z\r\n")
	for _, name := range []string{"User-Agent", "user-agent", "Content-Type", "Content-Length", "X-Empty", "X-Full", "Connection"} {
		if !absent(name) {
			t.Errorf("%s is taken for present", name)
		}
	}
}
