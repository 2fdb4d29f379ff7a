package server

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"phasm/server/config"
)

// multiplexed is a connection of HTTP/2. net/http speaks the protocol; each request becomes an exchange on a connection in memory, which
// takes the way of every other. It outlives the conn that it was made from.
type multiplexed struct {
	server   *Server
	base     *http.Server // of this connection alone: to shut it down ends no other
	tls      *tls.ConnectionState
	remote   netip.AddrPort
	local    netip.AddrPort
	number   uint64
	requests atomic.Int64
	begun    atomic.Bool // the client speaks HTTP/2
	ended    atomic.Bool // end has been called
}

// HTTP/2's names: in the handshake (ALPN), and in logs and variables.
const (
	protocolHTTP2 = "h2"
	nameHTTP2     = "HTTP/2.0"
)

// Bounds of a connection of HTTP/2. Who opens and resets streams faster than
// they end is cut off by net/http: a stream counts until its exchange has
// ended.
const (
	maxStreams   = 128       // at once (nginx: http2_max_concurrent_streams)
	streamBuffer = 256 << 10 // bytes of each stream's body that nobody has read yet
	// As many of the connection's. With fewer, some bodies that are not read would
	// take all of it from the others (nginx: as many as HTTP/2 can have).
	connBuffer = maxStreams * streamBuffer
)

// fieldOverhead is what a field counts beside its name and value, in bytes (RFC
// 9113, section 6.5.2). net/http refuses heads that are far too large, which no
// log and no metric shows; those within twice the limits get past it, to be held
// to them as over HTTP/1.1.
const fieldOverhead = 32

// serveHTTP2 serves a connection whose client has chosen HTTP/2, to its end.
func (c *conn) serveHTTP2() {
	timeouts, limits := &c.config.Server.Timeouts, &c.config.Server.Limits
	m := &multiplexed{server: c.server, tls: c.tls, remote: c.remote, local: c.local, number: c.number}
	l := &handedOver{conn: c.net, closed: make(chan struct{})}
	m.base = &http.Server{
		Handler:        m,
		MaxHeaderBytes: 2 * (int(limits.HeaderSize) + fieldOverhead*limits.Headers),
		IdleTimeout:    time.Duration(timeouts.Idle),
		ErrorLog:       log.New(io.Discard, "", 0),
		Protocols:      new(http.Protocols),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateActive:
				c.beginHTTP2()
			case http.StateClosed:
				l.once.Do(func() { close(l.closed) })
			}
		},
		// OPTIONS * is answered by the server, and logged, as over HTTP/1.1.
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: connBuffer,
			MaxReceiveBufferPerStream:     streamBuffer,
			SendPingTimeout:               time.Duration(timeouts.Idle), // then it asks whether the client is there
			WriteByteTimeout:              time.Duration(timeouts.Write),
		},
	}
	m.base.Protocols.SetHTTP2(true)
	l.begin = func() {
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.multiplexed = m
		c.net.SetReadDeadline(time.Time{}) // drain may have taken the connection for idle
		c.hastenHTTP2()
	}
	_ = m.base.Serve(l) // it ends when the connection does, or with end
	<-l.closed
}

// hastenHTTP2 has a client that has not yet begun to speak HTTP/2 do so soon, where
// the server stops. It is called locked.
func (c *conn) hastenHTTP2() {
	if c.server.draining.Load() && !c.multiplexed.begun.Load() {
		c.net.SetReadDeadline(time.Now().Add(lastWait))
	}
}

// beginHTTP2 is called when a client begins to speak HTTP/2, and again whenever it
// has been idle.
func (c *conn) beginHTTP2() {
	m := c.multiplexed
	if m.begun.Load() {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	m.begun.Store(true)
	c.net.SetReadDeadline(time.Time{})
}

// end asks the client to send no further requests (GOAWAY). Those that it has
// sent are served, then the connection closes. It does nothing before the client
// has begun to speak HTTP/2, or a second time.
func (m *multiplexed) end() {
	if !m.begun.Load() || m.ended.Swap(true) {
		return
	}
	done, cancel := context.WithCancel(context.Background())
	cancel() // who waits for the connection waits elsewhere
	go m.base.Shutdown(done)
}

// handedOver is a listener that hands over one connection, whose handshake is
// done, and then waits until that is closed.
type handedOver struct {
	conn   net.Conn
	begin  func() // is told that the connection is handed over
	once   sync.Once
	closed chan struct{}
}

func (l *handedOver) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		l.begin()
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *handedOver) Close() error   { return nil }
func (l *handedOver) Addr() net.Addr { return nil }

// ServeHTTP serves one request.
func (m *multiplexed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := m.server
	c := s.generation.Load().config
	number := int(m.requests.Add(1))
	if number >= c.Server.Limits.Requests { // a reload may have lowered it
		m.end()
	}
	st := newStream(w, r)
	go s.streamConn(m, st, c, number).serveStream()
	<-st.done
	if st.failed {
		panic(http.ErrAbortHandler) // resets the stream
	}
}

// streamConn is the connection in memory that serves one stream.
func (s *Server) streamConn(m *multiplexed, st *stream, config *config.Config, number int) *conn {
	c := s.prepareConn(st, config)
	c.stream = st
	c.remote, c.local, c.number, c.tls = m.remote, m.local, m.number, m.tls
	c.requests = number - 1
	return c
}

// serveStream serves the one request of a stream.
func (c *conn) serveStream() {
	s, st := c.server, c.stream
	defer st.finish(true, 0) // where it has not been finished well
	if !s.addStream(c) {
		c.free()
		return
	}
	defer func() {
		e := recover()
		if e != nil {
			s.metrics.panics.Inc()
			s.log().Error("BUG: panic while serving a stream", "panic", e, "stack", string(debug.Stack()))
			c.x.releaseInstances()
			c.x.Release()
		}
		c.letGo()
		s.removeStream(c)
		if e == nil {
			c.free()
		}
	}()
	if c.use() {
		c.x.serve()
	}
}
