package httpclient

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"phasm/sdk/abi"
)

// Exchange is a request on its way, and its response. Nothing in it blocks:
// what is not there yet answers abi.Busy, and Wake tells when to ask again. One
// goroutine uses it at a time.
//
// What went wrong is abi.Timeout, abi.NotGranted (a redirect, or an address),
// abi.NoMemory (a body over Request.Most), abi.Closed (it was closed) or
// abi.IO.
type Exchange interface {
	// Wake gets a token when something has changed since the last.
	Wake() <-chan struct{}
	// Status is the response's status.
	Status() (int, abi.Errno)
	// Header are the response's headers once there is a status: a list name,
	// value, name, value, …, as guests get it, sorted by name. It must not be
	// changed.
	Header() []byte
	// Read reads on in the response's body; 0 without an error is its end.
	Read(p []byte) (int, abi.Errno)
	// Write adds to the request's body, some of p at least. It answers
	// abi.BadArgument for more than was announced or where the request has no
	// such body, and abi.Closed where nobody reads it: the response may have
	// come before its end.
	Write(p []byte) (int, abi.Errno)
	// CloseWrite ends the request's body.
	CloseWrite() abi.Errno
	// Reason says what went wrong, and is empty where nothing has.
	Reason() string
	// Worked is what the host has computed for it, by decompressing, since it was
	// asked last.
	Worked() time.Duration
	// Detach lets the request go on by itself: the response is read and
	// dropped, within its time and for 4 MiB, and ended called. The exchange
	// must not be used any more. It answers abi.BadArgument, and does nothing,
	// where the request's body has not been ended.
	Detach(ended func()) abi.Errno
	// Close ends it, whatever is left. It may be called again.
	Close()
}

// exchange implements Exchange. A goroutine of its own talks to the transport,
// see transfer.go; buffers stand between it and the plugin, so that a plugin's
// memory is touched by the plugin's own calls only.
type exchange struct {
	request *Request
	ctx     context.Context // ends with the exchange; its cause is context.Canceled where that has gone well
	cancel  context.CancelCauseFunc
	wake    chan struct{}
	steps   steps
	work    work

	mu     sync.Mutex
	change sync.Cond // of what follows, for the transport's side
	parts  int       // of it that run: the request, what connects for it

	up       buffer // the request's body
	written  int64
	upEnded  bool // all of it has been written
	upClosed bool // nobody reads it

	status int
	header []byte
	down   buffer // the response's body
	ended  bool   // all of it is there, or err
	err    error
	errno  abi.Errno
	closed bool
	detach func() // called at the end of a detached request
}

// Start sends a request, which it keeps, and answers at once. The caller has
// asked the grants, and closes the exchange.
func (c *Client) Start(r *Request) Exchange {
	x := &exchange{request: r, wake: make(chan struct{}, 1), parts: 1}
	x.change.L = &x.mu
	x.ctx, x.cancel = context.WithCancelCause(c.ctx)
	x.steps = steps{limits: r.Limits.complete(), cancel: x.cancel}
	x.upEnded = !r.Stream
	if !c.run(func() { x.run(c) }) {
		x.ended, x.upClosed, x.err, x.errno = true, true, errClosed, abi.Closed
		x.leave()
	}
	return x
}

// join begins a part of the exchange, false where nothing of it runs any more.
func (x *exchange) join() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.parts > 0 {
		x.parts++
		return true
	}
	return false
}

// leave ends a part.
func (x *exchange) leave() {
	x.mu.Lock()
	x.parts--
	over := x.parts == 0
	x.mu.Unlock()
	if over {
		x.request.end()
	}
}

// tell wakes the plugin's side.
func (x *exchange) tell() {
	select {
	case x.wake <- struct{}{}:
	default: // there is a token
	}
}

func (x *exchange) Wake() <-chan struct{} { return x.wake }

func (x *exchange) Worked() time.Duration { return x.work.more() }

func (x *exchange) Status() (int, abi.Errno) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return 0, abi.Closed
	case x.status > 0:
		return x.status, 0
	case x.ended:
		return 0, x.errno
	}
	return 0, abi.Busy
}

func (x *exchange) Header() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.header
}

func (x *exchange) Read(p []byte) (int, abi.Errno) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return 0, abi.Closed
	case x.down.len() > 0:
		x.change.Broadcast()
		return x.down.take(p), 0
	case x.ended:
		return 0, x.errno
	}
	return 0, abi.Busy
}

func (x *exchange) Write(p []byte) (int, abi.Errno) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.request
	switch {
	case !r.Stream || x.upEnded, r.Length >= 0 && int64(len(p)) > r.Length-x.written:
		return 0, abi.BadArgument
	case x.closed:
		return 0, abi.Closed
	case x.ended && x.errno != 0:
		return 0, x.errno
	case x.upClosed && len(p) > 0:
		return 0, abi.Closed
	}
	n := x.up.put(p)
	if n == 0 && len(p) > 0 {
		return 0, abi.Busy
	}
	x.written += int64(n)
	x.change.Broadcast()
	return n, 0
}

func (x *exchange) CloseWrite() abi.Errno {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.request.Stream {
		return abi.BadArgument
	}
	x.upEnded = true
	x.change.Broadcast()
	return 0
}

func (x *exchange) Reason() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	reason := x.reason()
	return reason[:min(len(reason), maxReason)]
}

// maxReason is how much of it is told: errors repeat what a server has said.
const maxReason = 500

// reason leaves out the URL, which may hold secrets.
func (x *exchange) reason() string {
	var failed *url.Error
	switch {
	case x.err == nil:
		return ""
	case errors.As(x.err, &failed):
		return failed.Err.Error()
	}
	return x.err.Error()
}

func (x *exchange) Detach(ended func()) abi.Errno {
	x.mu.Lock()
	over := x.ended
	if !x.upEnded {
		x.mu.Unlock()
		return abi.BadArgument
	}
	x.detach, x.down = ended, buffer{}
	x.change.Broadcast()
	x.mu.Unlock()
	if over {
		ended()
	}
	return 0
}

func (x *exchange) Close() {
	x.mu.Lock()
	x.closed = true
	x.up, x.down = buffer{}, buffer{}
	x.change.Broadcast()
	x.mu.Unlock()
	x.cancel(errClosed)
}

// errnoOf is what guests get for an error.
func errnoOf(err error) abi.Errno {
	var network net.Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTooSlow), errors.As(err, &network) && network.Timeout():
		return abi.Timeout
	case errors.Is(err, errAddress):
		return abi.NotGranted
	case errors.Is(err, errTooLong):
		return abi.NoMemory
	case errors.Is(err, errClosed):
		return abi.Closed
	}
	return abi.IO
}

// headerList are headers as guests get them, without those of the connection.
func headerList(h http.Header) []byte {
	length := h.Get("Content-Length")
	dropOurs(h)
	if length != "" {
		h["Content-Length"] = []string{length}
	}
	var list []byte
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			list = appendItem(appendItem(list, name), printable(value))
		}
	}
	return list
}

// printable is a header's value without control characters (RFC 9110, section
// 5.5), whatever the transport has let through.
func printable(value string) string {
	isControl := func(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
	b := []byte(value)
	for i, c := range b {
		if isControl(c) {
			b[i] = ' '
		}
	}
	return string(b)
}

func appendItem(dst []byte, item string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(item))), item...)
}
