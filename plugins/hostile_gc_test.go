//go:build !race

package plugins

import (
	"bytes"
	"math"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// dear are loops whose passes take much longer than their length says, each
// after one that has taught the host to trust the guest with long slices.
var dear = []struct {
	name   string
	change func(m *wt.Module) (body []byte)
}{
	{"fills", func(*wt.Module) []byte {
		return endless(bytes.Repeat(join(wt.I32Const(0), wt.I32Const(0), wt.I32Const(4096), wt.MemoryFill), 100))
	}},
	{"copies", func(*wt.Module) []byte {
		return endless(bytes.Repeat(join(wt.I32Const(0), wt.I32Const(pageSize), wt.I32Const(4096), wt.MemoryCopy), 100))
	}},
	{"roots", func(*wt.Module) []byte {
		return endless(wt.I32Const(0), wt.F64Const(2), bytes.Repeat(wt.F64Sqrt, 1000), wt.F64Store)
	}},
	{"roots that nobody needs", func(*wt.Module) []byte { // which the compiler leaves out
		return endless(wt.F64Const(2), bytes.Repeat(wt.F64Sqrt, 1000), wt.Drop)
	}},
	{"divisions", func(*wt.Module) []byte {
		return endless(wt.I32Const(math.MaxInt32), bytes.Repeat(join(wt.I32Const(3), wt.I32DivS), 300), wt.Drop)
	}},
	{"calls of a function with fills", func(m *wt.Module) []byte {
		f := m.Func("fills", wt.Void, bytes.Repeat(join(wt.I32Const(0), wt.I32Const(0), wt.I32Const(4096), wt.MemoryFill), 700))
		return endless(bytes.Repeat(wt.Call(f), 300))
	}},
	{"calls of a long function", func(m *wt.Module) []byte {
		f := m.FuncWithLocals("long", wt.Void, "i32", bytes.Repeat(join(wt.LocalGet(0), wt.LocalGet(0), wt.I32Mul, wt.LocalSet(0)), 1000))
		return endless(bytes.Repeat(wt.Call(f), 300))
	}},
	{"code behind jumps over checks", func(*wt.Module) []byte {
		skip := wt.Block(bytes.Repeat(join(wt.I32Const(9), wt.I32Const(3), wt.I32DivS, wt.Drop), 1200), wt.Br(0), // 8 KiB
			bytes.Repeat(join(wt.I32Const(1), wt.Drop), 700))
		return endless(bytes.Repeat(skip, 20))
	}},
	{"loads that miss the cache", func(*wt.Module) []byte { // each says where the next one is
		const size, line, stride = 256 * pageSize, 64, 4099 * 64
		chain := wt.Loop(wt.LocalGet(0), wt.LocalGet(0), wt.I32Const(stride), wt.I32Add, wt.I32Const(size-1), wt.I32And, wt.I32Store,
			wt.LocalGet(0), wt.I32Const(line), wt.I32Add, wt.LocalTee(0), wt.I32Const(size), wt.I32Sub, wt.BrIf(0))
		return join(wt.I32Const(0), wt.LocalSet(0), chain, wt.I32Const(0), wt.LocalSet(0),
			endless(wt.LocalGet(0), bytes.Repeat(wt.I32Load, 300), wt.LocalSet(0)))
	}},
	{"long host calls between short ones", func(m *wt.Module) []byte {
		write := m.Import("phasm", "response_write", wt.Sig("i32 i32", "i32"))
		now := m.Import("phasm", "now", wt.Sig("", "i64"))
		return endless(wt.I32Const(0), wt.I32Const(200*pageSize), wt.Call(write), wt.Drop, bytes.Repeat(join(wt.Call(now), wt.Drop), 100))
	}},
	{"pages that are new", func(*wt.Module) []byte {
		return join(touch(), endless())
	}},
	{"large fills", func(*wt.Module) []byte {
		return endless(wt.I32Const(0), wt.I32Const(1), wt.I32Const(16<<20), wt.MemoryFill)
	}},
	{"large copies", func(*wt.Module) []byte {
		return endless(wt.I32Const(1), wt.I32Const(0), wt.I32Const(16<<20-1), wt.MemoryCopy)
	}},
	{"host calls", func(m *wt.Module) []byte {
		method := m.Import("phasm", "request_method", wt.Sig("i32 i32", "i32"))
		return endless(bytes.Repeat(join(wt.I32Const(0), wt.I32Const(16), wt.Call(method), wt.Drop), 100))
	}},
	{"nothing", func(*wt.Module) []byte { return endless() }},
}

// loadDear loads one of these with a budget of its own.
func loadDear(t *testing.T, change func(m *wt.Module) []byte, cpu time.Duration) *Plugin {
	t.Helper()
	m := wt.Plugin()
	m.Memory(256)
	body := change(m)
	m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", practised(), body, answers(0)))
	p, _ := load(t, m, func(o *Options) { o.CPU, o.Turns, o.Wait = cpu, host.NewTurns(), late })
	return p
}

// What a slice of steps costs differs by a lot from one instruction to another.
// A guest that hides that is none the less stopped soon after its time is over.
func TestDearStepsAreStopped(t *testing.T) {
	const cpu, over, attempts = 20 * time.Millisecond, 20 * time.Millisecond, 20
	for _, test := range dear {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			runtime.LockOSThread() // on which the guest runs, too
			defer runtime.UnlockOSThread()
			p := loadDear(t, test.change, cpu)
			least := time.Hour
			for n := 0; n < attempts && least > cpu+over; n++ { // others may have the machine's caches
				begin := threadTime(t)
				err := runOnce(t, p, abi.Content)
				least = min(least, threadTime(t)-begin)
				wantFault(t, err, abi.Content, "it computed for more than 20ms, its limit")
			}
			t.Logf("stopped after %v", least)
			if least > cpu+over {
				t.Errorf("with %v to compute it ran for %v", cpu, least)
			}
		})
	}
}

