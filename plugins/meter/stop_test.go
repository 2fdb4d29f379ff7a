//go:build !race

package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// errStopped is how refill ends a guest.
var errStopped = errors.New("no steps are left")

// stopwatch hands out slices until there have been enough, and measures how
// long a guest runs between two of them.
type stopwatch struct {
	slice, left int32
	last        time.Time
	longest     time.Duration
}

func (s *stopwatch) begin(slices int32) { s.left, s.longest, s.last = slices, 0, time.Now() }

func (s *stopwatch) lap() {
	now := time.Now()
	s.longest = max(s.longest, now.Sub(s.last))
	s.last = now
}

func (s *stopwatch) refill() int32 {
	s.lap()
	if s.left--; s.left < 0 || s.longest > 100*time.Millisecond {
		panic(errStopped)
	}
	return s.slice
}

// newStopwatch answers a runtime whose guests ask the stopwatch for steps.
func newStopwatch(t testing.TB, slice int32) (*stopwatch, wazero.Runtime) {
	t.Helper()
	s := &stopwatch{slice: slice}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
	t.Cleanup(func() { r.Close(context.Background()) })
	if err := instantiateRefill(t.Context(), r, s.refill); err != nil {
		t.Fatal(err)
	}
	return s, r
}

// Whatever a guest does, it asks for steps before long, so that it can be
// stopped and lets the garbage collector have its way.
func TestStops(t *testing.T) {
	const pages = 1 << 8 // 16 MiB
	module := func(body ...[]byte) *wt.Module {
		m := &wt.Module{}
		m.Memory(pages)
		m.ExportMemory("memory")
		m.Export("f", m.FuncWithLocals("f", wt.Void, "i32 i32", body...))
		return m
	}
	whole := slices.Concat(wt.I32Const(0), wt.I32Const(0), wt.I32Const(pages<<16))
	for _, test := range []struct {
		name   string
		module *wt.Module
	}{
		{"br", module(loop, br(0), end)},
		{"br_if", module(loop, yes, brIf(0), end)},
		{"br_table", module(loop, wt.I32Const(5), []byte{0x0e, 2, 0, 0, 0}, end)},
		{"loop with a parameter", parameter()},
		{"loop with a result", module([]byte{0x03, 0x7f}, br(0), end, wt.Drop)},
		{"branch out of a block", module(loop, block, block, br(2), end, end, end)},
		{"branch out of an if", module(loop, yes, ifTrue, br(1), end, end)},
		{"loop in a loop", module(loop, loop, wt.I32Const(0), brIf(0), end, br(0), end)},
		{"two loops", module(loop, loop, yes, brIf(1), end, end, loop, br(0), end)},
		{"behind a return", module(block, br(0), loop, br(0), end, end, loop, br(0), end)},
		{"long body", module(loop, repeat(100_000, yes, wt.Drop), br(0), end)},
		{"many loops", module(repeat(50, wt.Times(1_000_000, 0)))},
		{"dispatch", module(loop, block, block, wt.LocalGet(0), []byte{0x0e, 1, 0, 1}, end,
			wt.I32Const(1), wt.LocalSet(0), br(1), end, wt.I32Const(0), wt.LocalSet(0), br(0), end)},
		{"dispatch out of range", module(loop, block, block, wt.LocalGet(0), []byte{0x0e, 1, 0, 1}, end,
			wt.I32Const(9), wt.LocalSet(0), br(1), end, wt.I32Const(9), wt.LocalSet(0), br(0), end)},
		{"dispatch on itself", module(loop, block, wt.LocalGet(0), []byte{0x0e, 0, 0}, end,
			wt.I32Const(0), wt.LocalSet(0), br(0), end)},
		{"memory.fill", module(loop, whole, []byte{0xfc, 11, 0}, br(0), end)},
		{"memory.copy", module(loop, whole, []byte{0xfc, 10, 0, 0}, br(0), end)},
		{"memory.grow", module(loop, wt.I32Const(0), wt.MemoryGrow, wt.Drop, br(0), end)},
		{"recursion", module(wt.Call(0))},
		{"recursion, twice", recursion(2, 100)},
		{"calls of calls", calls(6, 100)},
		{"calls of nothing", calls(1, 100_000)},
		{"calls of short functions", calls(1, 100_000, wt.I32Const(7), repeat(20, wt.I32Const(3), wt.I32DivS), wt.Drop)},
		{"short fills", module(loop, repeat(1000, wt.I32Const(0), wt.I32Const(0), wt.I32Const(4096), []byte{0xfc, 11, 0}), br(0), end)},
		{"checks jumped over", module(loop, repeat(4, block, repeat(600, wt.I32Const(0), wt.I32Const(0), wt.I32Const(4096), []byte{0xfc, 11, 0}),
			yes, brIf(0), repeat(3000, yes, wt.Drop), end), br(0), end)},
		{"divisions", module(loop, wt.I32Const(7), repeat(10_000, yes, wt.I32DivS), wt.Drop, br(0), end)},
		{"indirect calls", indirect()},
		{"tables", tables()},
		{"a start function", starts()},
	} {
		t.Run(test.name, func(t *testing.T) {
			const slice, slices = 10_000, 20
			const most, attempts, mostAttempts = 20 * time.Millisecond, 3, 30
			s, r := newStopwatch(t, slice)
			rewritten, err := meter.Rewrite(test.module.Bytes(), meter.Options{TableEntries: 10_000})
			if err != nil {
				t.Fatal(err)
			}
			compiled, err := r.CompileModule(t.Context(), rewritten.Code)
			if err != nil {
				t.Fatal(err)
			}
			longest := time.Hour
			for n := 0; n < attempts || n < mostAttempts && longest > most; n++ { // what the machine does meanwhile only adds to it
				m, err := r.InstantiateModule(t.Context(), compiled, wazero.NewModuleConfig().WithName(""))
				if err != nil {
					t.Fatal(err)
				}
				s.begin(slices)
				err = start(t.Context(), m)
				if f := m.ExportedFunction("f"); f != nil {
					_, err = f.Call(t.Context())
				}
				s.lap()
				if !errors.Is(err, errStopped) && (err == nil || firstLine(err) != "wasm error: stack overflow") {
					t.Fatalf("it ended otherwise: %v", err)
				}
				longest = min(longest, s.longest)
			}
			t.Logf("at most %v without asking", longest)
			if longest > most {
				t.Errorf("it ran for %v without asking for steps", longest)
			}
		})
	}
}

