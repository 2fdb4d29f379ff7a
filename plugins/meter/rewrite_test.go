package meter_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// metering is an instance of a rewritten module that has not been started.
type metering struct {
	*meter.Module
	compiled wazero.CompiledModule
	instance api.Module
	refills  int
}

func newMetering(t *testing.T, m *wt.Module, o meter.Options) *metering {
	t.Helper()
	rewritten, err := meter.Rewrite(m.Bytes(), o)
	if err != nil {
		t.Fatal(err)
	}
	g := &metering{Module: rewritten}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
	t.Cleanup(func() { r.Close(context.Background()) })
	if err := instantiateRefill(t.Context(), r, func() int32 { g.refills++; return slice }); err != nil {
		t.Fatal(err)
	}
	if g.compiled, err = r.CompileModule(t.Context(), rewritten.Code); err != nil {
		t.Fatal(err)
	}
	if g.instance, err = r.InstantiateModule(t.Context(), g.compiled, wazero.NewModuleConfig()); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *metering) call(t *testing.T, name string) error {
	t.Helper()
	f := g.instance.ExportedFunction(name)
	if f == nil {
		t.Fatalf("it does not export %s", name)
	}
	_, err := f.Call(t.Context())
	return err
}

func (g *metering) global(t *testing.T, name string) int32 {
	t.Helper()
	global := g.instance.ExportedGlobal(name)
	if global == nil {
		t.Fatalf("it does not export %s", name)
	}
	return api.DecodeI32(global.Get())
}

// What a backtrace shows is what the guest's author wrote, although functions
// have other numbers now.
func TestNames(t *testing.T) {
	m := &wt.Module{}
	inner := m.Func("inner", wt.Void, wt.Unreachable)
	m.Export("f", m.Func("outer", wt.Void, wt.Call(inner)))
	err := newMetering(t, m, options).call(t, "f")
	if err == nil || !strings.Contains(err.Error(), ".inner()\n\t.outer()") {
		t.Errorf("got %v, want a backtrace of inner and outer", err)
	}
}

func TestStart(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(m *wt.Module)
		has    bool
		memory byte // its first byte, once started
	}{
		{"neither", func(m *wt.Module) {}, false, 0},
		{"data", func(m *wt.Module) { m.Data(0, "a") }, true, 'a'},
		{"data over data", func(m *wt.Module) { m.Data(0, "a"); m.Data(0, "b") }, true, 'b'},
		{"passive data", func(m *wt.Module) { m.Passive("a") }, false, 0},
		{"start function", func(m *wt.Module) {
			m.Data(0, "a")
			m.Start(m.Func("start", wt.Void, wt.I32Const(0), wt.I32Const('s'), wt.I32Store))
		}, true, 's'},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := wt.Plugin()
			test.change(m)
			g := newMetering(t, m, options)
			exported := g.instance.ExportedFunction(meter.Start) != nil
			if g.HasStart != test.has || exported != test.has {
				t.Fatalf("HasStart is %t and it is exported: %t, want %t", g.HasStart, exported, test.has)
			}
			if c, _ := g.instance.Memory().ReadByte(0); c != 0 {
				t.Errorf("before the start its memory begins with %q", c)
			}
			if err := start(t.Context(), g.instance); err != nil {
				t.Fatal(err)
			}
			if c, _ := g.instance.Memory().ReadByte(0); c != test.memory {
				t.Errorf("its memory begins with %q, want %q", c, test.memory)
			}
		})
	}
}

// An active segment is dropped once it is written, as the specification says
// and wazero, unmetered, forgets.
func TestStartDropsSegments(t *testing.T) {
	m := wt.Plugin()
	m.Data(0, "abc")
	m.Passive("passive")
	for name, segment := range map[string]byte{"active": 0, "passive": 1} {
		m.Export(name, m.Func(name, wt.Void, wt.I32Const(0), wt.I32Const(0), wt.I32Const(1), []byte{0xfc, 8, segment, 0}))
	}
	g := newMetering(t, m, options)
	if err := start(t.Context(), g.instance); err != nil {
		t.Fatal(err)
	}
	if err := g.call(t, "active"); err == nil || !strings.Contains(err.Error(), "out of bounds memory access") {
		t.Errorf("an active segment can be written once more: %v", err)
	}
	if err := g.call(t, "passive"); err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	m := wt.Plugin()
	m.TableOf(1)
	entries := m.Func("entries", wt.Phase, []byte{0xd0, funcref}, wt.I32Const(3), []byte{0xfc, 15, 0})
	m.Export("entries", entries)
	for most, want := range map[uint32]int32{3: -1, 4: 1} {
		g := newMetering(t, m, meter.Options{TableEntries: most})
		got, err := g.instance.ExportedFunction("entries").Call(t.Context())
		if err != nil || api.DecodeI32(got[0]) != want {
			t.Errorf("from 1 to 4 of %d entries: got %d, %v, want %d", most, api.DecodeI32(got[0]), err, want)
		}
	}
	// The limit of its memory is its own.
	small := &wt.Module{}
	small.Memory(1, 2)
	small.ExportMemory("memory")
	if most, has := newMetering(t, small, options).compiled.ExportedMemories()["memory"].Max(); !has || most != 2 {
		t.Errorf("its memory may have %d pages, want 2", most)
	}
}

