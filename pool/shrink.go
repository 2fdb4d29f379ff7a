package pool

import (
	"slices"
	"time"
)

// shrinker finds out which values nobody needs. Idle values are a stack, so
// the fewest that were idle at any moment of a while is how many, counted from
// the bottom, have not been taken for all of it. To keep that number costs Get
// a comparison and Put nothing, where a time for each value would cost both a
// look at the clock.
//
// The timer runs only while there are more idle values than are to stay.
type shrinker struct {
	unused int // the fewest that were idle since the timer was set
	timer  *time.Timer
	asleep bool // the next Put may have to set the timer
}

// wakeShrinker sets the timer where there is something that could be closed.
// It is called locked.
func (p *Bounded[T]) wakeShrinker() {
	s := &p.shrinker
	if s.asleep = len(p.idle) <= p.options.MinIdle; s.asleep {
		return
	}
	s.unused = len(p.idle)
	if s.timer == nil {
		s.timer = time.AfterFunc(p.options.IdleFor, p.shrink)
	} else {
		s.timer.Reset(p.options.IdleFor)
	}
}

// shrink closes what nobody has needed since the timer was set. In a closed
// pool that is nothing.
func (p *Bounded[T]) shrink() {
	p.mu.Lock()
	n := max(0, min(p.shrinker.unused, len(p.idle)-p.options.MinIdle))
	unused := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.counts.shrunk += uint64(n)
	p.wakeShrinker()
	p.mu.Unlock()
	for _, value := range unused {
		p.end(value)
	}
}

// stop ends the timer for good.
func (s *shrinker) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}
