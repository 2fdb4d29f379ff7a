package plugins

import (
	"bytes"
	"context"
	"testing"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// richPlugin has a bit of everything that a module may have.
func richPlugin() []byte {
	m := wt.Plugin()
	m.Memory(1, 2)
	log := m.Import("phasm", "log", wt.Sig("i32 i32 i32", "i32"))
	exit := m.Import("wasi_snapshot_preview1", "proc_exit", wt.Sig("i32", ""))
	calls := m.Global(0)
	m.Data(16, "hello")
	nothing := m.Func("nothing", wt.Void)
	m.Table(nothing, nothing)
	m.Start(nothing)
	m.Export("_initialize", m.Func("prepare", wt.Void, wt.I32Const(1), m.CallIndirect()))
	m.Phase("phasm_phases", answers(-1))
	m.Phase("on_init", wt.I32Const(1), wt.I32Const(16), wt.I32Const(5), wt.Call(log))
	m.Phase("on_log", wt.I32Const(0), wt.Call(exit), wt.Unreachable)
	m.Phase("on_content", wt.GlobalGet(calls), wt.I32Const(1), wt.I32Add, wt.GlobalSet(calls), wt.MemorySize, wt.I32Eqz)
	m.Custom("producers", []byte{0})
	return m.Bytes()
}

// section is the first section of that kind in a module, as far as it is there.
func section(wasm []byte, id byte) []byte {
	for rest := wasm[min(len(wasm), len(core)):]; len(rest) > 1; {
		size, n := uint64(0), 1
		for shift := 0; n < len(rest) && n < 6; shift += 7 {
			b := rest[n]
			n++
			size |= uint64(b&0x7f) << shift
			if b < 0x80 {
				break
			}
		}
		end := min(uint64(len(rest)), uint64(n)+size)
		if rest[0] == id {
			return rest[:end]
		}
		rest = rest[end:]
	}
	return nil
}

// Whatever the bytes are, loading them must end in a plugin or an error.
// Guest code runs only where it is that of the seed, which is known to end,
// and tables are only as large as there.
func FuzzLoad(f *testing.F) {
	rich := richPlugin()
	f.Add(rich)
	for _, test := range loadErrors {
		f.Add(test.wasm)
	}
	const tables, code = 4, 10
	f.Fuzz(func(t *testing.T, wasm []byte) {
		o, _ := options(t, nil)
		o.Memory = 2 * pageSize
		p := &Plugin{options: o, host: host.NewPlugin(o.Name, nil, o.Log, o.Registry)}
		defer p.Close()
		if err := p.compile(context.Background(), wasm); err != nil {
			return
		}
		if !bytes.Equal(section(wasm, code), section(rich, code)) || !bytes.Equal(section(wasm, tables), section(rich, tables)) {
			return
		}
		i, err := p.newInstance()
		if err != nil {
			return
		}
		for phase := range abi.NumPhases {
			i.Run(nil, phase)
		}
		i.close()
	})
}
