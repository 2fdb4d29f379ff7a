package server

import (
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins"
	"phasm/plugins/host"
	"phasm/server/router"
)

// exchange is one request and its response. A desk has one, which is used again
// for each request. It implements host.Wire for the plugins.
type exchange struct {
	host.Exchange
	conn       *conn
	generation *generation
	route      *route
	request    fasthttp.Request
	response   fasthttp.Response
	head       requestHead
	authority  []byte // what the Host header is made of
	target     []byte // and the target
	params     router.Params
	path       []byte // what params point into
	held       []held // the instances that serve this exchange
	body       body
	choice     choice      // of a peer
	passing    passing     // through a proxy
	awaits     *reply      // it rests until a peer has something to say
	believed   bool        // a trusted proxy tells who the client is
	clientGone func() bool // ClientGone, bound once
	stepAside  func()      // StepAside, likewise
	unparsed   bool        // the head could not be parsed
	line       string      // its request line then
	restarts   int         // internal redirects so far

	headFiltered bool   // header_filter has run
	headSent     bool   // the head is on its way
	chunked      bool   // the body goes out in chunks
	noBody       bool   // the response ends with its head
	unfiltered   bool   // a filter has failed: the rest runs without
	failure      int    // the status of a failure that nothing may change any more, or 0
	keep         bool   // the connection may serve another request
	sendErr      error  // the connection is of no more use
	filtered     []byte // a filtered body, and what passes through on its way
}

// held is an instance that an exchange has taken; nil where there was none to
// be had.
type held struct {
	plugin   *plugins.Plugin
	instance *plugins.Instance
}

// init sets up an exchange, once.
func (x *exchange) init() {
	x.clientGone, x.stepAside = x.ClientGone, x.StepAside
	x.Exchange.Request = &x.request
	x.Exchange.Response = &x.response
	x.Exchange.Wire = x
	x.Exchange.Params = &x.params
}

// serve takes the next request of the connection through its life. It tells
// whether the connection can serve another. An exchange that awaits something
// rests: goOn is the rest of its life.
func (x *exchange) serve() (keep bool) {
	x.begin()
	switch status := x.receive(); status {
	case 0:
		x.prepare()
		if x.head.asterisk {
			x.response.SetStatusCode(fasthttp.StatusNoContent) // the server is there; no route is meant
		} else {
			x.walk()
			if x.awaits != nil {
				return true
			}
		}
		x.send()
	case -1:
		x.reset()
		return false
	default:
		x.refuse(status)
	}
	return x.finish()
}

// goOn takes up an exchange that has rested. What it answers is as of serve.
func (x *exchange) goOn() (keep bool) {
	x.awaits = nil
	x.passing.goOn()
	if x.awaits == nil && x.settle() {
		x.walk()
	}
	if x.awaits != nil {
		return true
	}
	x.send()
	return x.finish()
}

// finish is what follows a response.
func (x *exchange) finish() (keep bool) {
	x.log()
	counted := x.body.read
	keep = x.keep && x.sendErr == nil && x.drain()
	x.route.metrics.received.Add(int(x.body.read - counted))
	if !keep && x.sendErr == nil && !x.body.ended {
		x.conn.linger()
	}
	x.reset()
	return keep
}

// begin starts an exchange when its first byte has arrived.
func (x *exchange) begin() {
	c := x.conn
	c.requests++
	c.ended = 0
	x.Epoch = c.epoch
	x.Begun = time.Since(x.Epoch)
	x.generation = c.generation.Load()
	x.route = x.generation.fallback
	x.RemoteAddr, x.LocalAddr, x.TLS = c.remote, c.local, c.tls
	x.Connection, x.Requests = c.number, c.requests
	x.response.Header.SetNoDefaultContentType(true)
}

// prepare decides, from a parsed head, what does not depend on the route.
func (x *exchange) prepare() {
	h := &x.request.Header
	x.response.SkipBody = h.IsHead()
	x.keep = x.conn.stream == nil && !h.ConnectionClose() && x.conn.requests < x.generation.config.Server.Limits.Requests
	x.body.begin(x)
	x.believe()
}

// refuse answers a request that no plugin may see, and ends the connection:
// where the next request would begin nobody knows.
func (x *exchange) refuse(status int) {
	x.unfiltered, x.headFiltered = true, true
	x.answer(status)
	x.send()
}

// answer makes the response one of the server's own: a status and its text.
func (x *exchange) answer(status int) {
	r := &x.response
	r.CloseBodyStream()
	r.SetStatusCode(status)
	r.Header.SetContentType("") // fasthttp's default is that of the text
	r.SetBodyRaw(statusText(status))
}

// fail is answer for an error found while the request was on its way: the
// head set so far goes.
func (x *exchange) fail(status int) {
	x.failure = status
	if x.headSent {
		x.sendErr = errCutOff
		return
	}
	skip := x.response.SkipBody
	x.response.Reset()
	x.response.SkipBody = skip
	x.response.Header.SetNoDefaultContentType(true)
	x.answer(status)
}

// StepAside implements host.Wire.
func (x *exchange) StepAside() { x.conn.stepAside() }

// ClientGone implements host.Wire.
func (x *exchange) ClientGone() bool {
	switch c := x.conn; {
	case x.body.lent: // whoever reads it finds out
		return false
	case c.parent != nil:
		return c.parent.abandoned()
	case c.stream != nil:
		return c.stream.gone()
	default:
		return c.gone()
	}
}

// reset forgets the exchange but not its buffers, and gives its instances back.
func (x *exchange) reset() {
	x.releaseInstances()
	x.Exchange.Reset()
	x.request.Reset()
	x.response.Reset()
	x.params.Reset()
	x.body.reset()
	x.passing.reset()
	x.choice.reset()
	x.unparsed, x.line, x.restarts, x.head = false, "", 0, requestHead{}
	x.headFiltered, x.headSent, x.chunked, x.noBody, x.unfiltered, x.keep = false, false, false, false, false, false
	x.failure, x.sendErr, x.believed = 0, nil, false
	x.route, x.generation = nil, nil
	if cap(x.target) > maxKept {
		x.target = nil
	}
	if cap(x.filtered) > maxKept {
		x.filtered = nil
	}
}

func (x *exchange) releaseInstances() {
	for _, h := range x.held {
		if h.instance != nil {
			h.plugin.Release(h.instance)
		}
	}
	clear(x.held)
	x.held = x.held[:0]
}

// maxKept is how large a buffer an idle connection keeps.
const maxKept = 64 << 10
