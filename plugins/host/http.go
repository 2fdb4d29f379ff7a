package host

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/httpclient"
	"phasm/sdk/abi"
)

// HTTPSender sends requests; *httpclient.Client is one.
type HTTPSender interface {
	Start(*httpclient.Request) httpclient.Exchange
}

// httpGrants are the hosts that a plugin may send requests to.
type httpGrants struct {
	hosts  httpclient.Grants
	sender HTTPSender

	detached *atomic.Int32 // how many requests nobody waits for
}

func newHTTPGrants(g Grants) httpGrants {
	h := httpGrants{sender: g.HTTPSender, detached: new(atomic.Int32)}
	for _, pattern := range g.HTTP {
		if grant, err := httpclient.ParseGrant(pattern); err == nil {
			h.hosts = append(h.hosts, grant)
		}
	}
	return h
}

// maxHTTPCalls is how many requests of an instance may be open at once.
const maxHTTPCalls = 64

// maxDetached is how many of a plugin's requests may be on their way that
// nobody waits for.
const maxDetached = 64

// httpCalls are the requests that an instance has open, by their handles.
type httpCalls struct {
	open  [maxHTTPCalls]httpclient.Exchange
	timer *time.Timer // of the call that waits for one

	// running counts requests of which anything runs. One that is closed ends
	// a little later: a guest that opens and closes them must not pile them up.
	running atomic.Int32
}

const maxHTTPRunning = maxHTTPCalls + maxDetached

// closeHTTP closes all of them.
func (c *Call) closeHTTP() {
	if c.http == nil {
		return
	}
	for i, x := range c.http.open {
		if x != nil {
			x.Close()
			c.http.open[i] = nil
		}
	}
}

func httpRequest(c *Call, s []uint64) {
	method, ok1 := c.view(s[0], s[1])
	rawURL, ok2 := c.view(s[2], s[3])
	headers, ok3 := c.view(s[4], s[5])
	options, ok4 := c.view(s[6], s[7])
	body, ok5 := c.view(s[8], s[9])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		fail(s, abi.BadArgument)
		return
	}
	r, errno := parseHTTPRequest(method, rawURL, headers, options, body)
	if errno != 0 {
		fail(s, errno)
		return
	}
	grants := &c.Plugin.http
	if grants.sender == nil || !grants.hosts.Allow(r.URL) {
		c.notGranted(s, HTTP, bytesOf(httpclient.GrantFor(r.URL)))
		return
	}
	r.Grants = grants.hosts
	if c.http == nil {
		c.http = &httpCalls{timer: time.NewTimer(0)}
	}
	calls := c.http
	handle := slices.Index(calls.open[:], nil)
	switch {
	case handle < 0:
		fail(s, abi.NoMemory)
	case calls.running.Load() >= maxHTTPRunning:
		fail(s, abi.Busy)
	default:
		calls.running.Add(1)
		r.Ended = func() { calls.running.Add(-1) }
		calls.open[handle] = grants.sender.Start(r)
		answer(s, handle)
	}
}

// httpCall is the request that a handle stands for, nil where there is none.
func (c *Call) httpCall(handle uint64) httpclient.Exchange {
	n := api.DecodeI32(handle)
	if c.http == nil || n < 0 || n >= maxHTTPCalls {
		return nil
	}
	return c.http.open[n]
}

// await does something that may have to wait for a request: try answers
// abi.Busy where it must be tried again.
func (c *Call) await(x httpclient.Exchange, try func() (int, abi.Errno)) (int, abi.Errno) {
	if x == nil {
		return 0, abi.NotFound
	}
	n, errno := try()
	if errno == abi.Busy {
		n, errno = c.wait(x, try)
	}
	c.charge(x.Worked())
	switch errno {
	case 0, abi.Closed, abi.BadArgument:
	case abi.NotGranted:
		if reason := x.Reason(); reason != "" {
			c.Plugin.refusals.once(HTTP.String() + ": " + reason)
		}
	default:
		if reason := x.Reason(); reason != "" {
			c.Plugin.Log.Debug("HTTP request failed", "error", reason)
		}
	}
	return n, errno
}

