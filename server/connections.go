package server

import (
	"fmt"
	"time"
)

// add puts a connection among the open ones. It refuses one over the limit,
// and any while draining.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.config.Server.Limits.Connections || s.draining.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// remove takes a closed connection out. The last one ends draining.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.draining.Load() && len(s.conns) == 0 {
		close(s.drained)
	}
}

// connections counts the open connections.
func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// inFlight counts the connections that do not wait for a request.
func (s *Server) inFlight() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if !c.idle.Load() {
			n++
		}
	}
	return n
}

// drain ends idle connections now and waits for the others.
func (s *Server) drain(limit time.Duration) error {
	s.mu.Lock()
	s.draining.Store(true)
	for c := range s.conns {
		if c.idle.Load() {
			c.net.SetReadDeadline(time.Unix(1, 0))
		}
	}
	if len(s.conns) == 0 {
		close(s.drained)
	}
	s.mu.Unlock()

	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-s.drained:
		return nil
	case <-timeout.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	left := len(s.conns)
	for c := range s.conns {
		c.net.Close()
	}
	if left == 0 {
		return nil
	}
	return fmt.Errorf("cut off %d connections whose exchanges took longer than server.timeouts.shutdown", left)
}
