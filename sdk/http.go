package sdk

import (
	"io"
	"iter"
	"strconv"

	"phasm/sdk/internal/imports"
)

// HTTPRequest is a request to another server (resty.http). URL is all that it needs:
//
//	resp, err := sdk.Fetch(&sdk.HTTPRequest{URL: "https://api.example.com/v1/user"})
//
// The configuration grants hosts, without a port the scheme's own, without a
// scheme http and https:
//
//	[plugins.NAME.grants]
//	http = ["api.example.com", "*.example.org:8443", "127.0.0.1:9000", "http://internal:8080"]
//
// A name may lead to a private network; loopback, link-local, multicast and
// cloud metadata addresses need a grant for the very address, loopback also
// one for localhost.
type HTTPRequest struct {
	Method string     // "GET" where it is empty
	URL    string     // absolute, of visible ASCII characters
	Header HTTPHeader // Host, Connection, Content-Length and their likes have no effect

	Body       []byte    // the body, or
	BodyFrom   io.Reader // where it is read from, piece by piece
	BodyLength int64     // how long that is; 0 where it is not known: then it is sent in chunks

	// How long each step may take, in nanoseconds, at least a millisecond:
	// int64(time.Second). 0 means the default.
	ConnectTimeout int64 // to look the name up and connect: 5 s, at most 30 s
	TLSTimeout     int64 // to agree on encryption: 5 s, at most 30 s
	HeaderTimeout  int64 // from the request's last byte to the response's first: 30 s
	Timeout        int64 // all of it, the response's body included: 60 s

	Redirects     int   // how many are followed, 10 at most, each to a granted host; Authorization and Cookie go to the first one's host and port only
	Decompress    bool  // ask for gzip and undo it
	ResponseLimit int64 // how many bytes the response's body may have; 0 means that nothing bounds it
}

// HTTPHeader are the headers of an [HTTPRequest].
type HTTPHeader struct{ list []byte }

// Add adds a header.
func (h *HTTPHeader) Add(name, value string) { h.list = appendItem(appendItem(h.list, name), value) }

// HTTPResponse is the response. Its body is read from it: it is an io.Reader.
// It and the connection under it are gone when the exchange ends, in which it
// was asked for, or the call where there is none.
type HTTPResponse struct {
	Status int

	handle int32
	closed bool
}

var (
	_ io.ReadCloser = (*HTTPResponse)(nil)
	_ io.WriterTo   = (*HTTPResponse)(nil)
)

// HTTPError says why a request has failed. It wraps [ErrTimeout], [ErrIO],
// [ErrNotGranted], [ErrNoMemory], [ErrBusy], or [ErrClosed] where the client of
// the exchange has gone.
type HTTPError struct {
	URL    string
	Reason string // for people; it may be empty
	Err    error
}

// Error names the URL and the reason.
func (e *HTTPError) Error() string {
	if e.Reason == "" {
		return e.URL + ": " + e.Err.Error()
	}
	return e.URL + ": " + e.Err.Error() + ": " + e.Reason
}

// Unwrap is one of the SDK's errors.
func (e *HTTPError) Unwrap() error { return e.Err }

// Get asks for a URL and waits for the response's head.
func Get(url string) (*HTTPResponse, error) { return Fetch(&HTTPRequest{URL: url}) }

