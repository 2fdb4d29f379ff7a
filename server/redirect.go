package server

import (
	"net/url"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/server/config"
)

// redirect is content that sends the client elsewhere.
type redirect struct {
	to     []config.RedirectPart
	status int
}

func (r *redirect) serve(x *exchange) {
	x.answer(r.status)
	to := x.filtered[:0]
	for _, part := range r.to {
		switch part.Kind {
		case config.RedirectHost:
			to = host.AppendHost(to, x.request.Header.Host())
		case config.RedirectURI:
			to = appendURI(to, x.request.URI())
		default:
			to = append(to, part.Text...)
		}
	}
	x.response.Header.SetBytesV("Location", to)
	x.filtered = to[:0]
}

// appendURI appends a request's path and query as they were received. A target
// that has another form becomes one of those: what stands behind a host in the
// Location header must not become a part of it.
func appendURI(dst []byte, uri *fasthttp.URI) []byte {
	path := uri.PathOriginal()
	if len(path) == 0 || path[0] != '/' {
		dst = append(dst, '/')
	}
	dst = append(dst, path...)
	if query := uri.QueryString(); len(query) > 0 {
		dst = append(append(dst, '?'), query...)
	}
	return dst
}

func (r *redirect) close() {}

func newRedirect(r *config.Redirect) content {
	to, err := config.ParseRedirect(r.To)
	if err != nil {
		panic("BUG: the configuration let a redirect through: " + err.Error())
	}
	return &redirect{to, r.Status}
}

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
