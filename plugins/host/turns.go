package host

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Turns is where guests that compute for long take turns. They share all cores
// but one, so that there is always one for the calls that are over quickly:
// nothing else makes sure of that, because while there is a guest to run on
// every core Go's scheduler looks at the network every ten milliseconds only.
//
// It is safe for concurrent use.
type Turns struct {
	seats chan struct{} // holds a token for each guest more that may compute

	guests atomic.Int64  // that compute for long
	served atomic.Uint64 // exchanges that have ended while there are some

	ringing sync.Mutex // held by the guest that waits for the bell
	bell    *bell      // where there is one core; nil until it is needed
}

// NewTurns makes the turns for as many cores as run Go code now.
func NewTurns() *Turns {
	shortenSlices()
	t := &Turns{seats: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
	for range cap(t.seats) {
		t.seats <- struct{}{}
	}
	return t
}

// begin waits for a turn, until a deadline if that is not zero. It tells
// whether the guest has one; it ends it by end.
func (t *Turns) begin(until time.Time) bool {
	select {
	case <-t.seats:
		return true
	default:
	}
	if until.IsZero() {
		<-t.seats
		return true
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-t.seats:
		return true
	case <-timer.C:
		return false
	}
}

// end gives the turn to the one who has waited longest.
func (t *Turns) end() { t.seats <- struct{}{} }

// pass lets the other guests have their turns and answers whether the guest
// has one again.
func (t *Turns) pass(until time.Time) bool {
	t.end()
	return t.begin(until)
}

// Served notes that an exchange has ended.
func (t *Turns) Served() {
	if t.guests.Load() > 0 { // else nobody asks, and the next core need not hear of it
		t.served.Add(1)
	}
}

// company is what a guest that computes for long knows of the others: how many
// exchanges had ended when it gave way last, and how often since that changed.
type company struct {
	served uint64
	alone  int
}

// A guest counts as alone that has given way so often and nobody was served.
const surelyAlone = 50

// giveWay lets go first what is over quickly: all that is ready to run if the
// guest computes on the only core, else other threads of the machine.
//
// Where others are served meanwhile the guest lets what has queued up behind it
// run, which nobody else looks for while there is work elsewhere, and rests. That
// its thread can be interrupted is not enough: the kernel would leave the core to
// it where no thread waits for that very core, and crowd the others on the next.
func (t *Turns) giveWay(c *company) {
	if runtime.GOMAXPROCS(0) == 1 {
		t.ring()
		return
	}
	served := t.served.Load()
	rests := served != c.served
	if c.alone++; rests {
		c.served, c.alone = served, 0
	}
	if c.alone < surelyAlone {
		runtime.Gosched()
	}
	if rests {
		restCore()
	} else {
		yieldCore()
	}
}

// ring waits until all that is ready to run has run.
func (t *Turns) ring() {
	t.ringing.Lock()
	defer t.ringing.Unlock()
	if t.bell == nil {
		made, err := newBell()
		if err != nil { // no file descriptors left
			runtime.Gosched()
			return
		}
		t.bell = made
	}
	t.bell.wait()
}

// Close gives back what the turns hold. No guest may run any more.
func (t *Turns) Close() {
	if t.bell != nil {
		t.bell.close()
	}
}
