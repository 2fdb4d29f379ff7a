package meter_test

import (
	"bytes"
	"slices"
	"testing"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// The ways in which stock Go gets at its stack frame. The stack pointer is in
// global 0, and in local 0 of each function.
var (
	i64Load  = []byte{0x29, 3, 0}
	i64Store = []byte{0x37, 3, 0}
	enter    = slices.Concat(wt.GlobalGet(0), wt.LocalSet(0))
	move     = slices.Concat(wt.LocalGet(0), wt.I32Const(8), wt.I32Sub, wt.LocalTee(0), wt.GlobalSet(0))
)

func inFrame(offset int64) []byte {
	return slices.Concat(wt.LocalGet(0), []byte{0xad}, wt.I64Const(offset), []byte{0x7c, 0xa7})
}

// goModule is a module that says that stock Go has made it.
func goModule() *wt.Module {
	m := &wt.Module{}
	m.Memory(1)
	m.Global(1000)
	m.Custom("producers", []byte("\x01\x0cprocessed-by\x01\x0eGo cmd/compile\x08go1.26.8"))
	return m
}

// TestFrames runs code that works in a stack frame: it must do what it did.
func TestFrames(t *testing.T) {
	put := func(address []byte, value int64) []byte { return slices.Concat(address, wt.I64Const(value), i64Store) }
	get := func(address []byte) []byte { return slices.Concat(address, i64Load) }
	add := []byte{0x7c}
	for name, test := range map[string]struct {
		code []byte
		want int64
	}{
		"stores and loads": {slices.Concat(put(inFrame(16), 5), put(inFrame(8), 7), get(inFrame(16)), get(inFrame(8)), add), 12},
		"a value from the frame": {slices.Concat(put(inFrame(16), 5), inFrame(24), inFrame(16), i64Load, wt.I64Const(1), add, i64Store,
			get(inFrame(24))), 6},
		"another stack pointer":  {slices.Concat(put(inFrame(8), 5), move, put(inFrame(8), 7), get(inFrame(16)), get(inFrame(8)), add), 12},
		"an address from before": {slices.Concat(inFrame(8), move, wt.I64Const(3), i64Store, get(inFrame(16))), 3},
		"a branch in between": {slices.Concat(put(inFrame(8), 1), put(inFrame(16), 2), wt.I32Const(0),
			wt.If(put(inFrame(8), 100), put(inFrame(32), 100)), get(inFrame(8)), get(inFrame(16)), add), 3},
		"a value from a block": {slices.Concat(inFrame(8), []byte{0x02, 0x7e}, wt.I64Const(9), []byte{0x0b}, i64Store, get(inFrame(8))), 9},
		"a return address": {slices.Concat(put(inFrame(8), 1), put(inFrame(16), 2), move, put(wt.LocalGet(0), 3),
			get(wt.LocalGet(0)), get(inFrame(24)), add, get(inFrame(16)), add), 6},
		"no more than a return address": {slices.Concat(put(inFrame(8), 1), move, put(wt.LocalGet(0), 3), move, put(wt.LocalGet(0), 4),
			get(wt.LocalGet(0)), get(inFrame(8)), add, get(inFrame(24)), add), 8},
		"something else below the frame": {slices.Concat(put(inFrame(8), 1), put(inFrame(16), 2), move, wt.LocalGet(0), wt.I64Const(0x0102030405060708), []byte{0x37, 3, 1},
			wt.LocalGet(0), []byte{0x29, 3, 1}), 0x0102030405060708},
		"an address that stays":  {slices.Concat(inFrame(2000), wt.Drop, put(inFrame(8), 4), get(inFrame(8))), 4},
		"an access at its place": {slices.Concat(wt.LocalGet(0), wt.I64Const(6), []byte{0x37, 3, 40}, put(inFrame(8), 1), get(inFrame(40))), 6},
	} {
		t.Run(name, func(t *testing.T) {
			m := goModule()
			m.Export("f", m.FuncWithLocals("f", wt.Sig("", "i64"), "i32", enter, test.code))
			g := newMetering(t, m, options)
			got, err := g.instance.ExportedFunction("f").Call(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if int64(got[0]) != test.want {
				t.Errorf("it answered %d, want %d", int64(got[0]), test.want)
			}
		})
	}
}

// TestFramesRewritten looks at which code has changed.
func TestFramesRewritten(t *testing.T) {
	code := slices.Concat(enter, inFrame(8), wt.I64Const(1), i64Store, inFrame(32), i64Load, wt.Drop,
		move, wt.LocalGet(0), wt.I64Const(3), i64Store)
	apart := inFrame(8)
	rewritten := func(m *wt.Module) []byte {
		m.Export("f", m.FuncWithLocals("f", wt.Void, "i32", code))
		r, err := meter.Rewrite(m.Bytes(), options)
		if err != nil {
			t.Fatal(err)
		}
		return r.Code
	}
	want := slices.Concat(wt.LocalGet(0), wt.I32Const(8), wt.I32Sub, wt.LocalTee(1), []byte{0x2d, 0, 47}, wt.Drop, // the look
		wt.LocalGet(1), wt.I64Const(1), []byte{0x37, 3, 16}, wt.LocalGet(1), []byte{0x29, 3, 40}, wt.Drop,
		move, wt.LocalGet(1), wt.I64Const(3), []byte{0x37, 3, 0})
	if b := rewritten(goModule()); !bytes.Contains(b, want) || bytes.Contains(b, apart) {
		t.Errorf("the function became %x, want %x", b, want)
	}
	other := &wt.Module{}
	other.Memory(1)
	other.Global(1000)
	if b := rewritten(other); !bytes.Contains(b, code) {
		t.Errorf("a module that Go has not made has changed: %x", b)
	}
}
