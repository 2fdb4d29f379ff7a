package host

import (
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/meter"
	"phasm/sdk/abi"
)

// Budget bounds what a call may take. The guest counts its steps down, see
// package meter, and where none is left it calls refill: that looks at the
// clock, stops a guest that is over its budget, lets other goroutines run and
// hands out the next slice of steps.
//
// A call that ends within its first slice and calls few host functions looks at
// no clock at all. What it has taken is not counted then, and that of any other
// call from its first look on: less than a slice is lost.
type Budget struct {
	CPU   time.Duration // how long the guest may compute in a call, host functions' waits not counted; 0 means that nothing bounds it
	Wall  time.Duration // how long a call may take in all; 0 means that nothing bounds it
	Stack func() int    // the size of the stack that the guest runs on, in bytes; it may be nil
	Turns *Turns        // where the guest takes turns with others; nil: nowhere

	used    time.Duration // computed in this call until last
	usual   time.Duration // what was used from one look at the clock to the next, last time
	dear    time.Duration // what a host function may take for what it has to do until the next look
	begun   time.Duration // what was used when the guest's turn began
	yielded time.Duration // what was used when it let others run last
	long    bool          // it is counted among those that compute for long
	company company       // what it knows of others then
	seated  bool          // it is the guest's turn
	slow    bool          // its thread has the long slice
	last    time.Time     // when the clock was looked at last
	blocked time.Duration // what the call had been blocked then
	granted time.Duration // what was used when the last slice was handed out; less than 0: none in this call
	slice   int32
	most    int32 // what a slice may grow to
}

// A slice is to take sliceTime: long against what a refill costs (some 200 ns)
// and short for a garbage collection, which has to wait for guests in the
// middle of one. How many steps that are depends on machine and guest, so each
// instance finds out: it begins with few and doubles them until the clock says
// that it is enough.
//
// Where a slice has taken more than twice the time its guest has found dearer
// steps, and slices grow again by a sixteenth at a time only. That keeps a
// guest from doing cheap work to be trusted with a long slice of dear work.
const (
	sliceTime  = 40 * time.Microsecond
	firstSlice = 2_000
	minSlice   = 200
	maxSlice   = 50_000
)

// A call that computes for longer than unnoticed does so in turns, and gives way
// to what is over quickly once in courtesy.
const (
	quick     = 100 * time.Microsecond // what does not take longer may keep others waiting
	unnoticed = time.Millisecond
	turn      = time.Millisecond
	courtesy  = 100 * time.Microsecond
)

// ownTime is what giving way takes where nobody else runs meanwhile: it counts
// as the guest's.
const ownTime = 20 * time.Microsecond

// maxStack is how large the stack of a call may grow, in bytes. The engine's
// own limit is a hundred megabytes, which a few calls at once would turn into
// more than the machine has.
const maxStack = 8 << 20

// Begin begins a call: nothing of its budget is used.
func (c *Call) Begin() {
	c.clocked = false
	c.redis.forget()
}

// clock takes the time of a call that has not looked at the clock so far.
func (c *Call) clock(now time.Time) {
	if c.clocked {
		return
	}
	c.clocked = true
	c.Blocked = 0
	if c.Budget.Wall > 0 {
		c.Until = now.Add(c.Budget.Wall)
	}
	b := &c.Budget
	b.used, b.yielded, b.blocked, b.last, b.granted, b.dear = 0, 0, 0, now, -1, 0
}

// Used is how long the guest has computed in this call, but for less than a
// slice.
func (c *Call) Used() time.Duration {
	if !c.clocked {
		return 0
	}
	return c.Budget.used
}

// refill is called by a guest that has no steps left.
func (c *Call) refill() int32 {
	c.Look()
	b := &c.Budget
	if !c.Until.IsZero() && b.last.Sub(c.Until) > lastWords {
		panic(c.tooLong())
	}
	switch {
	case b.slice == 0:
		b.slice, b.most = firstSlice, maxSlice
	case b.granted >= 0:
		b.adapt(b.used - b.granted)
	}
	c.share()
	b.granted = b.used
	return b.slice
}

// share lets others have the core where the call computes for long.
func (c *Call) share() {
	b := &c.Budget
	if b.Turns == nil || b.used <= unnoticed || b.used-b.yielded <= courtesy {
		return
	}
	b.yielded = b.used
	if !b.long {
		b.long = true
		b.Turns.guests.Add(1)
	}
	b.hurry()
	b.Turns.giveWay(&b.company)
	if !b.seated || b.used-b.begun > turn {
		c.takeTurn()
	}
	b.slow = true
	lengthenSlice()
	if now := time.Now(); now.Sub(b.last) > ownTime {
		b.last = now
	}
}

// hurry ends what makes the guest's thread give way to others.
func (b *Budget) hurry() {
	if b.slow {
		b.slow = false
		restoreSlice()
	}
}

// pause is what host functions call now and then that compute for long: it
// looks at the clock, and lets others have the core as a guest would.
func (c *Call) pause() {
	c.Look()
	c.share()
}

