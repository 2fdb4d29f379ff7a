package pool

import (
	"errors"
	"sync"
	"time"
)

// Errors of Get.
var (
	ErrBusy   = errors.New("all are in use")
	ErrClosed = errors.New("pool is closed")
)

// Options of a Bounded pool.
type Options[T any] struct {
	Size  int               // how many values there may be at once, at least 1
	Wait  time.Duration     // how long Get waits for one when all are in use
	New   func() (T, error) // makes a value; runs without the pool's lock
	Close func(T)           // ends a value; runs without the pool's lock
	// Returned sees each value that comes back, under the pool's lock: the
	// place to add up what the value has counted. It may be nil.
	Returned func(T)
}

// Bounded is a pool of at most Size values. Values are made when they are
// needed and kept, the one used last handed out first, so that caches stay
// warm. Those who have to wait are served in order. Unlike sync.Pool it keeps
// its values through a garbage collection and bounds their number.
//
// All methods are safe for concurrent use. Get and Put allocate nothing
// unless Get has to wait.
type Bounded[T any] struct {
	options Options[T]

	mu      sync.Mutex
	idle    []T
	made    int // idle, in use and being made
	waiting []chan grant[T]
	closed  bool
	waits   uint64
	busy    uint64
}

// grant is what a waiting Get receives: a value, or the right to make one.
type grant[T any] struct {
	value T
	ready bool
}

// NewBounded makes an empty pool.
func NewBounded[T any](options Options[T]) *Bounded[T] {
	return &Bounded[T]{options: options, idle: make([]T, 0, options.Size)}
}

// Get takes a value out of the pool, makes one where there is room, or waits
// for one. Its error is ErrBusy after the wait, ErrClosed, or New's.
// The value goes back by Put or, when it must not be used again, by Discard.
func (p *Bounded[T]) Get() (T, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		value := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return value, nil
	}
	return p.getSlow()
}

// getSlow goes on where nothing is idle. It is entered locked.
func (p *Bounded[T]) getSlow() (value T, err error) {
	if p.closed {
		p.mu.Unlock()
		return value, ErrClosed
	}
	if p.made < p.options.Size {
		p.made++
		p.mu.Unlock()
		return p.make()
	}
	turn := make(chan grant[T], 1)
	p.waiting = append(p.waiting, turn)
	p.waits++
	p.mu.Unlock()

	timeout := time.NewTimer(p.options.Wait)
	defer timeout.Stop()
	select {
	case g, open := <-turn:
		return p.take(g, open)
	case <-timeout.C:
	}
	p.mu.Lock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.busy++
			p.mu.Unlock()
			return value, ErrBusy
		}
	}
	p.mu.Unlock() // the turn came in the same moment
	g, open := <-turn
	return p.take(g, open)
}

func (p *Bounded[T]) take(g grant[T], open bool) (T, error) {
	switch {
	case !open:
		return g.value, ErrClosed
	case g.ready:
		return g.value, nil
	default:
		return p.make()
	}
}

// make makes a value in a place that is taken already, and gives the place up
// where that fails.
func (p *Bounded[T]) make() (T, error) {
	value, err := p.options.New()
	if err != nil {
		p.giveUp()
	}
	return value, err
}

// Put gives a value back.
func (p *Bounded[T]) Put(value T) {
	p.mu.Lock()
	if p.options.Returned != nil {
		p.options.Returned(value)
	}
	switch {
	case p.closed:
		p.made--
		p.mu.Unlock()
		p.options.Close(value)
		return
	case len(p.waiting) > 0:
		p.next() <- grant[T]{value, true}
	default:
		p.idle = append(p.idle, value)
	}
	p.mu.Unlock()
}

// Discard closes a value that came from Get and must not be used again; its
// place is free for a new one.
func (p *Bounded[T]) Discard(value T) {
	if p.options.Returned != nil {
		p.mu.Lock()
		p.options.Returned(value)
		p.mu.Unlock()
	}
	p.options.Close(value)
	p.giveUp()
}

// giveUp frees a place: the first who waits may make a value in it.
func (p *Bounded[T]) giveUp() {
	p.mu.Lock()
	if len(p.waiting) > 0 && !p.closed {
		p.next() <- grant[T]{}
	} else {
		p.made--
	}
	p.mu.Unlock()
}

// next takes the first who waits out of the queue. Its channel has room, so
// that sending never blocks.
func (p *Bounded[T]) next() chan grant[T] {
	turn := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	return turn
}

// Close closes the idle values now and the others when they come back. Those
// who wait get ErrClosed.
func (p *Bounded[T]) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.made -= len(idle)
	for _, turn := range p.waiting {
		close(turn)
	}
	p.waiting = nil
	p.mu.Unlock()
	for _, value := range idle {
		p.options.Close(value)
	}
}

// Stats are a pool's figures at one moment.
type Stats struct {
	Idle    int    // ready to be taken
	InUse   int    // taken, or being made
	Waiting int    // callers that wait for one
	Waits   uint64 // callers that have had to wait
	Busy    uint64 // callers that got ErrBusy
}

// Stats reads the figures.
func (p *Bounded[T]) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Idle: len(p.idle), InUse: p.made - len(p.idle), Waiting: len(p.waiting), Waits: p.waits, Busy: p.busy}
}

// Locked runs f under the pool's lock, where it may read what Returned keeps.
func (p *Bounded[T]) Locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}
