package server

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// maxRestarts is how often a request may be redirected internally, as in nginx.
const maxRestarts = 10

// walk takes a request through routing, rewrite, access and content, again
// after each internal redirect. Whatever happens, it leaves a response to be
// sent, unless the exchange awaits something.
func (x *exchange) walk() {
	for again := true; again; again = x.awaits == nil && x.settle() {
		x.match()
		x.pass()
	}
}

// settle sees to a response for what the phases have come to. It tells whether
// they are to run once more, after an internal redirect.
func (x *exchange) settle() (again bool) {
	switch {
	case x.failure != 0 && !x.headSent:
		x.fail(x.failure) // again: a guest that was in the middle of content may have written
	case !x.body.lent && x.body.tooLarge && !x.headSent:
		x.fail(fasthttp.StatusRequestEntityTooLarge)
	case !x.body.lent && x.body.tooSlow && !x.headSent:
		x.keep = false
		x.fail(fasthttp.StatusRequestTimeout)
	case x.Errors && x.response.StatusCode() >= 400 && !x.headSent && len(x.response.Body()) == 0:
		x.answer(x.response.StatusCode())
	case len(x.Exec) > 0:
		return x.restart()
	}
	return false
}

// pass runs the phases of one route that lead to a response.
func (x *exchange) pass() {
	if x.run(abi.Rewrite) || x.run(abi.Access) {
		return
	}
	x.route.content.serve(x)
}

// restart begins the request anew for an internal redirect. The context and
// the plugins' instances stay.
func (x *exchange) restart() bool {
	x.restarts++
	if x.restarts > maxRestarts {
		x.generation.log.Error("internal redirection cycle", "uri", string(x.Exec), "route", x.route.name)
		x.fail(fasthttp.StatusInternalServerError)
		return false
	}
	x.SetURI(x.Exec)
	x.ResetRoute()
	x.response.ResetBody()
	x.response.SetStatusCode(fasthttp.StatusOK)
	return true
}

// match finds the request's route. The path is copied first: a plugin may
// change the request's, and the parameters must not change with it.
func (x *exchange) match() {
	h := &x.request.Header
	path, _, _ := bytes.Cut(h.RequestURI(), []byte{'?'})
	authority := h.Host()
	if !host.IsCanonicalPath(path) || !isPlainAuthority(authority) {
		uri := x.request.URI() // parsing takes longer than all the rest here
		path, authority = uri.Path(), uri.Host()
	}
	x.path = append(x.path[:0], path...)
	route, found := x.generation.routes.Match(h.Method(), authority, x.path, &x.params)
	if !found {
		route = x.generation.fallback
	}
	x.route, x.Route = route, route.name
}
