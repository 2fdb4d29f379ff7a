package redis

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"phasm/plugins/redis/redistest"
)

// TestFaults prints a table with -v: what callers get from a Redis that is
// killed, silent or full, how long they wait, when it works again, and how
// many goroutines are left. Nobody may wait for longer than the limit, with
// what a busy machine takes, and nothing may be left.
func TestFaults(t *testing.T) {
	const (
		limit   = 300 * time.Millisecond
		callers = 64
		each    = 20
		busy    = 3 * time.Second
	)
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: limit})
	want(t, c, `"OK"`, "SET", "k", "v")
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Redis is\terrors\tsuch as\tlongest wait\tworks again after\tgoroutines left")
	for _, fault := range []struct {
		name       string
		begin, end func()
	}{
		{"killed", server.Kill, server.Restart},
		{"silent", server.Pause, server.Resume},
		{"full", func() { server.Do("CONFIG", "SET", "maxmemory", "1") }, func() { server.Do("CONFIG", "SET", "maxmemory", "0") }},
		{"cut off", func() { server.Do("CLIENT", "KILL", "TYPE", "normal") }, func() {}},
	} {
		recovered(t, c)
		before := runtime.NumGoroutine()
		fault.begin()
		var mu sync.Mutex
		var calling sync.WaitGroup
		failed, such, longest := 0, "", time.Duration(0)
		for range callers {
			calling.Go(func() {
				for range each {
					begin := time.Now()
					got, err := doWithin(c, limit, "SET", "k", "v")
					took := time.Since(begin)
					mu.Lock()
					longest = max(longest, took)
					switch {
					case err != nil:
						failed, such = failed+1, err.Error()
					case got != `"OK"`:
						failed, such = failed+1, got
					}
					mu.Unlock()
				}
			})
		}
		calling.Wait()
		fault.end()
		begin := time.Now()
		for got, err := do(c, "SET", "k", "v"); got != `"OK"`; got, err = do(c, "SET", "k", "v") {
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("%s: it does not work again: %s, %v", fault.name, got, err)
			}
			time.Sleep(time.Millisecond)
		}
		again := time.Since(begin)
		left := 0
		for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
			if left = max(0, runtime.NumGoroutine()-before); left == 0 {
				break
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%.60s\t%v\t%v\t%d\n", fault.name, failed, such, longest.Round(time.Millisecond), again.Round(time.Millisecond), left)
		if failed == 0 && fault.name != "cut off" {
			t.Errorf("%s: nobody notices", fault.name)
		}
		if longest > limit+busy {
			t.Errorf("%s: a caller with %v waited %v", fault.name, limit, longest)
		}
		if left > 0 {
			t.Errorf("%s: %d goroutines are left", fault.name, left)
		}
	}
	w.Flush()
	t.Logf("%d callers of %d commands each, of %v at most\n%s", callers, each, limit, table.String())
}
