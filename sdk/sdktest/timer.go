//go:build !wasip1

package sdktest

import "phasm/sdk/abi"

// timers are those that the plugin has started, the first to run first.
type timers struct {
	all    []*timer
	last   int32
	run    timer // the one that has run out
	early  bool  // run is premature
	closed bool
}

type timer struct {
	number        int32
	due, interval int64
	name, data    string
}

// Bounds of the server's.
const (
	maxTimers    = 1024
	maxTimerName = 128
	maxTimerData = 64 << 10
	minInterval  = 1_000_000 // nanoseconds
)

// TimerStart implements imports.Host.
func (f *fake) TimerStart(delay, interval int64, name, data string) int32 {
	t := &f.timers
	switch {
	case delay < 0 || interval != 0 && interval < minInterval || name == "" || len(name) > maxTimerName || len(data) > maxTimerData:
		return badArgument
	case t.closed:
		return closed
	case len(t.all) == maxTimers:
		return noMemory
	}
	t.last++
	t.put(&timer{t.last, f.now + delay, interval, name, data})
	return t.last
}

// put sets a timer, behind those that are due at the same time.
func (t *timers) put(one *timer) {
	at := len(t.all)
	for at > 0 && t.all[at-1].due > one.due {
		at--
	}
	t.all = append(t.all[:at], append([]*timer{one}, t.all[at:]...)...)
}

// TimerCancel implements imports.Host.
func (f *fake) TimerCancel(number int32) int32 {
	for n, one := range f.timers.all {
		if one.number == number {
			f.timers.all = append(f.timers.all[:n], f.timers.all[n+1:]...)
			return done
		}
	}
	return notFound
}

// TimerName implements imports.Host.
func (f *fake) TimerName(buf []byte) int32 { return reply(buf, f.timers.run.name) }

// TimerData implements imports.Host.
func (f *fake) TimerData(buf []byte) int32 { return reply(buf, f.timers.run.data) }

// TimerPremature implements imports.Host.
func (f *fake) TimerPremature() int32 {
	if f.timers.early {
		return 1
	}
	return 0
}

// runTimers runs the timers that are due until then, as time passes.
func (h *Host) runTimers(until int64) {
	for t := &h.fake.timers; len(t.all) > 0 && t.all[0].due <= until; {
		one := t.all[0]
		t.all = t.all[1:]
		h.fake.now = max(h.fake.now, one.due)
		if one.interval != 0 {
			again := *one
			t.put(&again) // so that its handler can cancel it
			h.runTimer(one, false)
			if n := t.find(one.number); n != nil {
				h.fake.TimerCancel(one.number)
				late := h.fake.now - one.due
				again.due += late - late%one.interval + one.interval
				t.put(&again)
			}
			continue
		}
		h.runTimer(one, false)
	}
}

func (t *timers) find(number int32) *timer {
	for _, one := range t.all {
		if one.number == number {
			return one
		}
	}
	return nil
}

func (h *Host) runTimer(one *timer, early bool) {
	t := &h.fake.timers
	t.run, t.early = *one, early
	if h.fake.run(abi.Timer, nil) != abi.Continue {
		h.problems("timer %q failed: %s", one.name, h.fake.lastErrors())
	}
}

// stopTimers runs all that are set once more, prematurely.
func (h *Host) stopTimers() {
	t := &h.fake.timers
	left := t.all
	t.all, t.closed = nil, true
	for _, one := range left {
		h.runTimer(one, true)
	}
}
