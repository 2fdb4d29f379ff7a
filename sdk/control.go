package sdk

import (
	"strconv"

	"phasm/sdk/internal/imports"
)

// Exit ends the request with this status, 200 to 599, and answers the action
// that a handler returns for it (ngx.exit):
//
//	return r.Exit(403)
//
// What has been written to the response is its body; without one, an error
// status gets a short text. Header and body filters and log still run. Phases:
// rewrite, access, content, balancer.
//
// A status out of range, or a response already on its way, is logged and ends
// the request with 500 where that is still possible: never does a request go
// on that was to be ended.
func (r *Request) Exit(status int) Action {
	if n := imports.Exit(clamp(status)); n < 0 {
		refused("exit with status "+strconv.Itoa(status), n)
	}
	return Final
}

// Redirect ends the request by sending the client to uri, with status 301,
// 302, 303, 307 or 308 (ngx.redirect). Otherwise it is as [Request.Exit]. Phases:
// rewrite, access, content.
func (r *Request) Redirect(uri string, status int) Action {
	if n := imports.Redirect(uri, clamp(status)); n < 0 {
		refused("redirect to "+strconv.Quote(uri)+" with status "+strconv.Itoa(status), n)
	}
	return Final
}

// Exec redirects internally (ngx.exec): the request starts again at routing with the path
// and query of uri, which must be a request target as for [Request.SetURI].
// The context survives, what was written is dropped. A request is redirected
// at most 10 times. Otherwise it is as [Request.Exit]. Phases: rewrite, access,
// content.
func (r *Request) Exec(uri string) Action {
	if n := imports.Exec(uri); n < 0 {
		refused("exec "+strconv.Quote(uri), n)
	}
	return Final
}

// refused ends a request that could not be ended as the plugin wished. It does
// not panic: where the wish came from the client, it would be the client who
// decides over the instance.
func refused(what string, n int32) {
	Error("cannot " + what + ": " + errnoOf(n).Error())
	if n != int32(ErrWrongPhase) {
		imports.Exit(500)
	}
}
