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

// listener is an open listener for requests.
type listener struct {
	*net.TCPListener
	name    string // when it was opened; a reload may rename it
	address string // as the configuration has it
	ending  atomic.Bool

	tls        *tls.Config                // see tlsConfig
	protection atomic.Pointer[protection] // of the generation in use, nil while connections are plain
	fronted    atomic.Bool                // likewise: connections begin with a PROXY header
}

func newListener(l *net.TCPListener, name, address string) *listener {
	made := &listener{TCPListener: l, name: name, address: address}
	made.tls = made.tlsConfig()
	return made
}

// protect has the listeners greet clients as their generation says.
func (s sockets) protect(g *generation) {
	for i, l := range s.listeners {
		l.protection.Store(g.protections[i])
		l.fronted.Store(g.config.Listeners[i].ProxyProtocol)
	}
}

// bind opens what a configuration listens on. What is open at the same address
// already stays open and is taken over. All that fails is reported together,
// and nothing new is left open then.
func (s *Server) bind(ctx context.Context, c *config.Config) (next sockets, err error) {
	s.mu.Lock()
	used := s.sockets
	s.mu.Unlock()
	var problems []config.Problem
	open := func(path, address string) *net.TCPListener {
		l, err := listen(ctx, address)
		if err != nil {
			problems = append(problems, c.Problem(path, "cannot listen on %s: %v", address, listenCause(err)))
		}
		return l
	}
	spare := slices.Clone(used.listeners)
	for _, l := range c.Listeners {
		if i := slices.IndexFunc(spare, func(o *listener) bool { return o.address == l.Address }); i >= 0 {
			next.listeners = append(next.listeners, spare[i])
			spare = slices.Delete(spare, i, i+1) // port 0 may stand there more than once
		} else if opened := open("listeners."+l.Name+".address", l.Address); opened != nil {
			next.listeners = append(next.listeners, newListener(opened, l.Name, l.Address))
		}
	}
	switch address := c.Admin.Address; {
	case address == "":
	case used.admin != nil && used.admin.address == address:
		next.admin = used.admin
	default:
		if opened := open("admin.address", address); opened != nil {
			next.admin = newAdmin(ctx, s, opened, address)
		}
	}
	if problems != nil {
		next.without(used).close()
		return sockets{}, config.Join(problems...)
	}
	return next, nil
}

func listen(ctx context.Context, address string) (*net.TCPListener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// listenCause is the part of a listen error that says why.
func listenCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
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
		s.accepting.Go(func() { s.accept(l) })
	}
	if a := opened.admin; a != nil {
		s.log().Info("listening", "listener", "admin", "address", a.listener.Addr().String())
		go a.serve()
	}
}

// close closes what has never been opened to connections, or has been stopped.
func (s sockets) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	if s.admin != nil {
		s.admin.close()
	}
}

// stop ends the listener's accept loop, which closes it.
func (l *listener) stop() {
	l.SetDeadline(time.Unix(1, 0)) // before ending is set: the loop sets another one then
	l.ending.Store(true)
}

// What a listener that ends still takes out of the kernel's queue: clients
// count these as connected, and may have sent a request already.
const (
	maxQueue  = 4096                 // connections
	queueWait = 1 * time.Millisecond // how long an empty queue is waited for
)

// accept takes connections from a listener until it is stopped.
func (s *Server) accept(l *listener) {
	defer l.Close()
	var pause time.Duration
	for queue := maxQueue; queue > 0; {
		ending := l.ending.Load()
		if ending {
			queue--
			l.SetDeadline(time.Now().Add(queueWait))
		}
		nc, err := l.Accept()
		switch {
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
		pause = 0
		if c := s.admit(nc, l.fronted.Load()); c != nil {
			if l.protection.Load() != nil {
				c.listener = l
			}
			go c.serve()
		}
	}
}

// ServeConn serves one connection that somebody else has accepted, and returns
// when it is closed.
func (s *Server) ServeConn(nc net.Conn) {
	if c := s.admit(nc, false); c != nil {
		c.serve()
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
