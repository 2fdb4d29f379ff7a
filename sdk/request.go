package sdk

import (
	"iter"

	"phasm/sdk/internal/imports"
)

// Request is the request that the running phase is about. Handlers get it and
// need not keep it: there is one, and it always stands for the exchange that
// the instance is serving.
//
// Its strings are copies that stay, short ones with a kilobyte of memory that
// others share: what keeps many of them for long clones them (strings.Clone).
// Reading works in all phases that see a request.
type Request struct {
	response Response
	body     Body
}

var request Request

// Response is the response to the request.
func (r *Request) Response() *Response { return &r.response }

// Method is the request's method, such as "GET" (ngx.req.get_method).
func (r *Request) Method() string {
	n := imports.RequestMethod(room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendMethod(renewed(n)))
}

// AppendMethod appends the method to dst.
func (r *Request) AppendMethod(dst []byte) ([]byte, error) {
	n := imports.RequestMethod(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestMethod(free(dst))
	}
	return taken(dst, n)
}

// SetMethod changes the method, which must be a token (RFC 9110, section
// 5.6.2): else [ErrBadArgument]. The route stays (ngx.req.set_method). Phases:
// rewrite, access.
func (r *Request) SetMethod(method string) error { return errnoOf(imports.RequestSetMethod(method)) }

// URI is the request target: [Request.Path], escaped where it must be, and the
// query as it came. What the client wrote is the variable request_uri.
func (r *Request) URI() string {
	n := imports.RequestURI(room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendURI(renewed(n)))
}

// AppendURI appends the request target to dst.
func (r *Request) AppendURI(dst []byte) ([]byte, error) {
	n := imports.RequestURI(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestURI(free(dst))
	}
	return taken(dst, n)
}

// SetURI changes path and query, given undecoded. It must begin with a slash,
// have at most 64 KiB and hold no space, control character or '#': else
// [ErrBadArgument]. The route stays: [Request.Exec] chooses it anew
// (ngx.req.set_uri). Phases: rewrite, access.
func (r *Request) SetURI(uri string) error { return errnoOf(imports.RequestSetURI(uri)) }

// Path is the path in the form that routes are matched against:
// percent-decoded, dot segments removed, slashes merged (ngx.var.uri).
func (r *Request) Path() string {
	n := imports.RequestPath(room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendPath(renewed(n)))
}

// AppendPath appends the path to dst.
func (r *Request) AppendPath(dst []byte) ([]byte, error) {
	n := imports.RequestPath(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestPath(free(dst))
	}
	return taken(dst, n)
}

// QueryString is the query, undecoded and without the question mark (ngx.var.args).
func (r *Request) QueryString() string {
	n := imports.RequestQuery(room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendQueryString(renewed(n)))
}

// AppendQueryString appends the query to dst.
func (r *Request) AppendQueryString(dst []byte) ([]byte, error) {
	n := imports.RequestQuery(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestQuery(free(dst))
	}
	return taken(dst, n)
}

// SetQueryString changes the query, given undecoded and without the question
// mark. A space, control character or '#' is [ErrBadArgument]
// (ngx.req.set_uri_args). Phases: rewrite, access.
func (r *Request) SetQueryString(query string) error { return errnoOf(imports.RequestSetQuery(query)) }

// Query is the decoded value of the first query argument of that name, empty
// where there is none (ngx.req.get_uri_args).
func (r *Request) Query(name string) string {
	n := imports.QueryGet(name, 0, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendQuery(renewed(n), name, 0))
}

// AppendQuery appends the decoded value of a query argument to dst; index
// counts the arguments of that name from 0. Past the last it is [ErrNotFound].
func (r *Request) AppendQuery(dst []byte, name string, index int) ([]byte, error) {
	n := imports.QueryGet(name, clamp(index), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.QueryGet(name, clamp(index), free(dst))
	}
	return taken(dst, n)
}

// HasQuery tells whether there is a query argument of that name.
func (r *Request) HasQuery(name string) bool { return imports.QueryGet(name, 0, nil) >= 0 }

// QueryValues are the decoded values of all query arguments of that name.
func (r *Request) QueryValues(name string) []string {
	return valuesOf(text(r.AppendQueries(scratch)), name, func(a, b string) bool { return a == b })
}

// Queries goes through all query arguments, decoded, as they stood when it was
// called.
func (r *Request) Queries() iter.Seq2[string, string] { return pairs(text(r.AppendQueries(scratch))) }

// AppendQueries appends all query arguments to dst as a list for [Pairs].
func (r *Request) AppendQueries(dst []byte) ([]byte, error) {
	n := imports.QueryList(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.QueryList(free(dst))
	}
	return taken(dst, n)
}

// Param is the value of a path parameter of the route's pattern: with the
// pattern "/users/{id}", Param("id").
func (r *Request) Param(name string) string {
	n := imports.ParamGet(name, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendParam(renewed(n), name))
}

// AppendParam appends the value of a path parameter to dst.
func (r *Request) AppendParam(dst []byte, name string) ([]byte, error) {
	n := imports.ParamGet(name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ParamGet(name, free(dst))
	}
	return taken(dst, n)
}

// Params goes through all path parameters.
func (r *Request) Params() iter.Seq2[string, string] { return pairs(text(r.AppendParams(scratch))) }

// AppendParams appends all path parameters to dst as a list for [Pairs].
func (r *Request) AppendParams(dst []byte) ([]byte, error) {
	n := imports.ParamList(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ParamList(free(dst))
	}
	return taken(dst, n)
}

// StartTime is when the request's first byte arrived, in nanoseconds since
// 1970: time.Unix(0, r.StartTime()) (ngx.req.start_time).
func (r *Request) StartTime() int64 { return imports.RequestStart() }