// recursion is a function that calls itself so many times, as deep as its
// argument says: too often for one life.
func recursion(times int, depth int32) *wt.Module {
	m := &wt.Module{}
	deeper := slices.Concat(wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(0))
	m.Func("deeper", wt.Sig("i32", ""), wt.LocalGet(0), ifTrue, repeat(times, deeper), end)
	m.Export("f", m.Func("f", wt.Void, wt.I32Const(depth), wt.Call(0)))
	return m
}

// parameter is a loop whose parameter goes round with it.
func parameter() *wt.Module {
	m := &wt.Module{}
	const typ = 0 // of the function that nobody calls
	m.Func("", wt.Sig("i32", ""))
	m.Export("f", m.Func("f", wt.Void, yes, []byte{0x03, typ}, br(0), end))
	return m
}

// calls are functions each of which calls the one before many times; the
// first has this body.
func calls(functions, times int, body ...[]byte) *wt.Module {
	m := &wt.Module{}
	f := m.Func("first", wt.Void, body...)
	for range functions {
		f = m.Func("calls", wt.Void, repeat(times, wt.Call(f)))
	}
	m.Export("f", m.Func("f", wt.Void, loop, wt.Call(f), br(0), end))
	return m
}

func indirect() *wt.Module {
	m := &wt.Module{}
	f := m.Func("f", wt.Void, wt.I32Const(0), m.CallIndirect(), wt.I32Const(0), m.CallIndirect())
	m.Table(f)
	m.Export("f", f)
	return m
}

// tables fills and copies a table as large as it may be.
func tables() *wt.Module {
	const size = 10_000
	m := &wt.Module{}
	m.TableOf(size)
	all := wt.I32Const(size)
	m.Export("f", m.Func("f", wt.Void, loop,
		wt.I32Const(0), []byte{0xd0, funcref}, all, []byte{0xfc, 17, 0},
		wt.I32Const(0), wt.I32Const(0), all, []byte{0xfc, 14, 0, 0},
		br(0), end))
	return m
}

func starts() *wt.Module {
	m := &wt.Module{}
	m.Start(m.Func("start", wt.Void, loop, br(0), end))
	return m
}

// Modules written at random, with fuel for hours.
func TestGeneratedStops(t *testing.T) {
	const slice, slices = 1000, 100
	s, r := newStopwatch(t, slice)
	env, err := r.CompileModule(t.Context(), environment())
	if err != nil {
		t.Fatal(err)
	}
	stopped, longest := 0, time.Duration(0)
	for seed := range uint64(150) {
		rewritten, err := meter.Rewrite(generate(seed), options)
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.InstantiateModule(t.Context(), env, wazero.NewModuleConfig().WithName("env"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.InstantiateWithConfig(t.Context(), rewritten.Code, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			t.Fatal(err)
		}
		s.begin(math.MaxInt32)
		_ = start(t.Context(), m)
		values := rand.New(rand.NewPCG(seed, 2))
		for i := range 6 {
			if f := m.ExportedFunction(fmt.Sprint("f", i)); f != nil {
				m.ExportedGlobal(fuelExport).(api.MutableGlobal).Set(math.MaxInt32)
				s.begin(slices)
				if _, err := f.Call(t.Context(), arguments(values, f.Definition().ParamTypes())...); errors.Is(err, errStopped) {
					stopped++
				}
				s.lap()
				longest = max(longest, s.longest)
			}
		}
		m.Close(t.Context())
		e.Close(t.Context())
	}
	t.Logf("%d calls were stopped; at most %v without asking", stopped, longest)
	if stopped < 20 {
		t.Error("hardly any of them ran for long")
	}
	if longest > time.Second {
		t.Errorf("one ran for %v without asking for steps", longest)
	}
}
