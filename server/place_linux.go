package server

import (
	"net"
	"sync/atomic"
	"syscall"

	"phasm/plugins/socket"
)

// place is where a connection waits for its requests.
type place struct {
	loop   *loop   // nil: on a goroutine of its own
	leader *leader // what serves it
	fd     int     // nobody else closes it: see sever
	state  atomic.Int32
	since  atomic.Int64 // when it began to wait, after the loop's epoch
	trying bool         // a read shall not wait
	more   bool         // there may be more to read than was read last
	last   bool         // the client sends nothing more
	goesOn bool         // what is written goes on at once: see sendFile
}

// States of a connection. Whoever makes a waiting one busy owns it.
const (
	elsewhere int32 = iota // in no loop
	waiting
	busy
	calledBusy // there is something new to read
	lastBusy   // and nothing will come after it: the loop does not call again
)

// enter has a loop watch the connection, which stays busy until it parks.
// It is false where there is none, or the connection is not a bare socket.
func (c *conn) enter() bool {
	l := c.server.loops.next()
	tcp, ok := c.net.(*net.TCPConn)
	if l == nil || !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil || raw.Control(func(fd uintptr) { c.fd = int(fd) }) != nil {
		return false
	}
	c.loop, c.leader, c.more, c.last = l, &leader{loop: l}, true, false
	c.state.Store(busy)
	l.mu.Lock()
	l.conns[int32(c.fd)] = c
	l.mu.Unlock()
	if l.watch(c.fd) != nil {
		c.leave()
		return false
	}
	return true
}

// leave takes the connection out of its loop, before its socket is closed.
func (c *conn) leave() {
	l := c.loop
	if l == nil {
		return
	}
	c.state.Store(elsewhere)
	l.mu.Lock()
	delete(l.conns, int32(c.fd))
	l.mu.Unlock()
	c.loop, c.leader = nil, nil
}

// park lets the connection wait in its loop, and gives it out of hand: only if
// it is false may the caller use it further, as there may be something to read.
func (c *conn) park() bool {
	if c.desk != nil {
		c.getUp()
	}
	c.since.Store(int64(c.epoch.Sub(c.loop.epoch) + c.now()))
	s := c.server
	if !c.state.CompareAndSwap(busy, waiting) {
		c.last = c.state.Swap(busy) == lastBusy || c.last
		c.more = true
		return false
	}
	return !s.draining.Load() || !c.state.CompareAndSwap(waiting, busy)
}

// recall has a connection that waits served by a goroutine of its own.
func (c *conn) recall() bool {
	if !c.state.CompareAndSwap(waiting, busy) {
		return false
	}
	c.goOn()
	return true
}

// goOn has a connection that the caller owns go on on a goroutine of its own.
func (c *conn) goOn() {
	c.leader = &leader{loop: c.loop}
	go c.serveRequests()
}

// answer serves a connection that was called, unless somebody serves it already:
// that one will look for more.
func (l *leader) answer(c called) {
	conn, news := c.conn, calledBusy
	if c.last {
		news = lastBusy
	}
	for {
		switch state := conn.state.Load(); state {
		case waiting:
			if conn.state.CompareAndSwap(waiting, busy) {
				conn.leader, conn.more, conn.last = l, true, c.last
				conn.serveRequests()
				return
			}
		case busy, calledBusy:
			if conn.state.CompareAndSwap(state, news) {
				return
			}
		default:
			return
		}
	}
}

// mostOfOne is how many requests of a pipeline are served while others wait.
const mostOfOne = 16

// serveRequests serves requests until the connection waits again, or ends.
func (c *conn) serveRequests() {
	defer c.contain()
	for n := 1; ; n++ {
		keep := false
		switch c.next() {
		case aRequest:
			keep = c.use() && c.x.serve()
		case aReply:
			keep = c.x.goOn()
		case noRequest:
			return
		}
		if !keep {
			c.end()
			return
		}
		if r := c.x.awaits; r != nil && r.await(c) {
			return
		}
		if n%mostOfOne == 0 {
			c.stepAside()
		}
	}
}

// What next finds.
const (
	aRequest  = iota
	aReply    // that its exchange awaits
	noRequest // yet: the connection waits, in others' hands
	noMore
)

// next looks for what is to be served.
func (c *conn) next() int {
	if c.desk != nil {
		if c.x.awaits != nil {
			return aReply
		}
		if c.r.Buffered() > 0 {
			return aRequest
		}
		if c.w.Buffered() > 0 && c.w.Flush() != nil {
			return noMore
		}
	}
	c.letGo()
	for {
		if c.server.draining.Load() {
			if c.awaitLast() {
				return aRequest
			}
			return noMore
		}
		if c.more || c.last {
			c.sitDown()
			c.trying = true
			_, err := c.r.Peek(1)
			c.trying = false
			switch err {
			case nil:
				return aRequest
			case syscall.EAGAIN:
			default:
				return noMore
			}
		}
		if c.park() {
			return noRequest
		}
	}
}

// read reads what has come, or waits for it.
func (c *conn) read(p []byte) (n int, err error) {
	if c.loop == nil {
		return c.net.Read(p)
	}
	if c.trying || c.leader.leading.Load() {
		if n, err = c.tryRead(p); err != syscall.EAGAIN || c.trying {
			return n, err
		}
		c.stepAside()
	}
	n, err = c.net.Read(p)
	c.more = n == len(p)
	return n, err
}

// tryRead reads what has come.
func (c *conn) tryRead(p []byte) (int, error) {
	n, err := socket.TryReceive(uintptr(c.fd), p)
	c.more = n == len(p)
	return n, err
}

// write writes within the deadline that is set.
func (c *conn) write(p []byte) (int, error) {
	if c.loop == nil {
		return c.net.Write(p)
	}
	n := 0
	if len(p) <= socket.AtOnce {
		var err error
		if n, err = socket.TrySend(uintptr(c.fd), p, c.goesOn); err != syscall.EAGAIN {
			return n, err
		}
	}
	c.stepAside()
	rest, err := c.net.Write(p[n:])
	return n + rest, err
}

// writeBoth writes all of a piece, and of the one behind it what the socket takes
// in the same system call.
func (c *conn) writeBoth(p, behind []byte) (n int, err error) {
	if c.loop == nil {
		return c.write(p)
	}
	var errno syscall.Errno = syscall.EINTR
	for errno == syscall.EINTR {
		n, errno = socket.SendBoth(uintptr(c.fd), p, behind[:min(len(behind), socket.AtOnce)])
	}
	switch {
	case errno == syscall.EAGAIN:
		n = 0
	case errno != 0:
		return 0, errno
	}
	if n >= len(p) {
		return n, nil
	}
	rest, err := c.write(p[n:])
	return n + rest, err
}

// stepAside has others served by another goroutine, because this connection is
// about to wait or to compute for long.
func (c *conn) stepAside() {
	if c.leader != nil {
		c.leader.stepAside()
	}
}

// sever ends a connection that somebody else serves. In a loop that one closes the
// socket: its descriptor must not become another's under it.
func (c *conn) sever() {
	if tcp, ok := c.socket.(*net.TCPConn); ok && c.state.Load() != elsewhere {
		tcp.CloseRead()
		tcp.CloseWrite()
		return
	}
	c.socket.Close() // not TLS, which would say good-bye first
}
