package sdk

import (
	"iter"

	"phasm/sdk/internal/imports"
)

// Header is the first value of a request header, empty where there is none
// (ngx.req.get_headers). Names are compared without regard to case, here and
// below.
func (r *Request) Header(name string) string {
	n := imports.RequestHeaderGet(name, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendHeader(renewed(n), name))
}

// AppendHeader appends the first value of a request header to dst.
func (r *Request) AppendHeader(dst []byte, name string) ([]byte, error) {
	n := imports.RequestHeaderGet(name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestHeaderGet(name, free(dst))
	}
	return taken(dst, n)
}

// HasHeader tells whether the request has a header of that name.
func (r *Request) HasHeader(name string) bool { return imports.RequestHeaderGet(name, nil) >= 0 }

// HeaderValues are all values of a request header, one for each line of that
// name: commas are left alone.
func (r *Request) HeaderValues(name string) []string {
	return valuesOf(text(r.AppendHeaders(scratch)), name, equalFold)
}

// Headers goes through all request headers as they stood when it was called.
func (r *Request) Headers() iter.Seq2[string, string] { return pairs(text(r.AppendHeaders(scratch))) }

// AppendHeaders appends all request headers to dst as a list for [Pairs].
func (r *Request) AppendHeaders(dst []byte) ([]byte, error) {
	n := imports.RequestHeaderList(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RequestHeaderList(free(dst))
	}
	return taken(dst, n)
}

// SetHeader replaces all values of a request header with one. A name that is
// not a token or longer than 1 KiB, or a value with control characters (RFC
// 9110, section 5.5), is [ErrBadArgument]. What plugins write into the headers
// of an exchange, names and values and 128 bytes for each, is at most 256 KiB:
// more is [ErrNoMemory]. Content-Length and Transfer-Encoding are the server's:
// setting them has no effect (ngx.req.set_header). Phases: rewrite, access,
// content.
func (r *Request) SetHeader(name, value string) error {
	return errnoOf(imports.RequestHeaderSet(name, value))
}

// SetHeaderBytes is [Request.SetHeader] for bytes.
func (r *Request) SetHeaderBytes(name string, value []byte) error {
	return r.SetHeader(name, stringOf(value))
}

// AddHeader adds a value to a request header, with the limits of
// [Request.SetHeader].
func (r *Request) AddHeader(name, value string) error {
	return errnoOf(imports.RequestHeaderAdd(name, value))
}

// RemoveHeader removes all values of a request header, with the limits of
// [Request.SetHeader]; that there were none is no error
// (ngx.req.clear_header).
func (r *Request) RemoveHeader(name string) error { return errnoOf(imports.RequestHeaderRemove(name)) }
