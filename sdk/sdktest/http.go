//go:build !wasip1

package sdktest

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"phasm/sdk/abi"
)

// HTTPRequest is a request that the plugin sends to another server.
type HTTPRequest struct {
	Method, URL string
	Header      http.Header
	Body        string
	// Options are those fields of sdk.HTTPRequest that are not zero, in words and
	// milliseconds: connect_timeout, tls_timeout, header_timeout, timeout,
	// redirects, decompress, response_limit, stream, length.
	Options map[string]string
}

// HTTPResponse is what it gets.
type HTTPResponse struct {
	Status int // 200
	Header http.Header
	Body   string // nobody gets that of a response to HEAD, a 204 or a 304
	Err    error  // one of the SDK's, such as sdk.ErrTimeout: there is no response; with a Status it comes behind Body
}

// HTTP grants a host, by a pattern as in the configuration, and answers for it.
// A pattern that is none panics. A body that the plugin streams is whole when
// the handler gets it.
func HTTP(pattern string, handler func(HTTPRequest) HTTPResponse) Grant {
	host, ok := parseHost(pattern)
	if !ok {
		panic("sdktest: " + strconv.Quote(pattern) + " is no host")
	}
	return func(f *fake) { f.http.hosts = append(f.http.hosts, httpHost{host, handler}) }
}

type httpHost struct {
	hostPattern
	handler func(HTTPRequest) HTTPResponse
}

const maxHTTPCalls = 64

// httpFake is what the plugin may ask for, and has.
type httpFake struct {
	hosts []httpHost
	open  [maxHTTPCalls]*httpCall
}

// httpCall is a request that the plugin has open.
type httpCall struct {
	handler  func(HTTPRequest) HTTPResponse
	request  HTTPRequest
	response HTTPResponse
	stream   bool
	sent     bool // all of the request
	length   int  // of the body, if it was announced, else less than 0
	limit    int
	headers  fields
	read     int
}

const (
	maxHTTPHeaders = 64 << 10
	maxHTTPBody    = 64 << 10
	maxHTTPItems   = 2000
)

// httpOptions are the options and the largest value of each.
var httpOptions = map[string]int{
	"connect_timeout": 30_000, "tls_timeout": 30_000, "header_timeout": 3_600_000, "timeout": 3_600_000,
	"redirects": 10, "decompress": 1, "response_limit": math.MaxInt, "stream": 1, "length": math.MaxInt,
}

// HTTPRequest implements imports.Host.
func (f *fake) HTTPRequest(method, url, headers, options, body string) int32 {
	u, ok := parseURL(url)
	if !ok || !isToken(method) || len(method) > 64 || method == "CONNECT" {
		return badArgument
	}
	call := &httpCall{sent: true, length: -1}
	call.request = HTTPRequest{Method: strings.Clone(method), URL: strings.Clone(url), Header: http.Header{}, Body: strings.Clone(body), Options: map[string]string{}}
	if !call.setOptions(options) || call.stream && body != "" {
		return badArgument
	}
	list, ok := parseList(headers, math.MaxInt)
	switch {
	case !ok:
		return badArgument
	case len(headers) > maxHTTPHeaders || len(body) > maxHTTPBody:
		return noMemory
	case len(list)%2 != 0 || len(list) > maxHTTPItems:
		return badArgument
	}
	for i := 0; i < len(list); i += 2 {
		if !isToken(list[i]) || len(list[i]) > maxFieldName || !isFieldValue(list[i+1]) {
			return badArgument
		}
		call.request.Header.Add(list[i], list[i+1])
	}
	dropOurs(call.request.Header)
	granted := slices.IndexFunc(f.http.hosts, func(h httpHost) bool { return h.allows(u) })
	if granted < 0 {
		return f.notGranted("http", u.grant())
	}
	call.handler = f.http.hosts[granted].handler
	for handle := range f.http.open {
		if f.http.open[handle] == nil {
			f.http.open[handle] = call
			if call.sent {
				call.answer()
			}
			return int32(handle)
		}
	}
	return noMemory
}

// setOptions tells whether the options are what the server takes.
func (c *httpCall) setOptions(options string) bool {
	list, ok := parseList(options, 2*len(httpOptions))
	if !ok || len(list)%2 != 0 {
		return false
	}
	for i := 0; i < len(list); i += 2 {
		name := strings.Clone(list[i])
		value, err := strconv.Atoi(list[i+1])
		_, again := c.request.Options[name]
		if most, known := httpOptions[name]; !known || err != nil || value < 0 || value > most || again {
			return false
		}
		c.request.Options[name] = strings.Clone(list[i+1])
		switch name {
		case "stream":
			c.stream = value == 1
			c.sent = !c.stream
		case "length":
			c.length = value
		case "response_limit":
			c.limit = value
		}
	}
	return c.length < 0 || c.stream
}

