package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"phasm/server/config"
)

// sockets are what a server listens on.
type sockets struct {
	listeners []*listener // in the order of the configuration
	admin     *admin      // nil where there is none
}

// listener is what one of the configuration's listeners has open: a socket, or
// several that clients cannot tell apart.
type listener struct {
	sockets []*net.TCPListener
	name    string // when it was opened; a reload may rename it
	address string // as the configuration has it
	shared  bool   // its port is (SO_REUSEPORT)
	ending  atomic.Bool

	tls        *tls.Config                // see tlsConfig
	protection atomic.Pointer[protection] // of the generation in use, nil while connections are plain
	fronted    atomic.Bool                // likewise: connections begin with a PROXY header
}

func newListener(opened []*net.TCPListener, c *config.Listener) *listener {
	l := &listener{sockets: opened, name: c.Name, address: c.Address, shared: c.ReusePort}
	l.tls = l.tlsConfig()
	return l
}

// Addr is what it is bound to.
func (l *listener) Addr() net.Addr { return l.sockets[0].Addr() }

func (l *listener) close() {
	for _, socket := range l.sockets {
		socket.Close()
	}
}

// protect has the listeners greet clients as their generation says.
func (s sockets) protect(g *generation) {
	for i, l := range s.listeners {
		l.protection.Store(g.protections[i])
		l.fronted.Store(g.config.Listeners[i].ProxyProtocol)
	}
}

// without is what others do not have.
func (s sockets) without(others sockets) sockets {
	rest := sockets{admin: s.admin}
	if s.admin == others.admin {
		rest.admin = nil
	}
	for _, l := range s.listeners {
		if !slices.Contains(others.listeners, l) {
			rest.listeners = append(rest.listeners, l)
		}
	}
	return rest
}

// open begins to accept connections. It is called locked.
func (s *Server) open(ctx context.Context, opened sockets) {
	for _, l := range opened.listeners {
		s.log().Info("listening", "listener", l.name, "address", l.Addr().String())
		for _, socket := range l.sockets {
			s.accepting.Go(func() { s.accept(l, socket) })
		}
	}
	if a := opened.admin; a != nil {
		s.log().Info("listening", "listener", "admin", "address", a.listener.Addr().String())
		go a.serve()
	}
}

// close closes what has never been opened to connections, or has been stopped.
func (s sockets) close() {
	for _, l := range s.listeners {
		l.close()
	}
	if s.admin != nil {
		s.admin.close()
	}
}

// stop ends the listener's accept loops, which close its sockets.
func (l *listener) stop() {
	for _, socket := range l.sockets {
		socket.SetDeadline(time.Unix(1, 0)) // before ending is set: the loop sets another one then
	}
	l.ending.Store(true)
}

// What a listener that ends still takes out of the kernel's queue: clients
// count these as connected, and may have sent a request already. Accept does not
// look at all where its time is over before it begins, as on a busy machine it
// may be: one look that has found nothing proves little.
const (
	maxQueue  = 4096                 // connections
	queueWait = 1 * time.Millisecond // how long a look at an empty queue takes
	moreLooks = 4                    // after one that has found nothing
)

// accept takes connections from a listener's socket until it is stopped.
func (s *Server) accept(l *listener, socket *net.TCPListener) {
	defer socket.Close()
	var pause time.Duration
	for queue, empty := maxQueue, 0; queue > 0; {
		ending := l.ending.Load()
		if ending {
			queue--
			socket.SetDeadline(time.Now().Add(queueWait))
		}
		nc, err := socket.Accept()
		switch {
		case ending && errors.Is(err, os.ErrDeadlineExceeded) && empty < moreLooks:
			empty++
			continue
		case err != nil && (ending || errors.Is(err, net.ErrClosed)):
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue // it ends
		case err != nil:
			// Out of file descriptors, most of all: others may be closed soon.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log().Error("cannot accept a connection", "error", err, "retry_in", pause.String())
			time.Sleep(pause)
			continue
		}
		pause, empty = 0, 0
		if c := s.admit(nc, l.fronted.Load()); c != nil {
			if l.protection.Load() != nil {
				c.listener = l
			}
			c.begin()
		}
	}
}

// begin serves the connection, in a loop if no more is needed.
func (c *conn) begin() {
	switch {
	case c.listener != nil || c.fronted || !c.enter():
		go c.serve()
	case !c.park():
		go c.serveRequests()
	}
}

// admit puts a connection among the open ones, or closes it and answers nil.
// One that is fronted begins with a PROXY header.
func (s *Server) admit(nc net.Conn, fronted bool) *conn {
	c := s.newConn(nc)
	c.fronted = fronted
	if !s.add(c) {
		s.metrics.refused.Inc()
		nc.Close()
		c.free()
		return nil
	}
	return c
}
