package plugins

import (
	"testing"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// hostCalls is how many host calls one phase of benchmarkPlugin makes.
const hostCalls = 100

// benchmarkPlugin does nothing in content, loops without a host call in
// rewrite, and calls host functions of three kinds in access, header_filter
// and log.
func benchmarkPlugin() *wt.Module {
	m := wt.Plugin()
	method := m.Import("phasm", "request_method", wt.Sig("i32 i32", "i32"))
	get := m.Import("phasm", "ctx_get", wt.Sig("i32 i32 i32 i32", "i32"))
	set := m.Import("phasm", "ctx_set", wt.Sig("i32 i32 i32 i32", "i32"))
	status := m.Import("phasm", "response_status", wt.Phase)
	m.Data(0, "key")
	m.Data(8, "value")
	loop := func(body ...[]byte) []byte { return join(wt.Times(hostCalls, 0, body...), answers(0)) }
	text := func(address, length int32) []byte { return join(wt.I32Const(address), wt.I32Const(length)) }
	phase := func(name string, body ...[]byte) {
		m.Export(name, m.FuncWithLocals(name, wt.Phase, "i32", body...))
	}
	phase("on_content", answers(0))
	phase("on_rewrite", loop())
	phase("on_access", loop(text(64, 64), wt.Call(method), wt.Drop))
	phase("on_header_filter", loop(wt.Call(status), wt.Drop))
	phase("on_log", text(0, 3), text(8, 5), wt.Call(set), wt.Drop, loop(text(0, 3), text(64, 64), wt.Call(get), wt.Drop))
	return m
}

// A phase call by wazero alone and by phasm.
func BenchmarkPhaseCall(b *testing.B) {
	p, _ := load(b, benchmarkPlugin())
	i, x := acquire(b, p), exchange(nil)
	i.Run(x, abi.Content) // looks its function up
	b.Run("wazero", func(b *testing.B) {
		b.ReportAllocs()
		for f := i.functions[abi.Content]; b.Loop(); {
			f.CallWithStack(&i.call, i.stack[:])
		}
	})
	b.Run("phasm", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			i.Run(x, abi.Content)
		}
	})
}

// A phase that makes 100 host calls, after one that only loops.
func BenchmarkHostCall(b *testing.B) {
	p, _ := load(b, benchmarkPlugin())
	i, x := acquire(b, p), exchange(nil)
	i.Run(x, abi.Content) // looks its function up
	for _, test := range []struct {
		name  string
		phase abi.Phase
	}{
		{"none", abi.Rewrite}, {"request_method", abi.Access}, {"response_status", abi.HeaderFilter}, {"ctx_get", abi.Log},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i.Run(x, test.phase)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/hostCalls, "ns/call")
		})
	}
}

// What an exchange pays for its instance, with and without one phase call.
func BenchmarkExchange(b *testing.B) {
	p, _ := load(b, benchmarkPlugin())
	x := exchange(nil)
	for name, phases := range map[string]int{"no-phase": 0, "one-phase": 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				i, err := p.Acquire()
				if err != nil {
					b.Fatal(err)
				}
				i.Begin()
				for range phases {
					i.Run(x, abi.Content)
				}
				p.Release(i)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	p, _ := load(t, benchmarkPlugin())
	i, x := acquire(t, p), exchange(nil)
	i.Run(x, abi.Content) // looks its function up
	for phase := range abi.NumPhases {
		if n := testing.AllocsPerRun(100, func() { i.Run(x, phase) }); n != 0 {
			t.Errorf("%s allocates %v times", phase, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		i, _ := p.Acquire()
		i.Begin()
		i.Run(x, abi.Content)
		p.Release(i)
	}); n != 0 {
		t.Errorf("an exchange allocates %v times", n)
	}
}
