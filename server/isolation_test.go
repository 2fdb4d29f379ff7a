package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkIsolation measures what a request costs more whose plugin has
// isolation = "request": the reset of its instance. It fails where that is
// more than 25 µs for a guest in stock Go, or 5 µs for a small one. The
// isolations take turns, because the machine's speed changes while they run.
func BenchmarkIsolation(b *testing.B) {
	small := filepath.Join(b.TempDir(), "hello.wasm")
	b.Run("stock Go", func(b *testing.B) {
		benchmarkIsolation(b, `source = "../../wasm-examples/hello"`, 25*time.Microsecond)
	})
	b.Run("C", func(b *testing.B) {
		if out, err := exec.Command("clang-19", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2",
			"-Wl,--strip-debug", "-o", small, "../wasm-examples/hello-c/hello.c").CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				b.Fatalf("clang-19: %v\n%s", err, out)
			}
			b.Skipf("clang-19: %v\n%s", err, out)
		}
		benchmarkIsolation(b, `path = "`+small+`"`, 5*time.Microsecond)
	})
}

func benchmarkIsolation(b *testing.B, plugin string, limit time.Duration) {
	const turns, requests = 40, 2000
	var servers [2]*Server
	for i, isolation := range []string{"shared", "request"} {
		servers[i] = loaded(b, "[plugins.hello]\n"+plugin+"\nisolation = \""+isolation+`"
[routes.hello]
match = "GET /hello"
content = "hello"
`)
		requestsOf(b, servers[i], getHello, 1000)
	}
	for b.Loop() {
		var added []time.Duration
		for range turns {
			var took [2]time.Duration
			for i, s := range servers {
				begin := time.Now()
				requestsOf(b, s, getHello, requests)
				took[i] = time.Since(begin) / requests
			}
			added = append(added, took[1]-took[0])
		}
		slices.Sort(added)
		median := added[turns/2]
		b.ReportMetric(float64(median.Nanoseconds()), "ns-added")
		if median > limit {
			b.Errorf("a reset takes %v, it may take %v", median, limit)
		}
	}
}
