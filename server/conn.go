package server

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// conn is a connection: it serves one exchange after the other on one
// goroutine. Its buffers and its exchange are used again for later connections.
type conn struct {
	server   *Server
	net      net.Conn
	r        *bufio.Reader
	w        *bufio.Writer
	number   uint64
	requests int
	idle     atomic.Bool // waits for the first byte of a request
	remote   netip.AddrPort
	local    netip.AddrPort

	// Since the exchange's epoch: a time within one connection.
	readDeadline  time.Duration // as set, see deadline.go
	writeDeadline time.Duration
	ended         time.Duration // when the last exchange ended, 0 while one runs

	x exchange
}

// writeBuffer holds the head and a small body: one system call a response.
const writeBuffer = 4 << 10

func (s *Server) newConn(nc net.Conn) *conn {
	c, _ := s.free.Get().(*conn)
	if c == nil {
		c = &conn{
			r: bufio.NewReaderSize(nil, int(s.config.Server.Limits.HeaderSize)),
			w: bufio.NewWriterSize(nil, writeBuffer),
		}
		c.x.init(c)
	}
	c.server, c.net = s, nc
	c.r.Reset(nc)
	c.w.Reset(c)
	c.number, c.requests = s.lastConn.Add(1), 0
	c.remote, c.local = addrPort(nc.RemoteAddr()), addrPort(nc.LocalAddr())
	c.x.Epoch = time.Now()
	c.readDeadline, c.writeDeadline, c.ended = 0, 0, 0
	s.metrics.connections.Add(1)
	return c
}

// linger ends a connection whose client may still be sending. Closing with
// bytes unread would make the kernel reset the connection, and the client
// might never see the response (nginx: lingering_close).
func (c *conn) linger() {
	if c.w.Flush() != nil {
		return
	}
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.net.SetReadDeadline(time.Now().Add(lingerTime))
	c.readDeadline = 0
	io.Copy(io.Discard, io.LimitReader(c.r, maxLinger))
}

// How long and for how many bytes a connection lingers.
const (
	lingerTime = 2 * time.Second
	maxLinger  = 16 << 20
)

// free gives the connection's buffers back, once it is closed.
func (c *conn) free() {
	s := c.server
	s.metrics.connections.Add(-1)
	c.server, c.net = nil, nil
	c.r.Reset(nil)
	c.w.Reset(nil)
	s.free.Put(c)
}

// serve runs the connection to its end. A panic is a bug of ours: it costs
// this connection and no other.
func (c *conn) serve() {
	defer func() {
		s := c.server
		if r := recover(); r != nil {
			s.metrics.panics.Inc()
			s.log.Error("BUG: panic while serving a request", "panic", r, "stack", string(debug.Stack()))
			c.net.Close()
			c.x.releaseInstances()
			s.remove(c)
			s.metrics.connections.Add(-1)
			return // what the connection held is in an unknown state: it is not used again
		}
		c.net.Close()
		s.remove(c)
		c.free()
	}()
	for c.awaitRequest() && c.x.serve() {
	}
	c.w.Flush()
}

// awaitRequest waits for the first byte of a request. False means that there
// is none: the client has closed, has been idle too long, or the server stops.
func (c *conn) awaitRequest() bool {
	if c.r.Buffered() > 0 {
		return true
	}
	if c.w.Buffered() > 0 && c.w.Flush() != nil {
		return false
	}
	c.readWithin(time.Duration(c.server.config.Server.Timeouts.Idle))
	c.idle.Store(true)
	if c.server.draining.Load() {
		return false
	}
	_, err := c.r.Peek(1)
	c.idle.Store(false)
	if c.server.draining.Load() {
		c.readDeadline = 0 // drain has set another one
	}
	return err == nil
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
