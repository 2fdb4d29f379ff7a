package server

import (
	"context"
	"errors"
	"net"
	"time"
)

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

// accept takes connections from a listener until it is closed.
func (s *Server) accept(l net.Listener) {
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of file descriptors, most of all: others may be closed soon.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Error("cannot accept a connection", "error", err, "retry_in", pause.String())
			time.Sleep(pause)
			continue
		}
		pause = 0
		c := s.newConn(nc)
		if !s.add(c) {
			s.metrics.refused.Inc()
			nc.Close()
			c.free()
			continue
		}
		go c.serve()
	}
}

// ServeConn serves one connection that somebody else has accepted, and returns
// when it is closed.
func (s *Server) ServeConn(nc net.Conn) {
	c := s.newConn(nc)
	if !s.add(c) {
		s.metrics.refused.Inc()
		nc.Close()
		c.free()
		return
	}
	c.serve()
}
