package server

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"phasm/server/upstream"
)

// reply is what a peer says on one of its connections, as long as that is open.
// Most peers answer soon. An exchange that waits for one rests in a loop, as
// connections do that wait for requests: it has no goroutine, and whoever leads
// the loop takes it up. The loop also hears when a peer closes a connection that no
// exchange has, or says something there.
type reply struct {
	loop  *loop
	fd    int32
	peer  *upstream.Conn
	state atomic.Uint64
	conn  *conn // the client's, whose exchange awaits it
}

// States of a reply. Whoever makes an awaited one quiet owns the client's
// connection.
const (
	quiet   uint64 = iota
	come           // there is something to read
	awaited        // or more: since which of the loop's patrols
)

// A patrol finds exchanges that have rested for one or two of its rounds. They go on
// on goroutines of their own, which see to time limits and to clients that go.
const patrolEvery = 100 * time.Millisecond

// leastPatience is the shortest read timeout that may be seen to so late.
const leastPatience = 20 * patrolEvery

// expect begins to listen to the peer, before it is asked.
func (s *passing) expect() {
	r, known := s.conn.Watcher().(*reply)
	if !known {
		if r = s.listen(); r == nil {
			return
		}
		s.conn.Watch(r)
	}
	r.state.Store(quiet)
}

// rest has the exchange await the peer's answer, if that can be done without a
// goroutine, and the request is with the peer.
func (s *passing) rest() bool {
	c := s.x.conn
	if s.askErr != nil || s.sender != nil || time.Duration(s.proxy.config.ReadTimeout) < leastPatience {
		return false
	}
	r, known := s.conn.Watcher().(*reply)
	if !known || c.leader == nil || !c.leader.leading.Load() {
		runtime.Gosched() // where others are ready to run, the answer is here when they have
		return false
	}
	s.x.awaits = r
	return true
}

// await gives the client's connection out of hand, until the peer says something:
// only if it is false may the caller use it further, as the peer has already.
func (r *reply) await(c *conn) bool {
	r.conn = c
	return r.state.CompareAndSwap(quiet, awaited+r.loop.patrols.Load())
}

// come has the leader take up the exchange that awaits the reply.
func (r *reply) come(l *leader) {
	for state := r.state.Load(); ; state = r.state.Load() {
		switch {
		case state >= awaited:
			if r.state.CompareAndSwap(state, quiet) {
				r.conn.leader = l
				r.conn.serveRequests()
				return
			}
		case state == come || r.state.CompareAndSwap(quiet, come):
			r.peer.Called()
			return
		}
	}
}

// listen has a loop hear what comes on the connection. It is nil where none can.
func (s *passing) listen() *reply {
	l := s.x.conn.server.loops.next()
	if leader := s.x.conn.leader; leader != nil {
		l = leader.loop
	}
	bare, ok := s.conn.Net().(syscall.Conn)
	if l == nil || !ok {
		return nil
	}
	raw, err := bare.SyscallConn()
	r := &reply{loop: l, peer: s.conn}
	if err != nil || raw.Control(func(fd uintptr) { r.fd = int32(fd) }) != nil {
		return nil
	}
	l.mu.Lock()
	l.replies[r.fd] = r
	if l.patrolling == nil {
		l.patrolling = time.AfterFunc(patrolEvery, l.patrol)
	}
	l.mu.Unlock()
	if l.watch(int(r.fd)) != nil {
		r.Unwatch()
		return nil
	}
	return r
}

// Heard implements upstream.Watcher.
func (r *reply) Heard() bool { return r.state.Load() == come }

// Unwatch implements upstream.Watcher.
func (r *reply) Unwatch() {
	l := r.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.replies[r.fd] == r { // else the socket was closed before, and its number is another's
		delete(l.replies, r.fd)
	}
}

// patrol is run from when there is a reply to when there is none.
func (l *loop) patrol() {
	var late []*conn
	l.mu.Lock()
	before := awaited + l.patrols.Add(1) - 2
	for _, r := range l.replies {
		if state := r.state.Load(); state >= awaited && state <= before && r.state.CompareAndSwap(state, quiet) {
			late = append(late, r.conn)
		}
	}
	if len(l.replies) > 0 {
		l.patrolling.Reset(patrolEvery)
	} else {
		l.patrolling = nil
	}
	l.mu.Unlock()
	for _, c := range late {
		c.goOn()
	}
}
