//go:build !race

package meter_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/meter"
)

// TestGenerated runs modules that were written at random, as they are and
// metered: both must answer alike, trap alike, and leave the same memory,
// globals and tables behind.
func TestGenerated(t *testing.T) {
	const workers, each = 4, 400
	for worker := range uint64(workers) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			d := newDifferential(t)
			for i := range uint64(each) {
				if seed := worker*each + i; !d.check(t, seed) {
					return
				}
			}
			t.Logf("%d calls, of which %d trapped; asked for steps %d times", d.calls, d.traps, d.refills)
			if d.traps*2 > d.calls || d.refills < d.calls {
				t.Error("the generated modules trap too often, or do too little")
			}
		})
	}
}

func FuzzGenerated(f *testing.F) {
	f.Add(uint64(1 << 32))
	f.Fuzz(func(t *testing.T, seed uint64) { newDifferential(t).check(t, seed) })
}

// differential runs modules both ways.
type differential struct {
	ctx          context.Context
	runtime      wazero.Runtime
	env          wazero.CompiledModule
	slice        func() int32
	calls, traps int
	refills      int
}

func newDifferential(t testing.TB) *differential {
	t.Helper()
	ctx := context.Background()
	d := &differential{ctx: ctx, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())}
	t.Cleanup(func() { d.runtime.Close(ctx) })
	err := instantiateRefill(ctx, d.runtime, func() int32 { d.refills++; return d.slice() })
	if err != nil {
		t.Fatal(err)
	}
	if d.env, err = d.runtime.CompileModule(ctx, environment()); err != nil {
		t.Fatal(err)
	}
	return d
}

// check runs the module of a seed and tells whether all was well.
func (d *differential) check(t *testing.T, seed uint64) bool {
	t.Helper()
	wasm := generate(seed)
	want, err := d.run(wasm, seed, false)
	if err != nil {
		t.Errorf("seed %d: the generated module is wrong: %v", seed, err)
		return false
	}
	m, err := meter.Rewrite(wasm, options)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return false
	}
	got, err := d.run(m.Code, seed, true)
	if err != nil {
		t.Errorf("seed %d: the rewritten module: %v", seed, err)
		return false
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("seed %d, step %d: metered: %s\nunmetered: %s", seed, i, got[i], want[i])
			return false
		}
	}
	if len(got) != len(want) {
		t.Errorf("seed %d: %d steps metered, %d unmetered", seed, len(got), len(want))
	}
	return !t.Failed()
}

// run starts a module and calls what it exports; it answers what each call
// did.
func (d *differential) run(wasm []byte, seed uint64, metered bool) (did []string, err error) {
	r := rand.New(rand.NewPCG(seed, 1))
	slices := []int32{1, 7, 1000, 1 + r.Int32N(300)}
	choice := r.IntN(5)
	d.slice = func() int32 {
		if choice < len(slices) {
			return slices[choice]
		}
		return slices[d.refills%len(slices)]
	}
	compiled, err := d.runtime.CompileModule(d.ctx, wasm)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(d.ctx)
	env, err := d.runtime.InstantiateModule(d.ctx, d.env, wazero.NewModuleConfig().WithName("env"))
	if err != nil {
		return nil, err
	}
	defer env.Close(d.ctx)
	m, err := d.runtime.InstantiateModule(d.ctx, compiled, wazero.NewModuleConfig().WithName(""))
	if err == nil {
		defer m.Close(d.ctx)
		err = start(d.ctx, m)
	}
	if err != nil {
		return []string{"does not start"}, nil
	}
	for i := range 6 {
		f := m.ExportedFunction(fmt.Sprint("f", i))
		if f == nil {
			continue
		}
		for range 3 {
			m.ExportedGlobal(fuelExport).(api.MutableGlobal).Set(uint64(r.IntN(400)))
			args := arguments(r, f.Definition().ParamTypes())
			results, err := f.Call(d.ctx, args...)
			d.calls++
			line := fmt.Sprintf("f%d %x = %x", i, args, results)
			if err != nil {
				d.traps++
				line += firstLine(err)
			}
			did = append(did, line)
		}
		did = append(did, d.state(m))
	}
	return did, nil
}

// arguments are some of these types, as a call takes them.
func arguments(r *rand.Rand, types []api.ValueType) (args []uint64) {
	for _, t := range types {
		n := r.Int32N(100) - 20
		switch t {
		case api.ValueTypeI32:
			args = append(args, api.EncodeI32(n))
		case api.ValueTypeI64:
			args = append(args, api.EncodeI64(int64(n)<<r.IntN(40)))
		case api.ValueTypeF32:
			args = append(args, api.EncodeF32(float32(n)/8))
		case api.ValueTypeF64:
			args = append(args, math.Float64bits(float64(n)/8))
		}
	}
	return args
}

// state is the state of memory, globals and tables.
func (d *differential) state(m api.Module) string {
	var b strings.Builder
	memory := m.ExportedMemory("memory")
	content, _ := memory.Read(0, memory.Size())
	h := fnv.New64a()
	h.Write(content)
	fmt.Fprintf(&b, "memory %d %x", memory.Size(), h.Sum64())
	for i := range 26 {
		if f := m.ExportedFunction("global" + string(rune('a'+i))); f != nil {
			value, err := f.Call(d.ctx)
			fmt.Fprintf(&b, " %x", value)
			if err != nil {
				b.WriteString(firstLine(err))
			}
		}
	}
	for i := range 2 {
		size := m.ExportedFunction(fmt.Sprint("size", i))
		if size == nil {
			continue
		}
		n, _ := size.Call(d.ctx)
		fmt.Fprintf(&b, " table %x:", n)
		for at := range n[0] {
			null, _ := m.ExportedFunction(fmt.Sprint("table", i)).Call(d.ctx, at)
			fmt.Fprintf(&b, "%x", null)
		}
	}
	return b.String()
}
