//go:build !race

package plugins

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// deep adds a function that calls itself without end, or as often as a global
// says and then does what bottom does. Each call has so many local variables
// and values that it needs again afterwards.
func deep(m *wt.Module, locals, values int, bottom ...[]byte) (f int) {
	f = m.Next()
	var set, get []byte
	for n := range locals {
		set = append(set, join(wt.MemorySize, wt.LocalSet(n))...)
		get = append(get, join(wt.LocalGet(n), wt.I32Add)...)
	}
	again := wt.Call(f)
	if bottom != nil {
		const left = 0 // the global
		again = join(wt.GlobalGet(left), wt.I32Const(1), wt.I32Sub, wt.GlobalSet(left),
			wt.GlobalGet(left), wt.If(wt.Call(f), wt.Drop), wt.GlobalGet(left), wt.I32Eqz, wt.If(bottom...), wt.MemorySize)
	}
	return m.FuncWithLocals("deep", wt.Phase, strings.Repeat("i32 ", locals),
		set, bytes.Repeat(wt.MemorySize, values), again, get, bytes.Repeat(wt.I32Add, values))
}

// practised is a loop of cheap steps, after which a guest is trusted with long
// slices of them.
func practised() []byte { return wt.Times(1_000_000, 0) }

var frames = []struct {
	name           string
	locals, values int
}{
	{"small", 0, 0}, {"locals", 500, 0}, {"values", 0, 500}, {"many locals", 5000, 0}, {"many values", 0, 5000},
}

// Calls that recurse without end, twenty at once, take no more of the machine's
// memory than their stacks may, and give it back.
func TestEndlessRecursion(t *testing.T) {
	const calls, most = 20, 3 * (8 << 20) // a stack that grows is copied: for a moment there are two
	deeper := map[string]func(m *wt.Module) (call []byte){
		"many results": func(m *wt.Module) []byte { // for which the caller has room in its frame
			const results = 1000
			f := m.Next()
			m.Func("deep", wt.Sig("", strings.Repeat("i64 ", results)), wt.Call(f))
			return join(wt.Call(f), bytes.Repeat(wt.Drop, results), answers(0))
		},
	}
	for _, frame := range frames {
		deeper[frame.name] = func(m *wt.Module) []byte { return wt.Call(deep(m, frame.locals, frame.values)) }
	}
	for name, call := range deeper {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			wantNothingLeft(t)
			m := wt.Plugin()
			m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", practised(), call(m)))
			m.Phase("on_log", answers(0))
			p, _ := load(t, m, func(o *Options) { o.CPU, o.Instances = 10*time.Second, calls })
			before := residentSize(t)
			var peak int64
			var running sync.WaitGroup
			for range calls {
				i := acquire(t, p)
				running.Go(func() {
					_, err := i.Run(quiet(), abi.Content)
					wantFault(t, err, abi.Content, outOfStack)
				})
			}
			done := make(chan struct{})
			go func() { running.Wait(); close(done) }()
			for over := false; !over; {
				peak = max(peak, residentNow(t)-before)
				select {
				case <-done:
					over = true
				case <-time.After(time.Millisecond):
				}
			}
			t.Logf("at most %d MiB more in use", peak>>20)
			if peak > calls*most {
				t.Errorf("%d calls took %d MiB", calls, peak>>20)
			}
		})
	}
}

// A stack that has grown large goes with its call, not with its instance: else
// instances that nobody uses would hold more than all their memories.
func TestLargeStacksAreNotKept(t *testing.T) {
	const calls, depth = 5, 50_000 // some 4 MiB of stack
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprintf("fresh %v", fresh), func(t *testing.T) {
			m := wt.Plugin()
			f := m.Next()
			m.Func("down", wt.Sig("i32", ""), wt.LocalGet(0), wt.If(wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(f)))
			for phase := range abi.NumPhases {
				m.Phase(phase.Export(), wt.I32Const(depth), wt.Call(f), answers(0))
			}
			p, _ := load(t, m, func(o *Options) { o.Instances, o.Fresh = calls, fresh })
			before := residentSize(t)
			var all []*Instance
			for range calls {
				i, err := p.Acquire()
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, i)
				for phase := range abi.NumPhases {
					if _, err := i.Run(quiet(), phase); err != nil {
						t.Fatal(err)
					}
				}
			}
			const most = calls * 2 << 20
			if held := residentSize(t) - before; held > most {
				t.Errorf("between calls %d instances hold %d MiB", calls, held>>20)
			}
			for _, i := range all {
				p.Release(i)
			}
			if stats := p.pool.Stats(); stats.Idle != calls || stats.Discarded != 0 {
				t.Errorf("the pool has %+v, want %d idle", stats, calls)
			}
		})
	}
}

// A call does not wait with a stack that is too large: that would keep it for
// as long as the call may take.
func TestNobodySleepsOnALargeStack(t *testing.T) {
	for _, frame := range frames {
		t.Run(strings.ReplaceAll(frame.name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
			const size, smallest = 16 << 20, 32 // of all frames, and of one without variables
			m.Global(size / int32(smallest+4*(frame.locals+frame.values)))
			f := deep(m, frame.locals, frame.values, wt.I64Const(int64(time.Hour)), wt.Call(sleep), wt.Drop)
			m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", practised(), wt.Call(f)))
			p, _ := load(t, m, func(o *Options) { o.CPU, o.Wall = 10*time.Second, time.Second })
			wantStopped(t, p, abi.Content, outOfStack)
		})
	}
}

// The limit holds before the first request, too.
func TestEndlessRecursionInInit(t *testing.T) {
	for _, export := range []string{"_initialize", "on_init"} {
		m := wt.Plugin()
		f := m.Next()
		if export == "on_init" {
			m.Phase(export, wt.Call(f))
		} else {
			m.Export(export, m.Func("deep", wt.Void, wt.Call(f)))
		}
		m.Phase("on_content", answers(0))
		o, _ := options(t, m.Bytes())
		p, err := Load(t.Context(), o)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), outOfStack) {
			t.Errorf("%s: the error is %v", export, err)
		}
	}
}
