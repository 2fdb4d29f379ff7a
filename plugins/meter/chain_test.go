//go:build !race

package meter_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/meter"
)

// maxChain is what metering may cost a request that some plugins take part in.
const maxChain = 1.03

// BenchmarkMeteringChain measures the phases of a request: those of four of
// the examples, before a host that has its answers ready.
func BenchmarkMeteringChain(b *testing.B) {
	phases := []struct{ example, phase string }{
		{"url-rewriter", "rewrite"}, {"chain", "rewrite"}, {"chain", "access"}, {"chain", "content"}, {"hello", "content"},
		{"chain", "header_filter"}, {"url-rewriter", "header_filter"}, {"security-headers", "header_filter"}, {"chain", "log"},
	}
	request := func(v variant) func(n int) time.Duration {
		instances := map[string]api.Module{}
		var calls []api.Function
		for _, p := range phases {
			m := instances[p.example]
			if m == nil {
				m = newExample(b, p.example, v)
				instances[p.example] = m
			}
			calls = append(calls, m.ExportedFunction("on_"+p.phase))
		}
		ctx := b.Context()
		var stack [1]uint64
		return func(n int) time.Duration {
			start := time.Now()
			for range n {
				for _, f := range calls {
					if err := f.CallWithStack(ctx, stack[:]); err != nil {
						b.Fatal(err)
					}
				}
			}
			return time.Since(start) / time.Duration(n)
		}
	}
	c := compare(150, request(unmetered), request(metered))
	b.ReportMetric(c.plain, "ns/request")
	b.ReportMetric(c.ratio, "metered")
	b.ReportMetric(0, "ns/op")
	if c.ratio > maxChain {
		b.Errorf("metering costs a request ×%.3f, it may be ×%.2f", c.ratio, maxChain)
	}
}

// newExample instantiates one of the examples, ready for requests.
func newExample(tb testing.TB, name string, v variant) api.Module {
	tb.Helper()
	folder := filepath.Join("..", "..", "wasm-examples", name)
	wasm := buildGo(tb, folder)
	if v == metered {
		rewritten, err := meter.Rewrite(wasm, options)
		if err != nil {
			tb.Fatal(err)
		}
		wasm = rewritten.Code
	}
	host := newScriptedHost(tb, filepath.Join(folder, "config.toml"))
	host.silent = true
	m := host.instantiate(tb, wazero.NewRuntimeConfigCompiler(), wasm, func() int32 { return slice })
	for _, first := range []string{"_initialize", "phasm_phases", "on_init"} {
		if _, err := m.ExportedFunction(first).Call(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	return m
}
