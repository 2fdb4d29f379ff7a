package sdk

import (
	"iter"

	"phasm/sdk/internal/imports"
)

// Header is the first value of a response header, empty where there is none
// (ngx.resp.get_headers). Names are compared without regard to case, here and
// below.
func (r *Response) Header(name string) string {
	n := imports.ResponseHeaderGet(name, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendHeader(renewed(n), name))
}

// AppendHeader appends the first value of a response header to dst.
func (r *Response) AppendHeader(dst []byte, name string) ([]byte, error) {
	n := imports.ResponseHeaderGet(name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ResponseHeaderGet(name, free(dst))
	}
	return taken(dst, n)
}

// HasHeader tells whether the response has a header of that name.
func (r *Response) HasHeader(name string) bool { return imports.ResponseHeaderGet(name, nil) >= 0 }

// HeaderValues are all values of a response header, one for each line of that
// name: commas are left alone.
func (r *Response) HeaderValues(name string) []string {
	return valuesOf(text(r.AppendHeaders(scratch)), name, equalFold)
}

// Headers goes through all response headers as they stood when it was called.
func (r *Response) Headers() iter.Seq2[string, string] { return pairs(text(r.AppendHeaders(scratch))) }

// AppendHeaders appends all response headers to dst as a list for [Pairs].
func (r *Response) AppendHeaders(dst []byte) ([]byte, error) {
	n := imports.ResponseHeaderList(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ResponseHeaderList(free(dst))
	}
	return taken(dst, n)
}

// SetHeader replaces all values of a response header with one. A name that is
// not a token or longer than 1 KiB, or a value with control characters (RFC
// 9110, section 5.5), is [ErrBadArgument]. What plugins write into the headers
// of an exchange, names and values and 128 bytes for each, is at most 256 KiB:
// more is [ErrNoMemory]. Content-Length, Transfer-Encoding and Date are the
// server's: setting them has no effect (ngx.header). Phases: rewrite, access,
// content, header_filter.
func (r *Response) SetHeader(name, value string) error {
	return errnoOf(imports.ResponseHeaderSet(name, value))
}

// SetHeaderBytes is [Response.SetHeader] for bytes.
func (r *Response) SetHeaderBytes(name string, value []byte) error {
	return r.SetHeader(name, stringOf(value))
}

// AddHeader adds a value to a response header, with the limits of
// [Response.SetHeader] (ngx.resp.add_header).
func (r *Response) AddHeader(name, value string) error {
	return errnoOf(imports.ResponseHeaderAdd(name, value))
}

// RemoveHeader removes all values of a response header, with the limits of
// [Response.SetHeader]; that there were none is no error.
func (r *Response) RemoveHeader(name string) error {
	return errnoOf(imports.ResponseHeaderRemove(name))
}
