package httpclient

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"

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
	// Detach lets the request go on by itself: the response is read and
	// dropped, within its time and for 4 MiB, and ended called. The exchange
	// must not be used any more. It answers abi.BadArgument, and does nothing,
	// where the request's body has not been ended.
	Detach(ended func()) abi.Errno
	// Close ends it, whatever is left. It may be called again.
	Close()
}

// exchange implements Exchange. A goroutine of its own talks to the transport;
// buffers stand between it and the plugin, so that a plugin's memory is
// touched by the plugin's own calls only.
type exchange struct {
	request *Request
	ctx     context.Context // ends with the exchange; its cause is context.Canceled where that has gone well
	cancel  context.CancelCauseFunc
	wake    chan struct{}
	steps   steps

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

// run sends the request and receives the response.
func (x *exchange) run(c *Client) {
	stop := context.AfterFunc(x.ctx, x.wakeTransport) // which may wait for the plugin
	x.steps.begin()
	err := x.exchange(c)
	x.steps.end()
	stop()
	if cause := context.Cause(x.ctx); err != nil && cause != nil {
		err = cause
	}
	x.mu.Lock()
	x.ended, x.upClosed = true, true
	x.err, x.errno = err, errnoOf(err)
	detach := x.detach
	x.change.Broadcast()
	x.mu.Unlock()
	x.cancel(err)
	x.tell()
	if detach != nil {
		detach()
	}
	x.leave()
}

func (x *exchange) wakeTransport() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.change.Broadcast()
}

func (x *exchange) exchange(c *Client) error {
	sender := http.Client{Transport: c.transport, CheckRedirect: x.redirect}
	ctx := context.WithValue(x.ctx, dialer{}, x)
	resp, err := sender.Do(x.message(httptrace.WithClientTrace(ctx, x.steps.trace())))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	x.steps.head()
	if resp.StatusCode < 100 {
		return fmt.Errorf("a response of status %d", resp.StatusCode)
	}
	body := io.Reader(resp.Body)
	if x.request.Decompress {
		if body, err = decompress(resp); err != nil {
			return fmt.Errorf("cannot decompress the response: %w", err)
		}
	}
	x.mu.Lock()
	x.status, x.header = resp.StatusCode, headerList(resp.Header)
	x.mu.Unlock()
	x.tell()
	err = x.receive(body, resp.ContentLength)
	if err == errDetached {
		return drop(resp.Body)
	}
	return err
}

// decompress is a response's body without gzip, and its head is like it.
func decompress(resp *http.Response) (io.Reader, error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
	default:
		return resp.Body, nil
	}
	if resp.Body == http.NoBody { // such as to HEAD
		return resp.Body, nil
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	body, err := gzip.NewReader(resp.Body)
	if err == io.EOF { // there is none after all
		return resp.Body, nil
	}
	return body, err
}

// message is the request for the transport.
func (x *exchange) message(ctx context.Context) *http.Request {
	r := x.request
	header := r.Header
	if header == nil {
		header = http.Header{}
	}
	dropOurs(header)
	if _, named := header["User-Agent"]; !named {
		header["User-Agent"] = []string{userAgent}
	}
	if r.Decompress {
		header["Accept-Encoding"] = []string{"gzip"}
	}
	m := &http.Request{Method: r.Method, URL: r.URL, Host: r.URL.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	switch {
	case r.Stream && r.Length != 0:
		m.Body, m.ContentLength = upload{x}, max(r.Length, -1)
	case len(r.Body) > 0:
		m.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		m.Body, _ = m.GetBody()
		m.ContentLength = int64(len(r.Body))
	}
	return m.WithContext(ctx)
}

// receive puts the response's body into the buffer, piece by piece.
func (x *exchange) receive(body io.Reader, length int64) error {
	piece := make([]byte, pieceSize(length))
	var received int64
	for {
		n, err := body.Read(piece)
		received += int64(n)
		if over := received - x.request.Most; x.request.Most > 0 && over > 0 {
			n, err = n-int(over), errTooLong
		}
		if err := x.deliver(piece[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pieceSize is what to read at once of a body of that length, unknown if less
// than 0.
func pieceSize(length int64) int64 {
	const least, most = 512, 16 << 10
	if length < 0 {
		return most
	}
	return min(most, max(least, length))
}

// deliver waits for room in the buffer.
func (x *exchange) deliver(p []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		switch {
		case x.closed:
			return errClosed
		case x.detach != nil:
			return errDetached
		}
		p = p[x.down.put(p):]
		x.tell()
		if len(p) == 0 {
			return nil
		}
		if err := context.Cause(x.ctx); err != nil {
			return err
		}
		x.change.Wait()
	}
}

// errDetached ends the receiving of a body for a plugin.
var errDetached = errors.New("the request was detached")

// drop reads on in the body of a detached request, as it comes, so that the
// server is not cut off and the connection is used again. Nobody counts what
// that takes: it has a bound.
func drop(body io.Reader) error {
	const most = 4 << 20
	_, err := io.CopyN(io.Discard, body, most)
	switch err {
	case nil:
		return errTooLong
	case io.EOF:
		return nil
	}
	return err
}

// upload is the request's body as the transport reads it.
type upload struct{ x *exchange }

// Read implements io.Reader.
func (u upload) Read(p []byte) (int, error) {
	x := u.x
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		switch {
		case x.closed || x.upClosed:
			return 0, errClosed
		case x.up.len() > 0:
			n := x.up.take(p)
			x.tell()
			return n, nil
		case x.upEnded:
			return 0, io.EOF
		case x.ctx.Err() != nil:
			return 0, context.Cause(x.ctx)
		}
		x.change.Wait()
	}
}

// Close implements io.Closer: the transport wants no more of it.
func (u upload) Close() error {
	x := u.x
	x.mu.Lock()
	x.upClosed = true
	x.change.Broadcast()
	x.mu.Unlock()
	x.tell()
	return nil
}

// tell wakes the plugin's side.
func (x *exchange) tell() {
	select {
	case x.wake <- struct{}{}:
	default: // there is a token
	}
}

func (x *exchange) Wake() <-chan struct{} { return x.wake }

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
