package plugins

import (
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

const tookTooLong = "it took more than 20ms, its limit (wall in [plugins.p.limits])"

func withShortWall(o *Options) { o.Wall = 20 * time.Millisecond }

// A call that waits takes no longer than it may in all, whatever it waits for.
func TestCallsThatWaitAreStopped(t *testing.T) {
	for name, change := range map[string]func(m *wt.Module) (wait []byte){
		"sleep": func(m *wt.Module) []byte {
			return join(wt.I64Const(int64(time.Hour)), wt.Call(m.Import("phasm", "sleep", wt.Sig("i64", "i32"))), wt.Drop)
		},
		"short sleeps": func(m *wt.Module) []byte {
			return join(wt.I64Const(int64(time.Millisecond)), wt.Call(m.Import("phasm", "sleep", wt.Sig("i64", "i32"))), wt.Drop)
		},
		"poll": func(m *wt.Module) []byte {
			poll := m.Import(wasiModule, "poll_oneoff", wt.Sig("i32 i32 i32 i32", "i32"))
			m.Data(128, pollClock(time.Hour))
			return join(wt.I32Const(128), wt.I32Const(256), wt.I32Const(1), wt.I32Const(512), wt.Call(poll), wt.Drop)
		},
		"slow flushes": func(m *wt.Module) []byte {
			return join(wt.Call(m.Import("phasm", "response_flush", wt.Phase)), wt.Drop)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := wt.Plugin()
			m.Phase("on_content", endless(change(m)), answers(0))
			p, _ := load(t, m, withShortWall)
			i := acquire(t, p)
			x := exchange(func() error {
				time.Sleep(5 * time.Millisecond)
				return nil
			})
			begin := time.Now()
			_, err := i.Run(x, abi.Content)
			if took := time.Since(begin); took < 20*time.Millisecond || took > late {
				t.Errorf("it ran for %v", took)
			}
			wantFault(t, err, abi.Content, tookTooLong)
		})
	}
}

// pollClock is a subscription of poll_oneoff's to the passing of a time.
func pollClock(d time.Duration) string {
	var s [48]byte
	s[16] = 1 // the monotonic clock; all else is at 0
	for n := range 8 {
		s[24+n] = byte(d >> (8 * n))
	}
	return string(s[:])
}

// On a false clock: a wait ends at the call's deadline, and the guest may still
// say so to its client before it is stopped.
func TestWaitEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := wt.Plugin()
		sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
		set := m.Import("phasm", "response_set_status", wt.Sig("i32", "i32"))
		flush := m.Import("phasm", "response_flush", wt.Phase)
		m.Phase("on_content", store(0, wt.I64Const(int64(time.Hour)), wt.Call(sleep)),
			wt.I32Const(504), wt.Call(set), wt.Drop, store(4, wt.Call(flush)), answers(1))
		p, _ := load(t, m, func(o *Options) { o.Wall = time.Minute })
		i, x, begin := acquire(t, p), quiet(), time.Now()
		if _, err := i.Run(x, abi.Content); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("it slept for %v", took)
		}
		if abi.Errno(at(t, i, 0)) != abi.Timeout || x.Response.StatusCode() != 504 || at(t, i, 4) != 0 {
			t.Errorf("sleep answers %d, the status is %d, flush answers %d", at(t, i, 0), x.Response.StatusCode(), at(t, i, 4))
		}
	})
}

// What a guest waits for is not what it computes.
func TestWaitsAreNotComputed(t *testing.T) {
	m := wt.Plugin()
	sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
	nap := join(wt.I64Const(int64(10*time.Millisecond)), wt.Call(sleep), wt.Drop)
	m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", nap, wt.Times(100_000, 0), nap, wt.Times(100_000, 0), nap, answers(0)))
	p, _ := load(t, m, func(o *Options) { o.CPU = 20 * time.Millisecond })
	for range 3 {
		if err := runOnce(t, p, abi.Content); err != nil {
			t.Error(err)
		}
	}
}

