package meter_test

import (
	"testing"

	"github.com/tetratelabs/wazero"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// A guest that names something one past its own must not find what rewriting
// has added: the steps that are left, the host's refill function.
func TestReach(t *testing.T) {
	body := func(code ...[]byte) []byte {
		m := wt.Plugin()
		m.Global(0)
		m.Data(0, "x") // so that there is a function that writes it
		m.Table(m.FuncWithLocals("f", wt.Void, "i32", code...))
		return m.Bytes()
	}
	element := func(function int) []byte {
		m := wt.Plugin()
		m.Func("f", wt.Void)
		m.Table(function)
		return m.Bytes()
	}
	exporting := func(kind byte, index int) []byte {
		var a assembler
		a.section(1, wt.Void)
		a.section(3, []byte{0})
		a.section(6, []byte{i32, 1, 0x41, 0, 0x0b})
		a.section(7, export("mine", kind, index))
		a.section(10, []byte{2, 0, 0x0b})
		return a.bytes()
	}
	start := func(index int) []byte {
		m := wt.Plugin()
		m.Func("f", wt.Void)
		m.Data(0, "x")
		m.Start(index)
		return m.Bytes()
	}
	for name, of := range map[string]func(index int) []byte{
		"global.get":        func(i int) []byte { return body(wt.GlobalGet(i), wt.Drop) },
		"global.set":        func(i int) []byte { return body(wt.I32Const(9), wt.GlobalSet(i)) },
		"local.get":         func(i int) []byte { return body(wt.LocalGet(i), wt.Drop) },
		"local.set":         func(i int) []byte { return body(wt.I32Const(9), wt.LocalSet(i)) },
		"local.tee":         func(i int) []byte { return body(wt.I32Const(9), []byte{0x22, byte(i)}, wt.Drop) },
		"call":              func(i int) []byte { return body(wt.Call(i)) },
		"ref.func":          func(i int) []byte { return body([]byte{0xd2, byte(i)}, wt.Drop) },
		"block type":        func(i int) []byte { return body([]byte{0x02, byte(i)}, end) },
		"call_indirect":     func(i int) []byte { return body(yes, []byte{0x11, byte(i), 0}) },
		"element":           element,
		"function's export": func(i int) []byte { return exporting(0, i) },
		"global's export":   func(i int) []byte { return exporting(3, i) },
		"start":             start,
	} {
		t.Run(name, func(t *testing.T) {
			r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
			defer r.Close(t.Context())
			for index := range 6 {
				valid := index == 0 // each of these has one
				_, err := r.CompileModule(t.Context(), of(index))
				if (err == nil) != valid {
					t.Fatalf("index %d: the test is wrong: %v", index, err)
				}
				m, err := meter.Rewrite(of(index), options)
				if err == nil {
					_, err = r.CompileModule(t.Context(), m.Code)
				}
				if (err == nil) != valid {
					t.Errorf("index %d: it may be there: %t, but: %v", index, valid, err)
				}
			}
		})
	}
}

// Names and limits that a module may not have.
func TestRefuses(t *testing.T) {
	few := meter.Options{TableEntries: 3}
	module := func(change func(m *wt.Module)) []byte {
		m := &wt.Module{}
		change(m)
		return m.Bytes()
	}
	for _, test := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"nothing", nil, "this is not a WebAssembly module of version 1"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), "this is not a WebAssembly module of version 1"},
		{"table", module(func(m *wt.Module) { m.TableOf(4) }), "its table begins with 4 entries, the limit is 3"},
		{"refill", module(func(m *wt.Module) { m.Import(meter.RefillModule, meter.RefillName, wt.Phase) }),
			`section 2: it imports from phasm:meter, which is reserved`},
		{"export", module(func(m *wt.Module) { m.Export(meter.Steps, m.Func("f", wt.Void)) }),
			`it exports "phasm:steps": names that begin with phasm: are reserved`},
		{"another memory", module(func(m *wt.Module) {
			m.Memory(1)
			m.Func("f", wt.Void, wt.I32Const(0), wt.I32Const(0), wt.I32Const(0), []byte{0xfc, 11, 1})
		}), "function 0: memory 1 does not exist"},
		{"data segments that are not counted", module(func(m *wt.Module) {
			m.Func("f", wt.Void, wt.DataDrop(0))
			m.Data(0, "x")
			m.Memory(1)
		}), "its code refers to data segments, but does not say before how many there are"},
		{"data segments that are not there", []byte("\x00asm\x01\x00\x00\x00\x0c\x01\x01"), "1 data segments are declared and 0 there"},
		{"reference", module(func(m *wt.Module) { m.Func("f", wt.Void, wt.RefFunc(m.Func("g", wt.Void)), wt.Drop) }),
			"function 1: it refers to function 0, which no export, global or element segment declares"},
		{"export of a name to come", module(func(m *wt.Module) { m.Export("phasm:x", m.Func("f", wt.Void)) }),
			`it exports "phasm:x": names that begin with phasm: are reserved`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := meter.Rewrite(test.wasm, few)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}