// Look looks at the clock and stops the guest where the call has computed for
// too long, or its stack is too large: by a panic, so it may only be called
// from within a host function. A guest that is late is told so by what it waits
// for, and stopped only if it goes on for more than grace: it may still say that
// to its client.
func (c *Call) Look() {
	now := time.Now()
	c.clock(now)
	b := &c.Budget
	b.used += b.plausible(max(0, now.Sub(b.last)-(c.Blocked-b.blocked)))
	b.last, b.blocked = now, c.Blocked
	if b.used > quick {
		c.stepAside()
	}
	switch {
	case b.CPU > 0 && b.used > b.CPU:
		panic(&Stopped{fmt.Sprintf("it computed for more than %v, %s", b.CPU, c.limit("cpu"))})
	case b.Wall > 0 && now.Sub(c.Until) > grace:
		panic(c.tooLong())
	case b.Stack != nil && b.Stack() > maxStack:
		panic(&Stopped{fmt.Sprintf("its call stack grew beyond %d MiB", maxStack>>20)})
	}
}

// grace is how long a guest may go on after its deadline that does little but
// call host functions, and lastWords one that computes: time to tell its client
// that it has waited in vain.
const (
	grace     = 100 * time.Millisecond
	lastWords = 5 * time.Millisecond
)

// plausible is how much of the time from one look to the next a guest has
// computed. That is some ten microseconds, and what host functions have said, so
// much more than usual means that the guest did not run for most of the time:
// the machine or Go's scheduler had given the core to somebody else. Should it
// be the guest after all, then it is what is usual the next time.
func (b *Budget) plausible(took time.Duration) time.Duration {
	const more = 8
	b.usual = min(took, more*max(b.usual, sliceTime)+b.dear)
	b.dear = 0
	return b.usual
}

// What host functions do for a guest is not counted in its steps. So they look
// at the clock themselves, once in callsPerLook calls and before they do
// something with more than cheap bytes.
const (
	callsPerLook = 32
	cheap        = 4 << 10
	many         = 128 << 10 // take long enough that others are served meanwhile
)

// before is what host functions call before they do something with so many
// bytes.
func (c *Call) before(bytes int) {
	if bytes <= cheap {
		return
	}
	c.Look()
	if bytes > many {
		c.stepAside()
	}
	c.Budget.dear = time.Duration(bytes) * perByte
}

// beforeWork is before for what has no measure in bytes. Whoever calls it looks
// at the clock again behind it.
func (c *Call) beforeWork() {
	c.Look()
	c.Budget.dear = time.Minute
}

// charge counts what the host has computed for the guest in another goroutine.
func (c *Call) charge(d time.Duration) {
	if d > 0 {
		c.clock(time.Now())
		c.Budget.used += d
		c.Look()
	}
}

// The most that host functions take: for a byte, to hash it or to escape it, and
// for an instruction of a regular expression.
const (
	perByte        = 50 * time.Nanosecond
	perInstruction = 20 * time.Nanosecond
)

// Called notes that the guest has called a host function.
func (c *Call) Called() {
	if c.calls++; c.calls%callsPerLook == 0 {
		c.Look()
	}
}

// adapt sets the next slice by the time that the last one has taken.
func (b *Budget) adapt(took time.Duration) {
	switch {
	case took > 2*sliceTime:
		b.slice = max(minSlice, int32(int64(b.slice)*int64(sliceTime)/int64(took)))
		b.most = b.slice
	case took < sliceTime:
		b.most = min(maxSlice, b.most+b.most/16+1)
		b.slice = min(b.most, 2*b.slice)
	}
}

// takeTurn waits for the guest's next turn.
func (c *Call) takeTurn() {
	b := &c.Budget
	if b.seated {
		b.seated = b.Turns.pass(c.Until)
	} else {
		b.seated = b.Turns.begin(c.Until)
	}
	if !b.seated {
		panic(c.tooLong())
	}
	b.begun = b.used
}

// EndTurn ends the guest's turn, if it has one: it waits, or the call is over.
func (c *Call) EndTurn() {
	b := &c.Budget
	b.hurry()
	if b.seated {
		b.seated = false
		b.Turns.end()
	}
	if b.long {
		b.long = false
		b.Turns.guests.Add(-1)
	}
}

func (c *Call) tooLong() *Stopped {
	return &Stopped{fmt.Sprintf("it took more than %v, %s", c.Budget.Wall, c.limit("wall"))}
}

// limit says where a limit comes from.
func (c *Call) limit(key string) string {
	if c.Phase == abi.Init {
		return "the limit for its initialisation"
	}
	return fmt.Sprintf("its limit (%s in [plugins.%s.limits])", key, c.Plugin.Name)
}

// Stopped is the error of a guest that was stopped because a call of it took
// more than it may.
type Stopped struct{ reason string }

func (s *Stopped) Error() string { return s.reason }

// instantiateRefill makes the function importable that a metered module calls
// for its next slice.
func instantiateRefill(ctx context.Context, r wazero.Runtime) error {
	refill := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		stack[0] = api.EncodeI32(ctx.(*Call).refill())
	})
	_, err := r.NewHostModuleBuilder(meter.RefillModule).NewFunctionBuilder().
		WithGoModuleFunction(refill, nil, []api.ValueType{api.ValueTypeI32}).Export(meter.RefillName).Instantiate(ctx)
	return err
}
