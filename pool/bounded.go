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
	Wait  time.Duration     // how long Get waits when all are in use and none is being replaced
	New   func() (T, error) // makes a value; runs without the pool's lock
	Close func(T)           // ends a value; runs without the pool's lock

	// Returned sees each value that comes back, under the pool's lock: the
	// place to add up what the value has counted. It may be nil.
	Returned func(T)

	// Failed hears New's error when it was to replace a discarded value, where
	// no Get can return it. It runs without the pool's lock, on a goroutine of
	// the pool's. It may be nil.
	Failed func(error)

	// A value that nobody has needed for IdleFor is closed, at the latest when
	// it has been twice as long, but MinIdle of them stay. 0 keeps all.
	IdleFor time.Duration
	MinIdle int
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

	mu        sync.Mutex
	idle      []T
	places    int // values that are idle, in use, being made and being ended
	replacing int // of these, the ones being made in the background
	waiting   []chan grant[T]
	closed    bool
	drained   chan struct{}
	shrinker  shrinker
	counts    counts
}

// grant is what a waiting Get receives: a value, or the right to make one.
type grant[T any] struct {
	value T
	ready bool
}

// NewBounded makes an empty pool.
func NewBounded[T any](options Options[T]) *Bounded[T] {
	return &Bounded[T]{
		options:  options,
		idle:     make([]T, 0, options.Size),
		drained:  make(chan struct{}),
		shrinker: shrinker{asleep: options.IdleFor > 0},
	}
}

// Get takes a value out of the pool, makes one where there is room, or waits
// for one. Its error is ErrBusy after the wait, ErrClosed, or New's.
// The value goes back by Put or, when it must not be used again, by Discard.
func (p *Bounded[T]) Get() (T, error) {
	p.mu.Lock()
	if value, ok := p.takeIdle(); ok {
		p.mu.Unlock()
		return value, nil
	}
	return p.getSlow()
}

// TryGet is Get where a value is idle, and false where none is.
func (p *Bounded[T]) TryGet() (T, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takeIdle()
}

// takeIdle takes a value that is idle. It is called locked.
func (p *Bounded[T]) takeIdle() (value T, ok bool) {
	n := len(p.idle) - 1
	if n < 0 {
		return value, false
	}
	value = p.idle[n]
	p.idle = p.idle[:n]
	p.shrinker.unused = min(p.shrinker.unused, n)
	return value, true
}

// getSlow goes on where nothing is idle. It is entered locked.
func (p *Bounded[T]) getSlow() (value T, err error) {
	if p.closed {
		p.mu.Unlock()
		return value, ErrClosed
	}
	if p.places < p.options.Size {
		p.places++
		p.mu.Unlock()
		return p.make()
	}
	// A value that is being made already is worth as long a wait as one that
	// this Get would make itself.
	coming := len(p.waiting) < p.replacing
	turn := make(chan grant[T], 1)
	p.waiting = append(p.waiting, turn)
	p.counts.waits++
	p.mu.Unlock()

	var timeout <-chan time.Time
	if !coming {
		timer := time.NewTimer(p.options.Wait)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case g, open := <-turn:
		return p.take(g, open)
	case <-timeout:
	}
	p.mu.Lock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.counts.busy++
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.giveUp()
	} else {
		p.counts.made++
	}
	return value, err
}

// Put gives a value back.
func (p *Bounded[T]) Put(value T) {
	p.mu.Lock()
	if p.options.Returned != nil {
		p.options.Returned(value)
	}
	if p.closed || len(p.waiting) > 0 || p.shrinker.asleep {
		p.putSlow(value)
		return
	}
	p.idle = append(p.idle, value)
	p.mu.Unlock()
}

// putSlow hands a value to the first who waits, or lays it down. It is entered
// locked and leaves unlocked.
func (p *Bounded[T]) putSlow(value T) {
	switch {
	case p.closed:
		p.mu.Unlock()
		p.end(value)
		return
	case len(p.waiting) > 0:
		p.next() <- grant[T]{value, true}
	default:
		p.idle = append(p.idle, value)
		if p.shrinker.asleep {
			p.wakeShrinker()
		}
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

// end closes a value that nobody else has, then gives up its place.
func (p *Bounded[T]) end(value T) {
	p.options.Close(value)
	p.mu.Lock()
	p.giveUp()
	p.mu.Unlock()
}

// giveUp frees a place: the first who waits may make a value in it.
func (p *Bounded[T]) giveUp() {
	if len(p.waiting) > 0 {
		p.next() <- grant[T]{}
		return
	}
	p.places--
	p.checkDrained()
}

// Close closes the idle values now and the others when they come back. Those
// who wait get ErrClosed.
func (p *Bounded[T]) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	idle := p.idle
	p.idle, p.closed = nil, true
	for _, turn := range p.waiting {
		close(turn)
	}
	p.waiting = nil
	p.shrinker.stop()
	p.checkDrained()
	p.mu.Unlock()
	for _, value := range idle {
		p.end(value)
	}
}

// Drained is closed when the pool is and no value of it is left: the last one
// has come back and Options.Close has returned for it. Then what the values
// live on can go.
func (p *Bounded[T]) Drained() <-chan struct{} { return p.drained }

// checkDrained looks whether the last value is gone. It gets there only once:
// a closed pool takes no places.
func (p *Bounded[T]) checkDrained() {
	if p.closed && p.places == 0 {
		close(p.drained)
	}
}
