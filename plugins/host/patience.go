package host

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"phasm/sdk/abi"
)

// errClientGone is the error of a context whose exchange has lost its client.
var errClientGone = errors.New("the client has gone")

// patience is a context for what a host function waits for. It ends at a
// deadline, and soon after the client has gone. An instance uses one again and
// again, because a context made for each wait would cost allocations; but not
// once it has ended, because somebody may still hold it.
type patience struct {
	deadline atomic.Int64 // nanoseconds since 1970
	done     chan struct{}
	waits    atomic.Bool // somebody has asked when it ends

	mu    sync.Mutex
	timer *time.Timer
	call  *Call // nil while nobody waits
	err   error
}

func newPatience() *patience {
	p := &patience{done: make(chan struct{})}
	p.timer = time.AfterFunc(time.Hour, p.tick)
	p.timer.Stop()
	return p
}

// longestWait is how long a call waits that nothing bounds: for ever, but a
// context has to say when.
const longestWait = 100 * 365 * 24 * time.Hour

// patiently blocks the guest while it does something that ends when the
// patience does: at the call's deadline, and soon after the client has gone.
func (c *Call) patiently(do func(*patience)) {
	c.beginWait()
	defer c.EndWait()
	until := c.Until
	if until.IsZero() {
		until = time.Now().Add(longestWait)
	}
	p := newPatience()
	p.begin(c, until)
	defer p.end()
	do(p)
}

// begin begins what may become a wait of the call's.
func (p *patience) begin(c *Call, until time.Time) {
	p.deadline.Store(until.UnixNano())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call = c
	p.waits.Store(false)
}

// wait notes that somebody is about to wait: who asks for Done or Err does. What
// has its answer at hand costs neither a timer nor the lead of a loop.
func (p *patience) wait() {
	if p.waits.Load() || !p.waits.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call == nil {
		return
	}
	p.call.stepAside()
	p.timer.Reset(min(goneInterval, time.Until(time.Unix(0, p.deadline.Load()))))
}

// end ends the wait and tells whether there may be another one.
func (p *patience) end() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call = nil
	if p.waits.Load() {
		p.timer.Stop()
	}
	return p.err == nil
}

// tick looks whether the wait is over. The call's goroutine does nothing but
// wait meanwhile.
func (p *patience) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call == nil || p.err != nil {
		return
	}
	left := time.Until(time.Unix(0, p.deadline.Load()))
	x := p.call.Exchange
	switch {
	case left <= 0:
		p.err = context.DeadlineExceeded
	case x != nil && p.call.Phase != abi.Log && x.Wire.ClientGone():
		p.err = errClientGone
	default:
		p.timer.Reset(min(goneInterval, left))
		return
	}
	close(p.done)
}

// Deadline implements context.Context.
func (p *patience) Deadline() (time.Time, bool) { return time.Unix(0, p.deadline.Load()), true }

// Done implements context.Context.
func (p *patience) Done() <-chan struct{} {
	p.wait()
	return p.done
}

// Err implements context.Context.
func (p *patience) Err() error {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Value implements context.Context: there are none.
func (p *patience) Value(any) any { return nil }
