package server

import (
	"github.com/valyala/fasthttp"

	"phasm/plugins"
	"phasm/sdk/abi"
)

// content makes a route's response.
type content interface {
	serve(x *exchange)
	close()
}

// pluginContent is content made by a plugin. What it writes is the response;
// its action means nothing here.
type pluginContent struct{ plugin *plugins.Plugin }

func (c pluginContent) serve(x *exchange) { x.call(c.plugin, abi.Content) }
func (c pluginContent) close()            {}

// noContent answers requests that match no route: 404, or 405 where another
// method would match, or a redirect to the path with a slash where that does.
type noContent struct{}

func (noContent) serve(x *exchange) {
	uri, method := x.request.URI(), x.request.Header.Method()
	routes := x.generation.routes
	if routes.Redirect(method, uri.Host(), x.path) {
		x.redirectToSlash()
		return
	}
	allowed := routes.Allowed(uri.Host(), x.path)
	if len(allowed) == 0 {
		x.answer(fasthttp.StatusNotFound)
		return
	}
	x.answer(fasthttp.StatusMethodNotAllowed)
	for i, m := range allowed {
		if i > 0 {
			x.filtered = append(x.filtered, ", "...)
		}
		x.filtered = append(x.filtered, m...)
	}
	x.response.Header.SetBytesV("Allow", x.filtered)
	x.filtered = x.filtered[:0]
}

func (noContent) close() {}
