package server

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// subrequest is a request that a plugin makes to the server itself
// (ngx.location.capture). It takes the way of every other: a connection in
// memory brings the request and takes the response. It implements
// host.Subrequest.
type subrequest struct {
	server   *Server
	conn     *conn
	memory   bufferConn
	head     bool        // the response has no body
	above    *subrequest // the one that makes it, nil where none does
	depth    int         // of subrequests in subrequests
	response fasthttp.Response
	failed   bool // there is no response
	done     chan struct{}
	left     atomic.Bool // nobody waits for the response any more
}

// Bounds of subrequests.
const (
	maxSubrequestDepth    = 10
	maxSubrequestResponse = 8 << 20 // bytes
)

// Subrequest implements host.Wire.
func (x *exchange) Subrequest(method, target []byte, headers []string, body []byte) (host.Subrequest, abi.Errno) {
	c := x.conn
	r := &subrequest{server: c.server, done: make(chan struct{})}
	if c.parent != nil {
		r.above, r.depth = c.parent, c.parent.depth+1
	}
	switch {
	case r.depth >= maxSubrequestDepth:
		return nil, abi.NoMemory
	case c.parent.abandoned(): // each might make several more
		return nil, abi.Closed
	}
	wire, ok := x.subrequestBytes(method, target, headers, body)
	if !ok {
		return nil, abi.BadArgument
	}
	r.memory.request.Reset(wire)
	r.head = string(method) == fasthttp.MethodHead
	// The exchange waits for its subrequests before it ends, and its generation
	// with it. Others do not.
	x.StepAside()
	r.conn = c.server.prepareConn(&r.memory, x.generation.config)
	r.conn.parent = r
	r.conn.remote, r.conn.local, r.conn.number = c.remote, c.local, c.number
	r.conn.tls = c.tls
	r.conn.generation.Store(x.generation)
	go r.serve()
	return r, 0
}

// subrequestBytes is the request as it would stand on the wire. False means
// that its method has no body.
func (x *exchange) subrequestBytes(method, target []byte, headers []string, body []byte) ([]byte, bool) {
	var h fasthttp.RequestHeader
	x.request.Header.CopyTo(&h)
	for _, name := range notInherited {
		h.Del(name)
	}
	h.SetMethodBytes(method)
	h.SetRequestURIBytes(target)
	h.SetProtocol("HTTP/1.1")
	for i := 0; i < len(headers); i += 2 {
		name := headers[i]
		if !slices.ContainsFunc(notInherited, func(not string) bool { return strings.EqualFold(not, name) }) {
			h.Set(name, headers[i+1])
		}
	}
	h.SetContentLength(len(body))
	wire := append([]byte(nil), h.Header()...)
	if len(body) > 0 && !bytes.Contains(wire, []byte("\r\nContent-Length: ")) {
		return nil, false
	}
	return append(wire, body...), true
}

// notInherited are the headers that frame a body or concern a connection.
var notInherited = []string{
	fasthttp.HeaderContentLength, fasthttp.HeaderTransferEncoding, fasthttp.HeaderTrailer, fasthttp.HeaderExpect,
	fasthttp.HeaderConnection, "Keep-Alive", fasthttp.HeaderUpgrade, fasthttp.HeaderTE,
}

// serve takes the subrequest through its life.
func (r *subrequest) serve() {
	defer close(r.done)
	defer func() {
		if e := recover(); e != nil {
			r.failed = true
			r.server.metrics.panics.Inc()
			r.server.log().Error("BUG: panic while serving a subrequest", "panic", e, "stack", string(debug.Stack()))
			r.conn.x.releaseInstances()
		}
	}()
	r.conn.x.serve()
	err := r.conn.w.Flush()
	r.conn.free()
	if err == nil {
		r.response.SkipBody = r.head
		err = r.response.Read(bufio.NewReader(bytes.NewReader(r.memory.response)))
	}
	r.failed = err != nil
	r.memory.response = nil
}

// Done implements host.Subrequest.
func (r *subrequest) Done() <-chan struct{} { return r.done }

// Response implements host.Subrequest.
func (r *subrequest) Response() *fasthttp.Response {
	if r.failed {
		return nil
	}
	return &r.response
}

// Leave implements host.Subrequest.
func (r *subrequest) Leave() { r.left.Store(true) }

// abandoned tells whether nobody waits for the response any more, nor for that
// of one above it.
func (r *subrequest) abandoned() bool {
	for ; r != nil; r = r.above {
		if r.left.Load() {
			return true
		}
	}
	return false
}

// bufferConn is a connection that brings a request and takes its response.
type bufferConn struct {
	request  bytes.Reader
	response []byte // as it would stand on the wire
}

var errSubrequestTooLarge = errors.New("the response to a subrequest is too large")

func (c *bufferConn) Read(p []byte) (int, error) { return c.request.Read(p) }

func (c *bufferConn) Write(p []byte) (int, error) {
	if len(c.response)+len(p) > maxSubrequestResponse {
		return 0, errSubrequestTooLarge
	}
	c.response = append(c.response, p...)
	return len(p), nil
}

func (c *bufferConn) Close() error                     { return nil }
func (c *bufferConn) LocalAddr() net.Addr              { return nil }
func (c *bufferConn) RemoteAddr() net.Addr             { return nil }
func (c *bufferConn) SetDeadline(time.Time) error      { return nil }
func (c *bufferConn) SetReadDeadline(time.Time) error  { return nil }
func (c *bufferConn) SetWriteDeadline(time.Time) error { return nil }
