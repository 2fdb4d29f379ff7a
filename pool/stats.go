package pool

// counts are what a pool adds up.
type counts struct{ waits, busy, made, discarded, shrunk uint64 }

// Stats are a pool's figures at one moment.
type Stats struct {
	Idle      int    // ready to be taken
	InUse     int    // taken, or being made or closed
	Waiting   int    // callers that wait for one
	Waits     uint64 // callers that have had to wait
	Busy      uint64 // callers that got ErrBusy
	Made      uint64 // values that were made
	Discarded uint64 // values that came back by Discard
	Shrunk    uint64 // values that were closed because nobody needed them
}

// Stats reads the figures.
func (p *Bounded[T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Idle: len(p.idle), InUse: p.places - len(p.idle), Waiting: len(p.waiting),
		Waits: p.counts.waits, Busy: p.counts.busy,
		Made: p.counts.made, Discarded: p.counts.discarded, Shrunk: p.counts.shrunk,
	}
}

// Locked runs f under the pool's lock, where it may read what Returned keeps.
func (p *Bounded[T]) Locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}
