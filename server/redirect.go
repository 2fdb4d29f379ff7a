package server

import (
	"net/url"

	"github.com/valyala/fasthttp"

	"phasm/server/config"
)

// redirect is content that sends the client elsewhere.
type redirect struct {
	to     string
	status int
}

func (r *redirect) serve(x *exchange) {
	x.answer(r.status)
	x.response.Header.Set("Location", r.to)
}

func (r *redirect) close() {}

func newRedirect(r *config.Redirect) content { return &redirect{r.To, r.Status} }

// redirectToSlash sends the client to the same path with a slash at its end.
// Methods other than GET and HEAD keep theirs (RFC 9110, section 15.4.9).
func (x *exchange) redirectToSlash() {
	uri := x.request.URI()
	status := fasthttp.StatusMovedPermanently
	if h := &x.request.Header; !h.IsGet() && !h.IsHead() {
		status = fasthttp.StatusPermanentRedirect
	}
	x.answer(status)
	// Never "//host": the path begins with one slash in its canonical form.
	to := url.URL{Path: string(x.path) + "/", RawQuery: string(uri.QueryString())}
	x.response.Header.Set("Location", to.String())
}
