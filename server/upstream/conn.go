package upstream

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"phasm/plugins/socket"
	"phasm/server/deadline"
)

// Conn is a connection to a peer. It serves one exchange at a time, which ends
// it by Keep or Close. Beside Abort its methods are for one goroutine that
// reads and one that writes.
type Conn struct {
	R *bufio.Reader // reads within the patience; holds a whole head
	W *bufio.Writer // writes within the send timeout

	peer    *Peer
	net     net.Conn
	secure  bool
	tls     *tls.Config // where it is secure: that it was made with
	waits   bool        // it cannot tell when it is about to wait
	used    bool        // it has served an exchange before
	watcher Watcher     // nil: nobody
	pulse   pulse
	since   time.Time
	epoch   time.Time // when it was made; deadlines are counted from it

	patience Patience
	readBy   time.Duration // as set; 0: not
	writeBy  time.Duration
	sent     atomic.Int64 // when all of the request had been, or sending
}

// sending is in place of a time that is still to come.
const sending = -1

// Patience says how long an exchange waits for its peer.
type Patience struct {
	Read, Send time.Duration // at a time
	Gone       func() bool   // nobody waits for the answer any more; asked every second
	StepAside  func()        // called before what waits, or may wait; may be nil
}

func (p *Patience) stepAside() {
	if p.StepAside != nil {
		p.StepAside()
	}
}

// Watcher hears when there is something to read on a connection, by epoll(7) say,
// for as long as that is open.
type Watcher interface {
	// Heard tells whether there has been, since the last exchange began, without
	// one that was waiting for it.
	Heard() bool
	// Unwatch ends that, before the connection is closed.
	Unwatch()
}

// Errors of connections.
var (
	ErrTimeout = errors.New("the peer takes too long")
	ErrGone    = errors.New("the client has gone")
)

// Sizes of a connection's buffers, in bytes: what a peer's head may have, and
// what a request's head most often has.
const (
	readBuffer  = 16 << 10
	writeBuffer = 4 << 10
)

// buffers are lent to connections while they serve.
var buffers = struct{ readers, writers sync.Pool }{
	sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }},
	sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBuffer) }},
}

func newConn(p *Peer, nc net.Conn, secure bool, how *tls.Config) *Conn {
	c := &Conn{peer: p, secure: secure, tls: how, epoch: time.Now()}
	c.net = socket.Quick(nc, func() { c.patience.stepAside() })
	c.waits = c.net == nc
	c.feel()
	return c
}

// begin makes the connection ready for an exchange.
func (c *Conn) begin(patience Patience) {
	c.patience = patience
	c.sent.Store(0)
	c.R = buffers.readers.Get().(*bufio.Reader)
	c.W = buffers.writers.Get().(*bufio.Writer)
	c.R.Reset(reader{c})
	c.W.Reset(writer{c})
}

// end gives the buffers back.
func (c *Conn) end() {
	c.R.Reset(nil)
	c.W.Reset(nil)
	buffers.readers.Put(c.R)
	buffers.writers.Put(c.W)
	c.R, c.W, c.patience = nil, nil, Patience{}
}

// Used tells whether the connection has served an exchange before this one: the
// peer may have closed it meanwhile.
func (c *Conn) Used() bool { return c.used }

// Net is the connection itself, for a tunnel.
func (c *Conn) Net() net.Conn { return c.net }

// Watcher is what watches the connection, nil where nothing does.
func (c *Conn) Watcher() Watcher { return c.watcher }

// Watch has the connection know what watches it, for an exchange that has it.
func (c *Conn) Watch(w Watcher) { c.watcher = w }

// Called is for the watcher, if there is something to read that no exchange has
// waited for. A connection that waits for an exchange is closed then: its peer has
// closed it, or has sent what nobody has asked for. It may be called at any time.
func (c *Conn) Called() { c.peer.idle.drop(c) }

// Close ends the connection.
func (c *Conn) Close() {
	c.shut()
	c.end()
}

// shut closes the connection, which no exchange has any more.
func (c *Conn) shut() {
	if c.watcher != nil {
		c.watcher.Unwatch()
	}
	c.net.Close()
}

// Keep ends an exchange whose response has been read to its end, and keeps the
// connection for another.
func (c *Conn) Keep() {
	clean := c.R.Buffered() == 0 && c.W.Buffered() == 0
	c.end()
	c.used = true
	if !clean || !c.peer.idle.put(c) {
		c.shut()
	}
}

// Sends notes that the request is being sent while its response is waited for,
// which is not late before all of it has been sent, or that it is no more.
func (c *Conn) Sends(now bool) {
	if now {
		c.sent.Store(sending)
	} else {
		c.sent.Store(int64(time.Since(c.epoch)))
	}
}

// Abort has the writer of the connection fail.
func (c *Conn) Abort() { c.net.SetWriteDeadline(time.Unix(1, 0)) }

// reader and writer are what a connection's buffers read from and write to.
type (
	reader struct{ *Conn }
	writer struct{ *Conn }
)

// look is how often one who waits for a peer looks whether its client is still
// there.
const look = time.Second

func (r reader) Read(p []byte) (int, error) {
	c := r.Conn
	var begun time.Duration
	for {
		now := time.Since(c.epoch)
		sent := time.Duration(c.sent.Load())
		if begun == 0 || sent == sending {
			begun = now
		}
		begun = max(begun, sent)
		left := c.patience.Read - (now - begun)
		if left <= 0 {
			return 0, ErrTimeout
		}
		if by, changed := deadline.Move(c.readBy, now, min(left, look)); changed {
			c.readBy = by
			c.net.SetReadDeadline(c.epoch.Add(by))
		}
		if c.waits {
			c.patience.stepAside()
		}
		n, err := c.net.Read(p)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			if c.patience.Gone != nil && c.patience.Gone() {
				return 0, ErrGone
			}
			continue
		}
		return n, err
	}
}

func (w writer) Write(p []byte) (int, error) {
	c := w.Conn
	if by, changed := deadline.Move(c.writeBy, time.Since(c.epoch), c.patience.Send); changed {
		c.writeBy = by
		c.net.SetWriteDeadline(c.epoch.Add(by))
	}
	if c.waits {
		c.patience.stepAside()
	}
	n, err := c.net.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrTimeout
	}
	return n, err
}
