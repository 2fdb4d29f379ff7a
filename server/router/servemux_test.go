package router

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
)

// These tests hold the router against the original, a real http.ServeMux.

// register adds pattern to mux with a handler that answers as outcome does, and
// tells whether mux took it.
func register(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, pattern)
		if p, err := parse(pattern); err == nil {
			for _, name := range p.names {
				fmt.Fprintf(w, " %s=%s", name, r.PathValue(name))
			}
		}
	})
	return true
}

// muxOutcome is outcome for a ServeMux.
func muxOutcome(mux *http.ServeMux, method, host, path string) string {
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, &http.Request{Method: method, Host: host, URL: &url.URL{Path: path}})
	switch rec.Code {
	case http.StatusOK:
		return rec.Body.String()
	case http.StatusMethodNotAllowed:
		return "405 " + rec.Header().Get("Allow")
	case http.StatusNotFound:
		return "404"
	case http.StatusTemporaryRedirect:
		return "redirect"
	}
	return fmt.Sprint("unexpected status ", rec.Code)
}

// generator makes patterns and paths of so few parts that they meet often.
type generator struct{ *rand.Rand }

func (g generator) pick(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g generator) pattern() string {
	var b strings.Builder
	b.WriteString(g.pick("", "", "", "GET ", "HEAD ", "POST "))
	b.WriteString(g.pick("", "", "", "h.example", "k.example"))
	names := []string{"{x}", "{y}", "{z}", "{w}"}
	for range g.IntN(4) {
		wild := names[0]
		names = names[1:]
		b.WriteString("/" + g.pick("a", "b", "c", "s%20p", wild, wild))
	}
	tail := g.pick("", "/", "/{$}", "/{r...}")
	if tail == "" && strings.Count(b.String(), "/") == 0 {
		tail = "/"
	}
	return b.String() + tail
}

func (g generator) path() string {
	path := ""
	for range g.IntN(5) {
		path += "/" + g.pick("a", "b", "c", "s p", "k", "%", "ü")
	}
	return path + g.pick("", "/", "/")
}

func TestAgreesWithServeMux(t *testing.T) {
	for seed := range uint64(200) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		r, mux := New[string](), http.NewServeMux()
		var patterns []string
		for range 1 + g.IntN(30) {
			p := g.pattern()
			err := r.Add(p, p)
			if ok := register(mux, p); ok != (err == nil) {
				t.Fatalf("seed %d: after %q, pattern %q: ServeMux takes it: %v, we: %v", seed, patterns, p, ok, err)
			}
			if err == nil {
				patterns = append(patterns, p)
			}
		}
		for range 100 {
			method := g.pick("GET", "HEAD", "POST", "PUT")
			host := g.pick("h.example", "k.example", "h.example:80", "other.example")
			path := g.path()
			if path == "" {
				path = "/"
			}
			got, want := outcome(r, method, host, path), muxOutcome(mux, method, host, path)
			if got != want {
				t.Fatalf("seed %d: patterns %q: %s %s%s: got %s, ServeMux says %s", seed, patterns, method, host, path, got, want)
			}
		}
	}
}

// FuzzMatch is the same with patterns and paths of the fuzzer's making.
func FuzzMatch(f *testing.F) {
	f.Add("/a/{x}\nGET /a/b\n/", "GET", "/a/b", uint8(0))
	f.Add("/tree/\nh.example/{r...}\n/tree/{$}", "HEAD", "/tree", uint8(1))
	f.Add("/%41/{x}\nPOST /A/{x}/", "PUT", "/A/%2e", uint8(2))
	f.Fuzz(func(t *testing.T, patterns, method, p string, host uint8) {
		// ServeMux cleans paths, and treats these methods in its own way.
		if clean := path.Clean("/" + p); p != clean && p != clean+"/" || p == "//" {
			return
		}
		if method == "" || method == http.MethodConnect {
			return
		}
		r, mux := New[string](), http.NewServeMux()
		for pattern := range strings.SplitSeq(patterns, "\n") {
			// ServeMux knows only one spelling of a host.
			if q, err := parse(pattern); err != nil || !strings.Contains(pattern, q.host+"/") {
				continue
			}
			err := r.Add(pattern, pattern)
			if ok := register(mux, pattern); ok != (err == nil) {
				t.Fatalf("patterns %q: %q: ServeMux takes it: %v, we: %v", patterns, pattern, ok, err)
			}
		}
		name := []string{"h.example", "k.example", ""}[host%3]
		got, want := outcome(r, method, name, p), muxOutcome(mux, method, name, p)
		if got != want {
			t.Fatalf("patterns %q: %s %s%s: got %s, ServeMux says %s", patterns, method, name, p, got, want)
		}
	})
}
