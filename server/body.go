package server

import (
	"bufio"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"phasm/plugins/host"
	"phasm/server/config"
)

// body is the request's body. Nothing of it is read before somebody asks, so a
// client that waits for "100 Continue" sends nothing to a server that refuses
// the request in access.
type body struct {
	length   int64     // by Content-Length; -1 for chunks
	awaited  bool      // the client waits for 100 Continue
	ended    bool      // nothing is left on the wire
	tooLarge bool      // there were more chunks than the limit allows
	tooSlow  bool      // the client has not sent it in time
	replaced bool      // kept is the whole body
	stream   io.Reader // what is left on the wire, nil after an error
	read     int64     // how much was taken off the wire

	waited time.Duration // for the client to send it
	chunks chunked       // which is one of these two
	sized  io.LimitedReader
	kept   []byte // what was read for others to read again
	lent   bool   // a sender has it: nobody else may look at it
}

// begin takes from the request's head, which plugins may change later, where
// the body ends. It reads nothing.
func (b *body) begin(x *exchange) {
	b.length = int64(x.request.Header.ContentLength())
	if s := x.conn.stream; s != nil {
		b.length = s.request.ContentLength
	}
	if b.ended = b.length == 0 || b.length < -1; b.ended {
		return
	}
	if s := x.conn.stream; s != nil {
		b.stream = streamBody{s}
		return
	}
	b.awaited = x.head.expects > 0 && x.head.http11
	if b.length < 0 {
		limits := &x.generation.config.Server.Limits
		b.chunks.begin(trailerLimits{int(limits.HeaderSize), limits.Headers})
		b.chunks.r = x.conn.r
		b.stream = &b.chunks
		return
	}
	b.sized = io.LimitedReader{R: x.conn.r, N: b.length}
	b.stream = &b.sized
}

// chunked is a request's body in chunks, without what is around its data.
type chunked struct {
	chunks
	r *bufio.Reader
}

// Read takes data off the wire. io.EOF comes once the last line has been read.
func (c *chunked) Read(p []byte) (int, error) {
	if c.left == 0 {
		if err := c.next(c.r); err != nil {
			return 0, err
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, unexpectedEnd(err)
}

// ReadBody implements host.Wire.
func (x *exchange) ReadBody(p []byte, offset int64, keep bool, deadline time.Time) (int, error) {
	b := &x.body
	switch {
	case b.lent:
		return 0, errConsumed
	case offset < int64(len(b.kept)):
		return copy(p, b.kept[offset:]), nil
	case b.ended || b.replaced:
		return 0, io.EOF
	case offset < b.read:
		return 0, errConsumed
	}
	n, err := b.next(x, p, deadline)
	if keep {
		b.kept = append(b.kept, p[:n]...)
	}
	return n, err
}

var (
	errConsumed = errors.New("this part of the request's body has been consumed")
	errBroken   = errors.New("an earlier read of the request's body failed")
)

// SetBody implements host.Wire. What is still on the wire is passed over when
// the exchange ends.
func (x *exchange) SetBody(p []byte) {
	x.body.kept = append(x.body.kept[:0], p...)
	x.body.replaced = true
}

// next takes some of the body off the wire. It waits for as long as the client
// has to send it, and until the deadline at most, where there is one.
func (b *body) next(x *exchange, p []byte, deadline time.Time) (int, error) {
	if b.stream == nil {
		return 0, errBroken
	}
	if err := b.sayContinue(x); err != nil {
		return 0, err
	}
	within, clients := b.patience(&x.generation.config.Server), true
	if !deadline.IsZero() {
		if left := time.Until(deadline); left < within {
			within, clients = left, false
		}
	}
	// What stands in the buffer already need not be timed, unless it may be a
	// part of a chunk's size only.
	timed := b.length < 0 || x.conn.r.Buffered() == 0
	var begun time.Duration
	if timed {
		begun = x.conn.now()
	}
	x.conn.readWithin(within)
	n, err := b.stream.Read(p)
	if timed {
		b.waited += x.conn.now() - begun
	}
	b.read += int64(n)
	switch {
	case b.read > x.route.body:
		b.tooLarge, b.stream = true, nil
		return 0, host.ErrBodyTooLarge
	case b.read == b.length, err == io.EOF && b.length == -1:
		b.ended = true
		if n > 0 {
			err = nil
		}
		return n, err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		b.stream = nil
		b.tooSlow = clients && errors.Is(err, os.ErrDeadlineExceeded)
	}
	return n, err
}

// patience is how long the client may take to send the next bytes: timeouts.body,
// but the whole body no longer than that and a second for each minimum_rate
// bytes of it. Only waiting counts, so the client answers for no slow plugin or
// peer.
func (b *body) patience(c *config.Server) time.Duration {
	within := time.Duration(c.Timeouts.Body)
	if rate := int64(c.Limits.MinimumRate); rate > 0 {
		earned := time.Duration(min(b.read/rate, math.MaxUint32)) * time.Second
		within = min(within, within+earned-b.waited)
	}
	return within
}

// sayContinue tells a client that waits for it that its body is wanted.
func (b *body) sayContinue(x *exchange) error {
	if !b.awaited {
		return nil
	}
	b.awaited = false
	n, _ := x.conn.w.WriteString("HTTP/1.1 100 Continue\r\n\r\n")
	x.BytesSent += int64(n)
	return x.conn.w.Flush()
}

// maxDrain is how much of a body that nobody wanted is read, so that the
// connection can serve another request.
const maxDrain = 256 << 10

// drainable tells whether the rest of the body may be small enough to drain.
func (b *body) drainable() bool {
	return !b.lent && (b.ended || !b.awaited && !b.tooLarge && b.length-b.read <= maxDrain)
}

// drain reads what is left of the body, for timeouts.body at most. It tells
// whether the next request can follow. The exchange ends with its body: time that
// the client takes over that is no time in which the connection is idle.
func (x *exchange) drain() bool {
	b := &x.body
	if b.ended {
		return true
	}
	if !b.drainable() || x.conn.w.Flush() != nil {
		return false
	}
	x.filtered = slices.Grow(x.filtered[:0], drainPiece)
	for limit := b.read + maxDrain; b.read < limit; {
		if _, err := b.next(x, x.filtered[:drainPiece], time.Time{}); b.ended || err != nil {
			x.conn.ended = time.Since(x.Epoch)
			return b.ended
		}
	}
	return false
}

const drainPiece = 16 << 10

// reset forgets the body, and its buffer where that has become large.
func (b *body) reset() {
	kept := b.kept[:0]
	if cap(kept) > maxKept {
		kept = nil
	}
	*b = body{kept: kept, chunks: chunked{chunks: chunks{trailer: b.chunks.trailer[:0]}}}
}