// Fetch sends a request and waits for the response's head. An error is an
// [*HTTPError]; a response with an error's status is none.
func Fetch(r *HTTPRequest) (*HTTPResponse, error) {
	resp, err := startHTTP(r)
	if err == nil {
		err = resp.await(r)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// Send sends a request and lets it go on by itself: nobody waits for the
// answer, or hears of it, not even of a failure. It is for what must not hold an
// exchange up, such as sending logs. A plugin has at most 64 such requests on
// their way; then it is [ErrBusy], and the request is cut off.
func Send(r *HTTPRequest) error {
	h, err := startHTTP(r)
	if err == nil && r.streams() {
		err = h.send(r)
	}
	if err != nil {
		return err
	}
	if n := imports.HTTPDetach(h.handle); n < 0 {
		return h.fail(r, n)
	}
	return nil
}

// HTTPResult is what has become of one request of several.
type HTTPResult struct {
	Response *HTTPResponse
	Err      error
}

// FetchAll sends requests at once and waits for the heads of all responses, in
// the order of the requests. An instance has at most 64 requests open.
func FetchAll(requests ...*HTTPRequest) []HTTPResult {
	results := make([]HTTPResult, len(requests))
	for i, r := range requests {
		results[i].Response, results[i].Err = startHTTP(r)
	}
	for i, r := range requests {
		if results[i].Err == nil {
			results[i].Err = results[i].Response.await(r)
		}
		if results[i].Err != nil {
			results[i].Response = nil
		}
	}
	return results
}

// maxHTTPBody is how long a body may be that is sent at once.
const maxHTTPBody = 64 << 10

func (r *HTTPRequest) streams() bool { return r.BodyFrom != nil || len(r.Body) > maxHTTPBody }

// startHTTP sends a request but for a body that streams.
func startHTTP(r *HTTPRequest) (*HTTPResponse, error) {
	method, body := r.Method, r.Body
	if method == "" {
		method = "GET"
	}
	if r.streams() {
		body = nil
	}
	n := imports.HTTPRequest(method, r.URL, stringOf(r.Header.list), stringOf(r.options()), stringOf(body))
	if n < 0 {
		return nil, &HTTPError{URL: r.URL, Err: errnoOf(n)}
	}
	return &HTTPResponse{handle: n}, nil
}

// options are what differs from the default, as a list.
func (r *HTTPRequest) options() []byte {
	var list []byte
	add := func(name string, value int64) {
		if value != 0 {
			list = appendItem(appendItem(list, name), strconv.FormatInt(value, 10))
		}
	}
	add("connect_timeout", milliseconds(r.ConnectTimeout))
	add("tls_timeout", milliseconds(r.TLSTimeout))
	add("header_timeout", milliseconds(r.HeaderTimeout))
	add("timeout", milliseconds(r.Timeout))
	add("redirects", int64(r.Redirects))
	add("response_limit", r.ResponseLimit)
	if r.Decompress {
		add("decompress", 1)
	}
	if r.streams() {
		add("stream", 1)
		if r.BodyFrom == nil {
			add("length", int64(len(r.Body)))
		} else {
			add("length", r.BodyLength)
		}
	}
	return list
}

// milliseconds rounds away from 0, which would be the default.
func milliseconds(ns int64) int64 {
	if ns > 0 {
		return (ns-1)/1e6 + 1
	}
	return ns
}

// await sends a body that streams and waits for the response's head.
func (h *HTTPResponse) await(r *HTTPRequest) error {
	if r.streams() {
		if err := h.send(r); err != nil {
			return err
		}
	}
	n := imports.HTTPStatus(h.handle)
	if n < 0 {
		return h.fail(r, n)
	}
	h.Status = int(n)
	return nil
}

// send sends a body. That nobody reads it to its end is no error: the response
// says more.
func (h *HTTPResponse) send(r *HTTPRequest) error {
	n := int32(0)
	if r.BodyFrom == nil {
		n = imports.HTTPWrite(h.handle, stringOf(r.Body))
	} else {
		buf := takeHTTPBuffer()
		defer giveHTTPBuffer(buf)
		for n == 0 {
			m, err := r.BodyFrom.Read(buf)
			if m > 0 {
				n = imports.HTTPWrite(h.handle, stringOf(buf[:m]))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				h.Close()
				return &HTTPError{URL: r.URL, Reason: "the request's body", Err: err}
			}
		}
	}
	if n == 0 {
		n = imports.HTTPSend(h.handle)
	}
	if n < 0 && n != int32(ErrClosed) {
		return h.fail(r, n)
	}
	return nil
}

// fail closes a request that has failed.
func (h *HTTPResponse) fail(r *HTTPRequest, n int32) error {
	reason := text(h.appendError(scratch))
	h.Close()
	return &HTTPError{URL: r.URL, Reason: reason, Err: errnoOf(n)}
}

func (h *HTTPResponse) appendError(dst []byte) ([]byte, error) {
	n := imports.HTTPError(h.handle, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.HTTPError(h.handle, free(dst))
	}
	return taken(dst, n)
}

// Read reads on in the body, waiting for it where it must.
func (h *HTTPResponse) Read(p []byte) (int, error) {
	switch {
	case h.closed:
		return 0, errnoOf(int32(ErrClosed))
	case len(p) == 0:
		return 0, nil
	}
	n := imports.HTTPRead(h.handle, p)
	switch {
	case n > 0:
		return int(n), nil
	case n == 0:
		return 0, io.EOF
	}
	return 0, errnoOf(n)
}

// WriteTo writes what is left of the body to w, piece by piece: io.Copy uses it.
func (h *HTTPResponse) WriteTo(w io.Writer) (written int64, err error) {
	buf := takeHTTPBuffer()
	defer giveHTTPBuffer(buf)
	for {
		n, err := h.Read(buf)
		if n > 0 {
			m, err := w.Write(buf[:n])
			written += int64(m)
			if err != nil {
				return written, err
			}
		}
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// Bytes reads what is left of the body. Longer than limit bytes it is
// [ErrNoMemory].
func (h *HTTPResponse) Bytes(limit int) ([]byte, error) {
	var body []byte
	for {
		if len(body) == cap(body) {
			body = grow(body, leastBodyStep)
		}
		n, err := h.Read(free(body))
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) > limit:
			return nil, errnoOf(int32(ErrNoMemory))
		}
	}
}

// Header is the first value of a header, empty where there is none. Names are
// compared without regard to case.
func (h *HTTPResponse) Header(name string) string { return text(h.AppendHeader(scratch, name)) }

// AppendHeader appends the first value of a header to dst.
func (h *HTTPResponse) AppendHeader(dst []byte, name string) ([]byte, error) {
	if h.closed {
		return dst, errnoOf(int32(ErrClosed))
	}
	n := imports.HTTPHeaderGet(h.handle, name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.HTTPHeaderGet(h.handle, name, free(dst))
	}
	return taken(dst, n)
}

// Headers goes through all headers, sorted by name, without those of the
// connection.
func (h *HTTPResponse) Headers() iter.Seq2[string, string] {
	return pairs(text(h.AppendHeaders(scratch)))
}

// AppendHeaders appends all headers to dst as a list for [Pairs].
func (h *HTTPResponse) AppendHeaders(dst []byte) ([]byte, error) {
	if h.closed {
		return dst, errnoOf(int32(ErrClosed))
	}
	n := imports.HTTPHeaderList(h.handle, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.HTTPHeaderList(h.handle, free(dst))
	}
	return taken(dst, n)
}

// Close ends the response. A connection whose response has been read to its end
// is used again, another one is closed. It may be called again.
func (h *HTTPResponse) Close() error {
	if h.closed {
		return nil
	}
	h.closed = true
	return errnoOf(imports.HTTPClose(h.handle))
}

// httpBuffer is what bodies pass through. A filter that runs while another
// handler of the plugin passes a body on finds it taken.
var httpBuffer []byte

func takeHTTPBuffer() []byte {
	buf := httpBuffer
	httpBuffer = nil
	if buf == nil {
		buf = make([]byte, 16<<10)
	}
	return buf
}

func giveHTTPBuffer(buf []byte) { httpBuffer = buf }