// answer asks the test's handler.
func (c *httpCall) answer() {
	c.response = c.handler(c.request)
	if c.response.Status == 0 && c.response.Err == nil {
		c.response.Status = http.StatusOK
	}
	if status := c.response.Status; status > 0 && (c.request.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified) {
		c.response.Body, c.response.Err = "", nil // what has no body cannot be broken off in it
	}
	header := c.response.Header.Clone()
	length := header.Values("Content-Length")
	dropOurs(header)
	if len(length) > 0 {
		header["Content-Length"] = length
	}
	c.headers = fieldsOf(header)
}

// dropOurs removes the headers that are the server's.
func dropOurs(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range strings.Fields("Connection Content-Length Expect Host Http2-Settings Keep-Alive Proxy-Authenticate " +
		"Proxy-Authorization Proxy-Connection Te Trailer Transfer-Encoding Upgrade") {
		h.Del(name)
	}
}

// closeHTTP closes what the plugin has open.
func (f *fake) closeHTTP() { f.http.open = [maxHTTPCalls]*httpCall{} }

// httpCall is what a handle stands for, nil where that is nothing.
func (f *fake) httpCall(handle int32) *httpCall {
	if handle < 0 || handle >= maxHTTPCalls {
		return nil
	}
	return f.http.open[handle]
}

// head is the response's status. For a request whose body never ends there is
// none before the call's deadline.
func (c *httpCall) head() int32 {
	switch {
	case c == nil:
		return notFound
	case !c.sent:
		return int32(abi.Timeout)
	case c.response.Status == 0:
		return errnoOf(c.response.Err)
	}
	return int32(c.response.Status)
}

func errnoOf(err error) int32 {
	if e := abi.Errno(0); errors.As(err, &e) {
		return int32(e)
	}
	return int32(abi.IO)
}

// HTTPWrite implements imports.Host.
func (f *fake) HTTPWrite(handle int32, bytes string) int32 {
	c := f.httpCall(handle)
	switch {
	case c == nil:
		return notFound
	case !c.stream || c.sent || c.length >= 0 && len(c.request.Body)+len(bytes) > c.length:
		return badArgument
	}
	c.request.Body += strings.Clone(bytes)
	return done
}

// HTTPSend implements imports.Host.
func (f *fake) HTTPSend(handle int32) int32 {
	c := f.httpCall(handle)
	switch {
	case c == nil:
		return notFound
	case !c.stream:
		return badArgument
	case !c.sent:
		c.sent = true
		if c.length >= 0 && len(c.request.Body) < c.length {
			c.response.Err = abi.IO
			return done
		}
		c.answer()
	}
	return done
}

// HTTPStatus implements imports.Host.
func (f *fake) HTTPStatus(handle int32) int32 { return f.httpCall(handle).head() }

// HTTPHeaderGet implements imports.Host.
func (f *fake) HTTPHeaderGet(handle int32, name string, buf []byte) int32 {
	if len(name) > maxFieldName {
		return badArgument
	}
	c := f.httpCall(handle)
	if n := c.head(); n < 0 {
		return n
	}
	return c.headers.reply(name, buf)
}

// HTTPHeaderList implements imports.Host.
func (f *fake) HTTPHeaderList(handle int32, buf []byte) int32 {
	c := f.httpCall(handle)
	if n := c.head(); n < 0 {
		return n
	}
	return reply(buf, c.headers.list())
}

// HTTPRead implements imports.Host.
func (f *fake) HTTPRead(handle int32, buf []byte) int32 {
	if len(buf) == 0 {
		return badArgument
	}
	c := f.httpCall(handle)
	if n := c.head(); n < 0 {
		return n
	}
	body := c.response.Body
	over := c.limit > 0 && len(body) > c.limit
	if over {
		body = body[:c.limit]
	}
	n := copy(buf, body[c.read:])
	c.read += n
	switch {
	case n > 0:
		return int32(n)
	case over:
		return noMemory
	case c.response.Err != nil:
		return errnoOf(c.response.Err)
	}
	return 0
}

// HTTPError implements imports.Host.
func (f *fake) HTTPError(handle int32, buf []byte) int32 {
	c := f.httpCall(handle)
	switch {
	case c == nil:
		return notFound
	case c.response.Err == nil:
		return 0
	}
	return reply(buf, c.response.Err.Error())
}

// HTTPClose implements imports.Host.
func (f *fake) HTTPClose(handle int32) int32 {
	if f.httpCall(handle) == nil {
		return notFound
	}
	f.http.open[handle] = nil
	return done
}

// HTTPDetach implements imports.Host.
func (f *fake) HTTPDetach(handle int32) int32 {
	c := f.httpCall(handle)
	switch {
	case c == nil:
		return notFound
	case !c.sent:
		return badArgument
	}
	f.http.open[handle] = nil
	return done
}