// While a guest computes the garbage collector has to wait for it, and all else
// waits with the collector.
func TestGarbageCollectionWaitsNotLong(t *testing.T) {
	const cpu, most, attempts = 60 * time.Millisecond, 200 * time.Microsecond, 10
	for _, test := range dear {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			p := loadDear(t, test.change, cpu)
			median := math.Inf(1)
			for n := 0; n < attempts && median > most.Seconds(); n++ { // a machine that has other work to do stops us, too
				done := make(chan struct{})
				before := stopping()
				go func() {
					defer close(done)
					runOnce(t, p, abi.Content)
				}()
				collections := 0
				for over := false; !over; collections++ {
					runtime.GC()
					select {
					case <-done:
						over = true
					default:
					}
				}
				waits := since(before, stopping())
				median = min(median, quantile(waits, 0.5))
				t.Logf("%d collections: median %.0f µs, p99 %.0f µs, at most %.0f µs",
					collections, 1e6*quantile(waits, 0.5), 1e6*quantile(waits, 0.99), 1e6*quantile(waits, 1))
			}
			if median > most.Seconds() {
				t.Errorf("the collector waits for %.0f µs, at most %v", 1e6*median, most)
			}
		})
	}
}

// stopping are the times that it has taken to stop all goroutines for a garbage
// collection.
func stopping() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(sample)
	h := *sample[0].Value.Float64Histogram()
	h.Counts = slices.Clone(h.Counts)
	return &h
}

// since is what a histogram has more than before.
func since(before, after *metrics.Float64Histogram) *metrics.Float64Histogram {
	for n := range after.Counts {
		after.Counts[n] -= before.Counts[n]
	}
	return after
}

// quantile is an upper bound of a part of the values.
func quantile(h *metrics.Float64Histogram, part float64) float64 {
	var total, sum uint64
	for _, n := range h.Counts {
		total += n
	}
	for n, count := range h.Counts {
		if sum += count; float64(sum) >= part*float64(total) {
			return h.Buckets[n+1]
		}
	}
	return math.Inf(1)
}
