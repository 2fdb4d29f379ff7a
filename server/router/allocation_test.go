package router

import (
	"fmt"
	"sync"
	"testing"
)

// hundred is a set of routes as an API has them: 100 patterns on 20 resources.
func hundred(t testing.TB) *Router[string] {
	var patterns []string
	for i := range 20 {
		base := fmt.Sprintf("/api/v1/resource%d", i)
		patterns = append(patterns,
			"GET "+base, "POST "+base, "GET "+base+"/{id}", "DELETE "+base+"/{id}", base+"/{id}/files/{path...}")
	}
	return build(t, patterns...)
}

var requests = []struct{ name, method, host, path string }{
	{"literal", "GET", "", "/api/v1/resource7"},
	{"wildcard", "GET", "", "/api/v1/resource13/4711"},
	{"rest", "PUT", "", "/api/v1/resource19/4711/files/a/b/c.txt"},
	{"none", "GET", "", "/api/v2/resource19"},
}

func TestMatchAllocatesNothing(t *testing.T) {
	r := hundred(t)
	if err := r.Add("GET Example.com/{a}/{b}/{c}/{d...}", "host"); err != nil {
		t.Fatal(err)
	}
	requests := append(requests, requests[0])
	requests[len(requests)-1].host = "EXAMPLE.COM:8080"
	for _, q := range requests {
		method, host, path := []byte(q.method), []byte(q.host), []byte(q.path)
		var params Params
		if n := testing.AllocsPerRun(100, func() {
			r.Match(method, host, path, &params)
			r.Redirect(method, host, path)
		}); n != 0 {
			t.Errorf("%s %s%s: %v allocations", q.method, q.host, q.path, n)
		}
	}
}

func TestMatchConcurrently(t *testing.T) {
	r := hundred(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var params Params
			for i := range 1000 {
				id := fmt.Sprint(g, "-", i)
				value, found := r.Match([]byte("GET"), nil, []byte("/api/v1/resource3/"+id), &params)
				got, _ := params.Get("id")
				if !found || value != "GET /api/v1/resource3/{id}" || string(got) != id {
					t.Errorf("got %q, %v with id %q, want id %q", value, found, got, id)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkMatch(b *testing.B) {
	r := hundred(b)
	for _, q := range requests {
		b.Run(q.name, func(b *testing.B) {
			method, host, path := []byte(q.method), []byte(q.host), []byte(q.path)
			var params Params
			b.ReportAllocs()
			for b.Loop() {
				r.Match(method, host, path, &params)
			}
		})
	}
}
