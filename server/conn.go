package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"phasm/server/config"
)

// conn is a connection: it serves one exchange after the other. It is used again
// for later connections.
type conn struct {
	*desk // nil while it waits in a loop
	place
	server     *Server
	net        net.Conn // what requests come over: the socket, or TLS above it
	socket     net.Conn
	listener   *listener            // of TLS, nil for others
	tls        *tls.ConnectionState // once there has been a handshake
	fronted    bool                 // begins with a PROXY header
	shaking    atomic.Bool          // what precedes the first request runs
	number     uint64
	requests   int
	idle       atomic.Bool                // waits for the first byte of a request
	generation atomic.Pointer[generation] // of the last request, and of the next unless it is replaced; see use
	config     *config.Config             // the generation's
	remote     netip.AddrPort
	local      netip.AddrPort
	counted    netip.Prefix // where its client counts, if it does; belongs to the server's lock

	epoch         time.Time     // when the connection began; what follows is since then
	readDeadline  time.Duration // as set, see deadline.go
	writeDeadline time.Duration
	ended         time.Duration // when the last exchange ended, 0 while one runs

	flushBy time.Time // when a flush that runs must have ended, zero for never
	behind  []byte    // what goes out behind the buffer, see outlet

	parent      *subrequest  // of a subrequest's connection, nil for others
	stream      *stream      // likewise, of one that serves a stream of HTTP/2
	multiplexed *multiplexed // of one that has streams
}

func (s *Server) newConn(nc net.Conn) *conn {
	c := s.prepareConn(nc, s.generation.Load().config)
	c.remote, c.local = addrPort(nc.RemoteAddr()), addrPort(nc.LocalAddr())
	s.metrics.connections.Add(1)
	return c
}

