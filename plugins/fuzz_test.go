package plugins

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

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

// Whatever the bytes are, loading them must end in a plugin or an error, and all
// that a plugin does must end, too.
func FuzzLoad(f *testing.F) {
	f.Add(richPlugin())
	for _, test := range loadErrors {
		f.Add(test.wasm)
	}
	valid := newValidator(f)
	f.Fuzz(func(t *testing.T, wasm []byte) { runAll(t, wasm, valid) })
}

// Some of what FuzzLoad may come upon: a module that differs from a good one by
// a byte, or is cut short.
func TestLoadMutations(t *testing.T) {
	rich := richPlugin()
	valid := newValidator(t)
	random := rand.New(rand.NewPCG(1, 1))
	loaded := 0
	for n := len(core); n < len(rich); n++ {
		wasm := bytes.Clone(rich)
		wasm[n] ^= byte(1 + random.IntN(255))
		if n%8 == 0 {
			wasm = wasm[:n]
		}
		if runAll(t, wasm, valid) {
			loaded++
		}
	}
	if loaded < 50 {
		t.Errorf("only %d of them load", loaded)
	}
}

// newValidator tells modules that wazero takes from others.
func newValidator(t testing.TB) func(wasm []byte) bool {
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { r.Close(context.Background()) })
	return func(wasm []byte) bool {
		m, err := r.CompileModule(context.Background(), wasm)
		if err == nil {
			m.Close(context.Background())
		}
		return err == nil
	}
}

// runAll loads a module, runs all that it has, and tells whether it loads. What
// is not valid must not become so by being metered.
func runAll(t *testing.T, wasm []byte, valid func([]byte) bool) bool {
	o, _ := options(t, wasm)
	o.Memory, o.Fresh = 2*pageSize, true
	o.CPU, o.Wall, o.initTime, o.initWall = time.Millisecond, 10*time.Millisecond, 10*time.Millisecond, 40*time.Millisecond
	begin := time.Now()
	p, err := Load(context.Background(), o)
	if err != nil {
		return false
	}
	defer p.Close()
	if !valid(wt.WithoutCustoms(wasm)) {
		t.Errorf("it loads, but is not valid: %x", wasm)
	}
	for phase := range abi.NumPhases {
		if i, err := p.Acquire(); err == nil {
			i.Begin()
			i.Run(quiet(), phase)
			p.Release(i)
		}
	}
	if took := time.Since(begin); took > late {
		t.Errorf("it took %v: %x", took, wasm)
	}
	return true
}