// Each call has the whole budget, also on an instance that has had many.
func TestEachCallHasItsBudget(t *testing.T) {
	m := wt.Plugin()
	m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", wt.Times(2_000_000, 0), answers(0)))
	p, _ := load(t, m, func(o *Options) { o.CPU, o.Instances = 100*time.Millisecond, 1 })
	begin := time.Now()
	for time.Since(begin) < 150*time.Millisecond {
		if err := runOnce(t, p, abi.Content); err != nil {
			t.Fatal(err)
		}
	}
}

// Guests that compute for long take turns. However a call ends, its turn does:
// else nobody would have one any more.
func TestFaultsEndTheTurn(t *testing.T) {
	wantNothingLeft(t)
	long := wt.Times(4_000_000, 0) // more than is over unnoticed
	m := wt.Plugin()
	exit := importExit(m)
	flush := m.Import("phasm", "response_flush", wt.Phase)
	phase := func(name string, body ...[]byte) { m.Export(name, m.FuncWithLocals(name, wt.Phase, "i32", body...)) }
	phase("on_rewrite", long, wt.Unreachable)
	phase("on_access", long, wt.I32Const(1), wt.Call(exit), answers(0))
	phase("on_content", long, wt.Call(flush), wt.Drop, long, answers(0))
	phase("on_header_filter", endless(), answers(0))
	phase("on_body_filter", long, wt.Unreachable)
	phase("on_log", long, answers(0))
	turns := host.NewTurns()
	p, _ := load(t, m, func(o *Options) {
		o.CPU, o.Wall, o.Turns, o.Instances, o.Wait = 200*time.Millisecond, late, turns, 8, late
	})
	var working sync.WaitGroup
	for range 4 {
		for _, phase := range []abi.Phase{abi.Rewrite, abi.Access, abi.Content, abi.HeaderFilter} {
			working.Go(func() {
				i, err := p.Acquire()
				if err != nil {
					t.Error(err)
					return
				}
				defer p.Release(i)
				var x *host.Exchange
				x = exchange(func() error {
					_, err := i.Run(x, abi.BodyFilter)
					return err
				})
				i.Run(x, phase)
			})
		}
	}
	working.Wait()
	p.quarantine.served() // all of them have failed
	for n := range 4 {
		if err := runOnce(t, p, abi.Log); err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
	}
}

// Many guests that never end are stopped all, and one that has little to do is
// not kept waiting for all of them.
func TestManyEndlessGuests(t *testing.T) {
	wantNothingLeft(t)
	const guests = 20
	m := wt.Plugin()
	m.Phase("on_content", endless(), answers(0))
	turns := host.NewTurns()
	p, _ := load(t, m, func(o *Options) { o.CPU, o.Turns, o.Instances = 10*time.Millisecond, turns, guests })
	good, _ := load(t, goodPlugin(), func(o *Options) { o.Turns = turns })
	var working sync.WaitGroup
	errs := make([]error, guests)
	for n := range guests {
		i := acquire(t, p)
		working.Go(func() { _, errs[n] = i.Run(quiet(), abi.Content) })
	}
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	served := 0
	for over := false; !over; served++ {
		if err := runOnce(t, good, abi.Content); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			over = true
		case <-time.After(50 * time.Microsecond): // as if over a network
		}
	}
	for _, err := range errs {
		wantFault(t, err, abi.Content, "it computed for more than 10ms, its limit")
	}
	if served < guests {
		t.Errorf("meanwhile the other plugin served %d times", served)
	}
}

// Where other programs compute too, a guest gets its share of the machine: it
// gives way, but forfeits nothing.
func TestGuestOnABusyMachine(t *testing.T) {
	const budget, most = 100 * time.Millisecond, time.Second
	m := wt.Plugin()
	m.Phase("on_content", endless(), answers(0))
	p, _ := load(t, m, func(o *Options) { o.CPU, o.Turns, o.Instances = budget, host.NewTurns(), 1 })
	for range 2 * runtime.NumCPU() {
		other := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { other.Wait() }) // after its context has ended it
	}
	begin := time.Now()
	wantFault(t, runOnce(t, p, abi.Content), abi.Content, "it computed for more than 100ms, its limit")
	if took := time.Since(begin); took > most {
		t.Errorf("%v of computing took %v beside %d busy programs", budget, took, 2*runtime.NumCPU())
	}
}
