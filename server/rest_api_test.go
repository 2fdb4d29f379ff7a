package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"phasm/plugins/redis/redistest"
)

// Of many clients that create a user with one address at once one succeeds, and
// the list has it, whether the cache is there or not.
func TestRESTAPI(t *testing.T) {
	database, cache := redistest.Start(t), redistest.Start(t)
	s := start(t, strings.NewReplacer("DATABASE", database.Address, "CACHE", cache.Address).Replace(`
[redis.database]
addresses = ["DATABASE"]
timeout = "10s"
[redis.cache]
addresses = ["CACHE"]
timeout = "10s"
[plugins.api]
source = "../../wasm-examples/rest-api"
config = { database = "database", cache = "cache" }
grants = { redis = ["database", "cache"] }
[routes.api]
match = "/api/"
content = "api"
`))
	if got := s.get("/api/users"); !strings.HasPrefix(got, `{"status":200,"data":[],"timestamp":`) {
		t.Errorf("without users it answers %s", got)
	}
	create := func(name string) (statuses map[int]int) {
		body := fmt.Sprintf(`{"name":%q,"email":"a@example.com"}`, name)
		statuses = map[int]int{}
		var mu sync.Mutex
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				c := s.dial()
				c.send(fmt.Sprintf("POST /api/users HTTP/1.1\nHost: a\nContent-Length: %d\n\n%s", len(body), body))
				r := c.receive("POST")
				mu.Lock()
				defer mu.Unlock()
				statuses[r.StatusCode]++
			})
		}
		clients.Wait()
		return statuses
	}
	if got := create("A"); got[201] != 1 || got[409] != 15 {
		t.Errorf("the statuses are %v, want one 201 and else 409", got)
	}
	const users = `"name":"A","email":"a@example.com"`
	for range 2 { // from the store, then from the cache
		if got := s.get("/api/users"); strings.Count(got, users) != 1 {
			t.Errorf("the users are %s", got)
		}
	}
	if got := cache.Do("GET", "users:all"); strings.Count(got, users) != 1 {
		t.Errorf("the cache has %s", got)
	}
	cache.Kill()
	if got := s.get("/api/users"); strings.Count(got, users) != 1 {
		t.Errorf("without the cache the users are %s", got)
	}
}
