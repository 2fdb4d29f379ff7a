package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Timer is one run of a timer.
type Timer struct {
	Name, Data string
	Premature  bool // the plugin ends before the timer's time: this is its last run
}

// OnTimer registers what timers of a name run. Like phase handlers it is called
// in the plugin's init function; a second one for the same name panics. An
// error is a fault of the plugin, and logged.
//
// A timer runs on an instance that serves no request (ngx.timer.at): it finds
// the package variables of that instance, not of the one that has started it.
// What it needs to know is the timer's data.
func OnTimer(name string, f func(t *Timer) error) {
	if !phases.Registered().Has(abi.Timer) {
		phases.Register(abi.Timer, runTimer)
	}
	phases.RegisterTimer(name, lifecycle(func() error {
		b, err := appendTimerData(scratch)
		if err != nil {
			return err
		}
		return f(&Timer{name, text(b, nil), imports.TimerPremature() == 1})
	}))
}

// runTimer runs the handler of the timer that has run out.
func runTimer() Action {
	name := text(appendTimerName(scratch))
	h := phases.Timer(name)
	if h == nil {
		imports.Log(int32(LevelError), "no handler for timers called "+name+": register it with sdk.OnTimer")
		return failed
	}
	return h()
}

// TimerID tells the plugin's timers apart, on all of its instances.
type TimerID int32

// After runs the timers' handler of that name once, in d: ngx.timer.at. The
// data, up to 64 KiB, is for the handler. [ErrNoMemory] says that the plugin
// has 1024 timers, [ErrClosed] that the server stops or has another
// configuration. Timers may be started everywhere but in init and exit_worker.
func After[D Duration](d D, name, data string) (TimerID, error) {
	return startTimer(int64(d), 0, name, data)
}

// Every runs the timers' handler of that name every d, a millisecond at least:
// ngx.timer.every. A timer never overlaps with itself: a run that takes longer
// leaves the runs out that would have begun meanwhile.
func Every[D Duration](d D, name, data string) (TimerID, error) {
	if d <= 0 {
		return 0, ErrBadArgument
	}
	return startTimer(int64(d), int64(d), name, data)
}

func startTimer(delay, interval int64, name, data string) (TimerID, error) {
	n := imports.TimerStart(delay, interval, name, data)
	if n < 0 {
		return 0, errnoOf(n)
	}
	return TimerID(n), nil
}

// Cancel ends the timer; a run that has begun goes on. [ErrNotFound] says that
// there is no such timer any more.
func (id TimerID) Cancel() error { return errnoOf(imports.TimerCancel(int32(id))) }

func appendTimerName(dst []byte) ([]byte, error) {
	n := imports.TimerName(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.TimerName(free(dst))
	}
	return taken(dst, n)
}

func appendTimerData(dst []byte) ([]byte, error) {
	n := imports.TimerData(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.TimerData(free(dst))
	}
	return taken(dst, n)
}
