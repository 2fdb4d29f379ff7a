package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// redisZoneConfig has the zone in Redis.
func redisZoneConfig(address string) string {
	return strings.Replace(zonesConfig, `size = "SIZE"`, `redis = "shared"`, 1) +
		fmt.Sprintf("[redis.shared]\naddresses = [%q]\n", address)
}

// Two servers that share a zone in Redis let together through what one may.
func TestLimitsOfTwoServers(t *testing.T) {
	redis := redistest.Start(t)
	servers := []*testServer{startFile(t, redisZoneConfig(redis.Address)), startFile(t, redisZoneConfig(redis.Address))}
	together := func(path string, each int) map[int]int {
		var mu sync.Mutex
		var hammering sync.WaitGroup
		statuses := map[int]int{}
		for _, s := range servers {
			hammering.Go(func() {
				got := s.hammer(path, each)
				mu.Lock()
				defer mu.Unlock()
				for status, n := range got {
					statuses[status] += n
				}
			})
		}
		hammering.Wait()
		return statuses
	}
	for path, want := range map[string]int{"/count": 100, "/rate": 10} {
		if got := together(path, 5); got[200] != want || got[429] != 640-want {
			t.Errorf("%s: statuses %v, want %d times 200 and else 429", path, got, want)
		}
	}
	if got := together("/conns", 5); got[200] == 0 || got[200]+got[429] != 640 {
		t.Errorf("/conns: statuses %v, want 200 and 429", got)
	}
	for _, s := range servers {
		s.released()
	}
	// Not all of so many get the lock in time, but no two at once.
	got := together("/lock", 1)
	if body, want := servers[0].body("/?key=locked"), fmt.Sprint(got[200], " of kind 2"); got[200] == 0 || body != want {
		t.Errorf("%v requests under a lock count up to %s", got, body)
	}
}

// A Redis that is silent costs a request its zone, in time, and no more.
func TestZoneWithoutRedis(t *testing.T) {
	redis := redistest.Start(t)
	s := startFile(t, redisZoneConfig(redis.Address)+"timeout = \"200ms\"\n")
	s.body("/?key=k")
	redis.Pause()
	begin := time.Now()
	if got := s.body("/?key=k"); !strings.Contains(got, "timeout") {
		t.Errorf("it got %q", got)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	redis.Resume()
	waitFor(t, "the zone to come back", func() bool { return s.body("/?key=k") == "not found" })
}
