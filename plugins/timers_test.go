package plugins

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// timerPlugin logs the name and data of each timer that runs out, or
// "premature", and then does something.
func timerPlugin(body ...[]byte) *wt.Module {
	m := wt.Plugin()
	m.Memory(1)
	log := importLog(m)
	data := m.Import("phasm", "timer_data", wt.Sig("i32 i32", "i32"))
	premature := m.Import("phasm", "timer_premature", wt.Sig("", "i32"))
	sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
	m.Data(2000, "premature")
	m.Phase("on_timer",
		wt.Call(premature), wt.If(wt.I32Const(1), wt.I32Const(2000), wt.I32Const(9), wt.Call(log), wt.Drop),
		wt.I32Const(1), wt.I32Const(1000), wt.I32Const(1000), wt.I32Const(100), wt.Call(data), wt.Call(log), wt.Drop,
		wt.I64Const(int64(250*time.Millisecond)), wt.Call(sleep), wt.Drop,
		join(body...), answers(0))
	return m
}

// said are the messages of the log's lines from the guest.
func said(t *testing.T, log *logLines) string {
	t.Helper()
	var all []string
	for _, line := range log.all(t) {
		if line["level"] == "INFO" && line["msg"] != "plugin loaded" {
			all = append(all, fmt.Sprint(line["msg"]))
		}
	}
	return strings.Join(all, " ")
}

// start starts a timer that the test expects to start.
func (t *timers) mustStart(tb testing.TB, delay, interval time.Duration, data string) int32 {
	tb.Helper()
	number, errno := t.Start(delay, interval, "t", data)
	if errno != 0 {
		tb.Fatal(errno)
	}
	return number
}

func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin())
		p.timers.mustStart(t, 2*time.Second, 0, "b")
		p.timers.mustStart(t, time.Second, 0, "a")
		p.timers.mustStart(t, time.Hour, 0, "never")
		every := p.timers.mustStart(t, 1500*time.Millisecond, 10*time.Second, "e")
		cancelled := p.timers.mustStart(t, time.Second, 0, "cancelled")
		if !p.timers.Cancel(cancelled) || p.timers.Cancel(cancelled) {
			t.Error("a timer is cancelled once")
		}
		time.Sleep(time.Minute)
		if got, want := said(t, log), "a e b e e e e e"; got != want {
			t.Errorf("%q ran, want %q", got, want)
		}
		if !p.timers.Cancel(every) {
			t.Error("the interval's timer is gone")
		}
		if n := len(p.timers.all); n != 1 {
			t.Errorf("%d timers are left", n)
		}
		p.StopTimers()
		if got := said(t, log); !strings.HasSuffix(got, " premature never") {
			t.Errorf("%q ran at the end", got)
		}
		if _, errno := p.timers.Start(0, 0, "t", ""); errno != abi.Closed {
			t.Errorf("a timer after the end: %v", errno)
		}
	})
}

// An interval shorter than what a run takes leaves runs out: a timer never
// overlaps with itself.
func TestTimerDoesNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin())
		p.timers.mustStart(t, 0, 100*time.Millisecond, "x") // a run takes 250 ms
		time.Sleep(time.Second - time.Millisecond)
		if got, want := said(t, log), "x x x x"; got != want { // at 0, 300, 600, 900
			t.Errorf("%q ran, want %q", got, want)
		}
		p.StopTimers()
	})
}

// Half of the instances are for requests, whatever timers want.
func TestRunningTimersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin()) // of four instances
		for range 6 {
			p.timers.mustStart(t, 0, 0, "x")
		}
		synctest.Wait()
		if n := p.pool.Stats().InUse; n != 2 {
			t.Errorf("%d timers run at once", n)
		}
		acquire(t, p)
		time.Sleep(time.Second)
		if got := said(t, log); strings.Count(got, "x") != 6 {
			t.Errorf("%q ran", got)
		}
	})
}

// More timers than that are refused, and those that end make room.
func TestTimersAreBounded(t *testing.T) {
	p, _ := load(t, timerPlugin())
	var last int32
	for range maxTimers {
		last = p.timers.mustStart(t, time.Hour, time.Hour, "")
	}
	if _, errno := p.timers.Start(0, 0, "t", ""); errno != abi.NoMemory {
		t.Errorf("one more timer: %v", errno)
	}
	p.timers.Cancel(last)
	p.timers.last = 1<<31 - 2
	if got := p.timers.mustStart(t, time.Hour, 0, ""); got != 1<<31-1 {
		t.Errorf("the timer's number is %d, want the largest", got)
	}
	p.timers.Cancel(3)
	if got := p.timers.mustStart(t, time.Hour, 0, ""); got != 3 {
		t.Errorf("the timer's number is %d, want the only free one", got)
	}
}