// The mutable numbers can be read and written from outside, all of them and
// nothing else.
func TestGlobals(t *testing.T) {
	var a assembler
	a.section(6,
		[]byte{i32, 1, 0x41, 10, 0x0b},                                     // 0
		[]byte{i32, 0, 0x41, 11, 0x0b},                                     // constant
		[]byte{funcref, 1, 0xd0, funcref, 0x0b},                            // a reference
		[]byte{i64, 1, 0x42, 12, 0x0b},                                     // 1
		slices.Concat([]byte{f64, 1, 0x44}, make([]byte, 8), []byte{0x0b}), // 2
	)
	rewritten, err := meter.Rewrite(a.bytes(), options)
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
	defer r.Close(t.Context())
	if err := instantiateRefill(t.Context(), r, func() int32 { return slice }); err != nil {
		t.Fatal(err)
	}
	m, err := r.Instantiate(t.Context(), rewritten.Code)
	if err != nil {
		t.Fatal(err)
	}
	want := []uint64{10, 12, 0}
	if rewritten.Globals != len(want) {
		t.Errorf("Globals is %d, want %d", rewritten.Globals, len(want))
	}
	for i, value := range want {
		global, mutable := m.ExportedGlobal(meter.GlobalName(i)).(api.MutableGlobal)
		if !mutable || global.Get() != value {
			t.Errorf("global %d: got %v, mutable %t, want %d", i, global, mutable, value)
		}
	}
	if m.ExportedGlobal(meter.GlobalName(len(want))) != nil {
		t.Error("there is one more")
	}
}

// Where a guest has changed more than memory and numbers, it says so.
func TestChanged(t *testing.T) {
	null := []byte{0xd0, funcref}
	at, n := wt.I32Const(0), wt.I32Const(1)
	for _, test := range []struct {
		name string
		code []byte
		want bool
	}{
		{"nothing", nil, false},
		{"a number", slices.Concat(n, wt.GlobalSet(0)), false},
		{"memory", slices.Concat(at, n, wt.I32Store), false},
		{"reading a table", slices.Concat(at, tableGet, wt.Drop), false},
		{"table.set", slices.Concat(at, null, []byte{0x26, 0}), true},
		{"table.fill", slices.Concat(at, null, n, []byte{0xfc, 17, 0}), true},
		{"table.grow", slices.Concat(null, n, []byte{0xfc, 15, 0}, wt.Drop), true},
		{"table.copy", slices.Concat(at, n, n, []byte{0xfc, 14, 0, 0}), true},
		{"table.init", slices.Concat(at, at, at, []byte{0xfc, 12, 0, 0}), true},
		{"data.drop", []byte{0xfc, 9, 0}, true},
		{"elem.drop", []byte{0xfc, 13, 0}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := wt.Plugin()
			m.Global(0)
			m.Passive("passive")
			f := m.Func("f", wt.Void, test.code)
			m.Table(f, f, f, f)
			m.Export("f", f)
			g := newMetering(t, m, options)
			if g.global(t, meter.Changed) != 0 {
				t.Fatal("it has changed before it ran")
			}
			if err := g.call(t, "f"); err != nil {
				t.Fatal(err)
			}
			if changed := g.global(t, meter.Changed) != 0; changed != test.want {
				t.Errorf("got %t, want %t", changed, test.want)
			}
		})
	}
}

// Steps go down with the work done, however a function is left and whoever
// calls it, and where none is left the guest asks for more.
func TestSteps(t *testing.T) {
	const turns, inner = 100, 50
	work := wt.Times(inner, 0)
	returns := []byte{0x0f}
	const called = 1 // a function that loops as often
	for _, test := range []struct {
		name string
		body []byte
		work int32
	}{
		{"falls out", work, inner},
		{"returns", slices.Concat(work, returns), inner},
		{"returns early", slices.Concat(work, yes, ifTrue, returns, end, work), inner},
		{"branches out", slices.Concat(work, yes, ifTrue, br(1), end), inner},
		{"branches out, if", slices.Concat(work, yes, brIf(0)), inner},
		{"br_table", slices.Concat(work, yes, []byte{0x0e, 1, 0, 0}), inner},
		{"returns from a loop", slices.Concat(wt.I32Const(inner), wt.LocalSet(0), loop, wt.LocalGet(0), wt.I32Eqz, ifTrue, returns, end,
			wt.LocalGet(0), yes, wt.I32Sub, wt.LocalSet(0), br(0), end), inner},
		{"calls", slices.Concat(work, wt.Call(called)), 2 * inner},
		{"calls between", slices.Concat(work, wt.Call(called), work), 3 * inner},
		{"calls indirectly", slices.Concat(work, wt.I32Const(called), (&wt.Module{}).CallIndirect()), 2 * inner},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &wt.Module{}
			f := m.FuncWithLocals("work", wt.Void, "i32", test.body)
			m.Table(f, m.FuncWithLocals("called", wt.Void, "i32", work))
			m.Export("call", m.FuncWithLocals("call", wt.Void, "i32", wt.Times(turns, 0, wt.Call(f))))
			m.Export("call_indirect", m.FuncWithLocals("call_indirect", wt.Void, "i32", wt.Times(turns, 0, wt.I32Const(0), m.CallIndirect())))
			g := newMetering(t, m, options)
			steps := g.instance.ExportedGlobal(meter.Steps).(api.MutableGlobal)
			for _, caller := range []string{"call", "call_indirect"} {
				g.refills = 0
				steps.Set(1 << 20)
				if err := g.call(t, caller); err != nil {
					t.Fatal(err)
				}
				least := turns * test.work
				if used := 1<<20 - api.DecodeI32(steps.Get()); used < least || used > 4*least || g.refills != 0 {
					t.Errorf("%s: %d turns took %d steps and asked for more %d times", caller, least, used, g.refills)
				}
				steps.Set(1)
				if err := g.call(t, caller); err != nil || g.refills < 1 || g.refills > 2 {
					t.Errorf("%s: with one step left it asked for more %d times: %v", caller, g.refills, err)
				}
			}
		})
	}
}
