package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"phasm/plugins/redis/redistest"
)

// Two processes that share a zone in Redis let together through what one may,
// whichever of them the requests meet.
func TestLimitsOfTwoProcesses(t *testing.T) {
	redis := redistest.Start(t)
	plugin, err := filepath.Abs("server/testdata/limits")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`[listeners.main]
address = "127.0.0.1:8080"
[redis.shared]
addresses = [%q]
timeout = "20s"
[zones.zone]
redis = "shared"
[plugins.limits]
source = %q
limits = { wait = "60s", wall = "60s", cpu = "10s" }
grants = { zones = ["zone"] }
[routes.all]
match = "/"
access = ["limits"]
content = "limits"
`, redis.Address, plugin)
	processes := []*running{runPhasm(t, t.TempDir(), config), runPhasm(t, t.TempDir(), config)}
	const connections, each = 64, 5
	hammer := func(path string) map[int]int {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
		defer client.CloseIdleConnections()
		var mu sync.Mutex
		var hammering sync.WaitGroup
		statuses := map[int]int{}
		for n := range connections {
			hammering.Go(func() {
				for range each {
					resp, err := client.Get(processes[n%2].url + path)
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					mu.Lock()
					statuses[resp.StatusCode]++
					mu.Unlock()
				}
			})
		}
		hammering.Wait()
		return statuses
	}
	for path, want := range map[string]int{"/count": 100, "/rate": 10} {
		if got := hammer(path); got[200] != want || got[429] != connections*each-want {
			t.Errorf("%s: statuses %v, want %d times 200 and else 429", path, got, want)
		}
	}
	// The plugin answers 500 where more are inside at once than may be.
	if got := hammer("/conns"); got[200] == 0 || got[200]+got[429] != connections*each {
		t.Errorf("/conns: statuses %v, want 200 and 429", got)
	}
	processes[0].waitFor(t, "/?key=conns", "not found")
}