// wait waits until the call's deadline at most, and not long after the client
// has gone.
func (c *Call) wait(x httpclient.Exchange, try func() (int, abi.Errno)) (int, abi.Errno) {
	c.stepAside()
	c.beginWait()
	defer c.EndWait()
	for look := c.waiting.Add(goneInterval); ; {
		next := look
		if !c.Until.IsZero() && c.Until.Before(next) {
			next = c.Until
		}
		c.http.timer.Reset(time.Until(next))
		select {
		case <-x.Wake():
		case <-c.http.timer.C:
			if c.late() {
				return 0, abi.Timeout
			}
			if c.Exchange != nil && c.Phase != abi.Log && c.Exchange.Wire.ClientGone() {
				return 0, abi.Closed
			}
			c.EndWait()
			c.charge(x.Worked())
			c.BeginWait()
			look = c.waiting.Add(goneInterval)
		}
		if n, errno := try(); errno != abi.Busy {
			return n, errno
		}
	}
}

func httpWrite(c *Call, s []uint64) {
	b, ok := c.view(s[1], s[2])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	x := c.httpCall(s[0])
	for {
		n, errno := c.await(x, func() (int, abi.Errno) { return x.Write(b) })
		if errno != 0 {
			fail(s, errno)
			return
		}
		if b = b[n:]; len(b) == 0 {
			done(s, true)
			return
		}
	}
}

func httpSend(c *Call, s []uint64) {
	x := c.httpCall(s[0])
	if x == nil {
		fail(s, abi.NotFound)
		return
	}
	answer(s, int(x.CloseWrite()))
}

// httpHead waits for a response's head.
func (c *Call) httpHead(handle uint64) (x httpclient.Exchange, status int, errno abi.Errno) {
	if x = c.httpCall(handle); x == nil {
		return nil, 0, abi.NotFound
	}
	status, errno = c.await(x, x.Status)
	return x, status, errno
}

func httpStatus(c *Call, s []uint64) {
	_, n, errno := c.httpHead(s[0])
	if errno != 0 {
		n = int(errno)
	}
	answer(s, n)
}

func httpHeaderGet(c *Call, s []uint64) {
	name, ok := c.view(s[1], s[2])
	if !ok || len(name) > maxFieldName {
		fail(s, abi.BadArgument)
		return
	}
	x, _, errno := c.httpHead(s[0])
	if errno != 0 {
		fail(s, errno)
		return
	}
	for other, value := range pairs(x.Header()) {
		if bytes.EqualFold(other, name) {
			c.reply(s, value, s[3], s[4])
			return
		}
	}
	fail(s, abi.NotFound)
}

func httpHeaderList(c *Call, s []uint64) {
	x, _, errno := c.httpHead(s[0])
	if errno != 0 {
		fail(s, errno)
		return
	}
	c.reply(s, x.Header(), s[1], s[2])
}

func httpRead(c *Call, s []uint64) {
	buf, ok := c.view(s[1], s[2])
	if !ok || len(buf) == 0 {
		fail(s, abi.BadArgument)
		return
	}
	x := c.httpCall(s[0])
	n, errno := c.await(x, func() (int, abi.Errno) { return x.Read(buf) })
	if errno != 0 {
		n = int(errno)
	}
	answer(s, n)
}

func httpError(c *Call, s []uint64) {
	x := c.httpCall(s[0])
	if x == nil {
		fail(s, abi.NotFound)
		return
	}
	c.replyText(s, x.Reason(), s[1], s[2])
}

func httpDetach(c *Call, s []uint64) {
	x := c.httpCall(s[0])
	if x == nil {
		fail(s, abi.NotFound)
		return
	}
	detached := c.Plugin.http.detached
	if detached.Add(1) > maxDetached {
		detached.Add(-1)
		fail(s, abi.Busy)
		return
	}
	if errno := x.Detach(func() { detached.Add(-1) }); errno != 0 {
		detached.Add(-1)
		fail(s, errno)
		return
	}
	c.http.open[api.DecodeI32(s[0])] = nil
	done(s, true)
}

func httpClose(c *Call, s []uint64) {
	x := c.httpCall(s[0])
	if x == nil {
		fail(s, abi.NotFound)
		return
	}
	x.Close()
	c.http.open[api.DecodeI32(s[0])] = nil
	done(s, true)
}
