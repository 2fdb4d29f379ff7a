package server

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phasm/server/config"
)

// Connections take a generation and let it go as fast as they can while others
// take its place. None ever holds one that is in use no more.
func TestGenerationIsNotClosedInUse(t *testing.T) {
	const connections = 4
	s := &Server{conns: map[*conn]struct{}{}}
	newGeneration := func() *generation {
		return &generation{config: &config.Config{}, released: make(chan struct{}, 1)}
	}
	var closed sync.Map // generations that are in use no more
	s.generation.Store(newGeneration())
	var using sync.WaitGroup
	var stop atomic.Bool
	for range connections {
		c := &conn{server: s}
		c.idle.Store(true)
		s.conns[c] = struct{}{}
		using.Go(func() {
			for n := 0; !stop.Load(); n++ {
				c.use()
				if _, gone := closed.Load(c.generation.Load()); gone {
					t.Error("a connection holds a generation that is not in use")
					stop.Store(true)
				}
				if n%3 != 0 { // else as in a pipeline
					c.letGo()
				}
				if n%100 == 0 {
					runtime.Gosched()
				}
			}
			c.letGo()
		})
	}
	swaps := 0
	for begin := time.Now(); time.Since(begin) < time.Second && !stop.Load(); swaps++ {
		old := s.generation.Swap(newGeneration())
		for s.inUse(old) {
			<-old.released
		}
		s.forget(old)
		closed.Store(old, true)
	}
	stop.Store(true)
	using.Wait()
	if swaps < 100 {
		t.Errorf("%d generations prove little", swaps)
	}
}