// prepareConn takes a connection that has ended, or makes one.
func (s *Server) prepareConn(nc net.Conn, config *config.Config) *conn {
	c, _ := s.free.Get().(*conn)
	if c == nil {
		c = &conn{}
	}
	c.server, c.net, c.socket, c.config = s, nc, nc, config
	c.sitDown()
	c.number, c.requests = s.lastConn.Add(1), 0
	c.idle.Store(true)
	c.epoch = time.Now()
	c.readDeadline, c.writeDeadline, c.ended = 0, 0, 0
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

// free lets the connection be used again, once it is closed.
func (c *conn) free() {
	s := c.server
	if c.parent == nil && c.stream == nil {
		s.metrics.connections.Add(-1)
	}
	c.net, c.socket, c.parent = nil, nil, nil
	c.listener, c.tls, c.stream, c.multiplexed, c.fronted = nil, nil, nil, nil, false
	c.generation.Store(nil)
	if c.desk != nil {
		c.getUp()
	}
	c.server = nil
	s.free.Put(c)
}

// flush sends what waits in the connection's buffer.
func (c *conn) flush() error {
	err := c.w.Flush()
	if err == nil && c.stream != nil {
		c.writeWithin(time.Duration(c.config.Server.Timeouts.Write))
		err = c.stream.flush()
	}
	return err
}

// deliver sees to it that the client has the whole response, where more than a
// later flush of the connection is needed for that.
func (c *conn) deliver(err error) error {
	if err == nil {
		err = c.w.Flush()
	}
	if c.stream != nil {
		c.stream.finish(err != nil, time.Duration(c.config.Server.Timeouts.Write))
	}
	return err
}

// serve runs the connection until it waits in a loop, or where it does not to its
// end.
func (c *conn) serve() {
	defer c.contain()
	if !c.welcome() {
		c.end()
		return
	}
	if c.tls == nil && c.enter() {
		c.serveRequests()
		return
	}
	c.serveAlone()
}

// serveAlone serves requests to the connection's end on this goroutine.
func (c *conn) serveAlone() {
	for c.awaitRequest() && c.x.serve() {
	}
	c.end()
}

// welcome runs what precedes the first request. It is false where there will be
// none, and once a connection of HTTP/2 has ended.
func (c *conn) welcome() bool {
	if c.fronted && !c.readProxyHeader() {
		return false
	}
	if c.listener == nil {
		return true
	}
	if !c.handshake() {
		return false
	}
	if c.tls.NegotiatedProtocol == protocolHTTP2 {
		c.serveHTTP2()
		return false
	}
	return true
}

// end closes the connection.
func (c *conn) end() {
	if c.desk != nil {
		c.w.Flush()
	}
	c.leave()
	c.net.Close()
	c.letGo()
	c.server.remove(c)
	c.free()
}

// contain ends a connection that has panicked: a bug of ours costs it and no
// other.
func (c *conn) contain() {
	r := recover()
	if r == nil {
		return
	}
	s := c.server
	s.metrics.panics.Inc()
	s.log().Error("BUG: panic while serving a request", "panic", r, "stack", string(debug.Stack()))
	c.leave()
	c.net.Close()
	if c.desk != nil {
		c.x.releaseInstances()
		c.x.Release()
	}
	c.letGo()
	s.remove(c)
	s.metrics.connections.Add(-1) // what the connection held is in an unknown state: it is not used again
}

// greet runs what precedes a connection's first request. It has as long as the
// head of a request, and while the server stops as long as a last request. What
// it answers without an error is what requests come over.
func (c *conn) greet(run func() (net.Conn, error)) error {
	s := c.server
	s.mu.Lock()
	limit := time.Duration(c.config.Server.Timeouts.Header)
	if s.draining.Load() {
		limit = min(limit, lastWait)
	}
	c.shaking.Store(true)
	c.socket.SetDeadline(time.Now().Add(limit))
	s.mu.Unlock()

	over, err := run()

	s.mu.Lock()
	defer s.mu.Unlock()
	c.shaking.Store(false)
	c.socket.SetDeadline(time.Time{})
	if err == nil {
		c.net = over
	}
	return err
}

// awaitRequest waits for the first byte of a request and holds on to the
// generation that is to serve it. False means that there is none: the client
// has closed, has been idle too long, or the server stops.
func (c *conn) awaitRequest() bool {
	if c.r.Buffered() > 0 {
		return c.use()
	}
	if c.w.Buffered() > 0 && c.w.Flush() != nil {
		return false
	}
	c.readWithin(time.Duration(c.config.Server.Timeouts.Idle))
	c.letGo()
	if !c.server.draining.Load() {
		if _, err := c.r.Peek(1); err == nil {
			return c.use()
		}
	}
	return c.server.draining.Load() && c.awaitLast() && c.use()
}

// lastWait is how long after its last response a connection is still open for
// a request while the server stops: one that the client has sent before it
// could see that the server stops must not be lost (nginx:
// keepalive_min_timeout).
const lastWait = 500 * time.Millisecond

// awaitLast waits for the first byte of a connection's last request.
func (c *conn) awaitLast() bool {
	c.takeOver()
	left := lastWait - (time.Since(c.epoch) - c.ended)
	c.net.SetReadDeadline(time.Now().Add(max(left, time.Millisecond))) // what has arrived is read in any case
	c.sitDown()
	_, err := c.r.Peek(1)
	return err == nil
}

// use holds on to the server's generation for a request: nobody closes it
// before the connection lets it go. It is a hazard pointer: the connection says
// that it is busy, and with what, and then looks whether that is still the
// server's. Whoever has replaced it before that look is noticed by it; whoever
// does so later sees what the connection has said (see inUse). So a request
// costs one write, to memory that is the connection's own.
//
// It is false once the server has cut off its connections.
func (c *conn) use() bool {
	if c.idle.Load() {
		c.idle.Store(false)
	}
	if c.generation.Load() != c.server.generation.Load() {
		c.renew()
	}
	return !c.server.draining.Load() || c.takeOver()
}

// renew takes the server's generation, in place of one that was replaced.
func (c *conn) renew() {
	for g := c.server.generation.Load(); ; g = c.server.generation.Load() {
		old := c.generation.Swap(g)
		if old == g {
			return
		}
		c.config = g.config
		if old != nil {
			old.wake()
		}
	}
}

// takeOver waits until drain, which may have taken the connection for idle,
// has set its last deadline, and forgets what is set. It is false once the
// server has cut off its connections.
func (c *conn) takeOver() bool {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.readDeadline = 0
	return !c.server.cutOff
}

// letGo lets others close the connection's generation. Who waits for that is
// told.
func (c *conn) letGo() {
	c.idle.Store(true)
	if g := c.generation.Load(); g != nil && g != c.server.generation.Load() {
		g.wake()
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
