package server

import (
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// add puts a connection among the open ones. It refuses one over the limit,
// and any while draining.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= c.config.Server.Limits.Connections || s.draining.Load() {
		return false
	}
	if !c.fronted && !s.countClient(c) {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

// countClient counts a connection against the limit for its client's address,
// and refuses one over it. It is called locked.
func (s *Server) countClient(c *conn) bool {
	limit := c.config.Server.Limits.ConnectionsPerAddress
	if limit == 0 || !c.remote.IsValid() {
		return true
	}
	from := clientNetwork(c.remote.Addr())
	if s.perClient[from] >= limit {
		return false
	}
	s.perClient[from]++
	c.counted = from
	return true
}

// clientNetwork is what one client may choose its address from: a single
// IPv4 address, or the 64 bits that an IPv6 network leaves to its hosts.
func clientNetwork(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	network, _ := a.WithZone("").Prefix(bits)
	return network
}

// remove takes a closed connection out. The last one ends draining.
func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.counted.IsValid() {
		if s.perClient[c.counted]--; s.perClient[c.counted] == 0 {
			delete(s.perClient, c.counted)
		}
		c.counted = netip.Prefix{}
	}
	s.lastGone()
}

// addStream puts the connection of a stream among those that use a generation.
// It refuses one whose turn comes when everything has ended.
func (s *Server) addStream(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() && len(s.conns) == 0 {
		return false
	}
	s.streams[c] = struct{}{}
	return true
}

func (s *Server) removeStream(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, c)
	s.lastGone()
}

// lastGone ends draining with the last connection. It is called locked.
func (s *Server) lastGone() {
	if s.draining.Load() && len(s.conns) == 0 && len(s.streams) == 0 {
		close(s.drained)
	}
}

// carriers are the connections that may serve an exchange. It is called locked.
func (s *Server) carriers() iter.Seq[*conn] {
	return func(yield func(*conn) bool) {
		for _, set := range [...]map[*conn]struct{}{s.conns, s.streams} {
			for c := range set {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// inFlight counts the connections that do not wait for a request.
func (s *Server) inFlight() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.carriers() {
		if !c.idle.Load() {
			n++
		}
	}
	return n
}

// inUse tells whether an exchange is being served by the generation. For one
// that is no longer the server's, false stays false: see conn.use.
func (s *Server) inUse(g *generation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.carriers() {
		if !c.idle.Load() && c.generation.Load() == g {
			return true
		}
	}
	return false
}

// forget takes a generation that is not in use away from idle connections, so
// that it does not stay in memory for them.
func (s *Server) forget(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.carriers() {
		c.generation.CompareAndSwap(g, nil)
	}
}

// drain ends idle connections and waits for the others.
func (s *Server) drain(limit time.Duration) error {
	s.mu.Lock()
	s.draining.Store(true)
	for c := range s.conns {
		switch {
		case c.shaking.Load():
			c.socket.SetDeadline(time.Now().Add(lastWait))
		case c.multiplexed != nil:
			c.hastenHTTP2() // and see below
		case c.recall():
		case c.idle.Load():
			c.net.SetReadDeadline(time.Unix(1, 0)) // the connection does the rest: see awaitLast
		}
	}
	s.lastGone()
	s.mu.Unlock()

	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	again := time.NewTicker(endStreamsEvery)
	defer again.Stop()
	for {
		s.endMultiplexed()
		select {
		case <-s.drained:
			return nil
		case <-timeout.C:
			return s.cut()
		case <-again.C:
		}
	}
}

// endStreamsEvery is how often connections of HTTP/2 are asked to end while the
// server stops: some become such only then.
const endStreamsEvery = 100 * time.Millisecond

// endMultiplexed asks connections of HTTP/2 to end.
func (s *Server) endMultiplexed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if m := c.multiplexed; m != nil {
			m.end()
		}
	}
}

// cut closes the connections that are left.
func (s *Server) cut() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cutOff = true
	cut := 0
	for c := range s.carriers() {
		if !c.idle.Load() {
			cut++
		}
		c.sever()
	}
	if cut == 0 {
		return nil
	}
	return fmt.Errorf("cut off %d connections whose exchanges took longer than server.timeouts.shutdown", cut)
}
