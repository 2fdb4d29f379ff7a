package server

import (
	"runtime"
	"sync"
	"time"
)

// loops are a server's: one for each core that runs Go code.
type loops struct {
	mu     sync.Mutex
	all    []*loop
	last   int
	closed chan struct{}
}

// open begins the loops.
func (l *loops) open(s *Server) {
	l.closed = make(chan struct{})
	l.fit(s)
	go l.sweep(s)
}

// fit sees to it that there are enough. What there is stays. Where the system
// gives none, connections have a goroutine each.
func (l *loops) fit(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.all) < runtime.GOMAXPROCS(0) {
		one, err := newLoop()
		if err != nil {
			s.log().Warn("connections will take more memory and time than they need", "error", err)
			return
		}
		l.all = append(l.all, one)
	}
}

// next is the loop for another connection, nil where there is none.
func (l *loops) next() *loop {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return nil
	}
	l.last = (l.last + 1) % len(l.all)
	return l.all[l.last]
}

// sweepEvery is how often connections are looked for that have waited for too
// long, unless timeouts.idle is short.
const sweepEvery = 5 * time.Second

func (l *loops) sweep(s *Server) {
	for {
		idle := time.Duration(s.generation.Load().config.Server.Timeouts.Idle)
		select {
		case <-l.closed:
			return
		case <-time.After(min(sweepEvery, max(idle/8, time.Millisecond))):
		}
		l.mu.Lock()
		all := l.all
		l.mu.Unlock()
		for _, one := range all {
			one.sweep(idle)
		}
	}
}

// close ends the loops, whose connections have ended.
func (l *loops) close() {
	close(l.closed)
	for _, one := range l.all {
		one.close()
	}
}