// Timers whose time has come count until they begin: else a plugin could set any
// number of them that wait for an instance, each with its data.
func TestTimersThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin()) // two at once, 250 ms each
		started := 0
		for range 3 * maxTimers {
			if number, errno := p.timers.Start(0, 0, "t", "x"); errno == 0 {
				started++
				synctest.Wait()
				if started%2 == 0 {
					p.timers.Cancel(number)
					synctest.Wait()
				}
			}
		}
		p.timers.mu.Lock()
		set := len(p.timers.all)
		p.timers.mu.Unlock()
		if set > maxTimers || started < maxTimers {
			t.Errorf("%d timers are set, %d were", set, started)
		}
		if n := runtime.NumGoroutine(); n > 100 {
			t.Errorf("%d goroutines wait", n)
		}
		time.Sleep(time.Second - time.Millisecond)
		if got := strings.Count(said(t, log), "x"); got != 8 {
			t.Errorf("%d have run", got)
		}
		begin := time.Now()
		p.StopTimers()
		if took := time.Since(begin); took > prematureTime+time.Second {
			t.Errorf("the end took %v", took)
		}
	})
}

// A timer that is cancelled while it waits for its turn does not run, and what
// waits at the end runs once.
func TestTimersThatWaitAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin()) // two at once, 250 ms each
		p.timers.mustStart(t, 0, 0, "a")
		p.timers.mustStart(t, 1, time.Hour, "b")
		p.timers.mustStart(t, 2, 0, "c")
		cancelled := p.timers.mustStart(t, 3, time.Hour, "cancelled")
		p.timers.mustStart(t, 4, time.Hour, "d")
		time.Sleep(time.Millisecond)
		if !p.timers.Cancel(cancelled) {
			t.Error("it cannot be cancelled")
		}
		p.StopTimers()
		got := strings.Fields(said(t, log))
		slices.Sort(got)
		if want := "a b b c d premature premature premature"; strings.Join(got, " ") != want {
			t.Errorf("%q ran, want %q", got, want)
		}
	})
}

// A timer that fails says so, and an interval's goes on.
func TestTimerFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin(wt.Unreachable))
		p.timers.mustStart(t, 0, time.Second, "x")
		time.Sleep(2500 * time.Millisecond)
		if got := said(t, log); got != "x x x" {
			t.Errorf("%q ran", got)
		}
		faults := 0
		for _, line := range log.all(t) {
			if msg := fmt.Sprint(line["msg"]); strings.HasPrefix(msg, `plugin "p" failed in timer: wasm error: unreachable`) && line["timer"] == "t" {
				faults++
			}
		}
		if faults != 3 {
			t.Errorf("%d faults were logged", faults)
		}
		p.StopTimers()
	})
}

// Timers that take too long do not keep the others from ending: those that
// could not begin in time are dropped.
func TestTimersThatEndSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, timerPlugin()) // two at once, 250 ms each
		for range 100 {
			p.timers.mustStart(t, time.Hour, 0, "x")
		}
		begin := time.Now()
		p.StopTimers()
		if took := time.Since(begin); took < prematureTime || took > prematureTime+time.Second {
			t.Errorf("the end took %v", took)
		}
		ran, dropped := strings.Count(said(t, log), "premature"), p.timers.figures.dropped
		if ran < 40 || ran+dropped != 100 {
			t.Errorf("%d ran, %d were dropped", ran, dropped)
		}
	})
}

// Starting, cancelling and the end meet in any order.
func TestTimersRace(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_timer", answers(0))
	p, _ := load(t, m)
	var racing sync.WaitGroup
	for range 4 {
		racing.Go(func() {
			for n := range 200 {
				number, errno := p.timers.Start(time.Duration(n%3)*time.Millisecond, time.Duration(n%2)*time.Millisecond, "t", "")
				if errno != 0 {
					return
				}
				if n%5 == 0 {
					p.timers.Cancel(number)
				}
			}
		})
	}
	racing.Go(p.StopTimers)
	racing.Wait()
	p.Close()
	<-p.pool.Drained()
}
