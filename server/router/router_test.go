package router

import (
	"slices"
	"strings"
	"testing"
)

// build returns a router whose values are the patterns themselves.
func build(t testing.TB, patterns ...string) *Router[string] {
	t.Helper()
	r := New[string]()
	for _, p := range patterns {
		if err := r.Add(p, p); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// outcome writes what r does with a request: the pattern and the wildcards'
// values, a redirect, the methods allowed, or 404.
func outcome(r *Router[string], method, host, path string) string {
	var params Params
	pattern, found := r.Match([]byte(method), []byte(host), []byte(path), &params)
	switch redirect := r.Redirect([]byte(method), []byte(host), []byte(path)); {
	case found && redirect:
		return "both found and redirected"
	case redirect:
		return "redirect"
	case !found:
		if methods := r.Allowed([]byte(host), []byte(path)); len(methods) > 0 {
			return "405 " + strings.Join(methods, ", ")
		}
		return "404"
	}
	for i := range params.Len() {
		pattern += " " + params.Name(i) + "=" + string(params.Value(i))
	}
	return pattern
}

func TestMatch(t *testing.T) {
	r := build(t,
		"/{$}",
		"/about",
		"GET /items/{id}",
		"POST /items/{id}",
		"DELETE /items/{id}/tags/{tag}",
		"GET /items/new",
		"/static/",
		"GET /files/{path...}",
		"/tree/",
		"/tree/{a}/leaf",
		"/tree/{a}/{b}/",
		"example.com/about",
		"GET Example.ORG./only/",
		"[::1]/about",
		"/sp%20ace/100%/{x}",
		"HEAD /items/{id}/size",
		"GET /items/{id}/size",
	)
	for _, c := range []struct{ method, host, path, want string }{
		{"GET", "", "/", "/{$}"},
		{"GET", "", "/nothing", "404"},
		{"PUT", "", "/about", "/about"},
		{"GET", "", "/about/", "404"},

		{"GET", "", "/items/7", "GET /items/{id} id=7"},
		{"HEAD", "", "/items/7", "GET /items/{id} id=7"},
		{"POST", "", "/items/7", "POST /items/{id} id=7"},
		{"HEAD", "", "/items/new", "GET /items/new"},
		{"POST", "", "/items/new", "POST /items/{id} id=new"},
		{"PUT", "", "/items/7", "405 GET, HEAD, POST"},
		{"get", "", "/items/7", "405 GET, HEAD, POST"},
		{"GET", "", "/items/7/tags/x", "405 DELETE"},
		{"DELETE", "", "/items/7/tags/x", "DELETE /items/{id}/tags/{tag} id=7 tag=x"},
		{"GET", "", "/items/", "404"},
		{"HEAD", "", "/items/7/size", "HEAD /items/{id}/size id=7"},
		{"GET", "", "/items/7/size", "GET /items/{id}/size id=7"},

		{"GET", "", "/static", "redirect"},
		{"GET", "", "/static/", "/static/"},
		{"GET", "", "/static/a/b.css", "/static/"},
		{"GET", "", "/files", "redirect"},
		{"POST", "", "/files", "405 GET, HEAD"},
		{"GET", "", "/files/", "GET /files/{path...} path="},
		{"GET", "", "/files/a/b/", "GET /files/{path...} path=a/b/"},

		{"GET", "", "/tree/x/leaf", "/tree/{a}/leaf a=x"},
		{"GET", "", "/tree/x/y/z", "/tree/{a}/{b}/ a=x b=y"},
		{"GET", "", "/tree/x/y", "redirect"},
		{"GET", "", "/tree/x", "/tree/"},

		{"GET", "example.com", "/about", "example.com/about"},
		{"GET", "EXAMPLE.com:8080", "/about", "example.com/about"},
		{"GET", "example.com.", "/about", "example.com/about"},
		{"GET", "example.com.:80", "/about", "example.com/about"},
		{"GET", "example.com..", "/about", "/about"},
		{"GET", "sub.example.com", "/about", "/about"},
		{"GET", "example.com", "/items/7", "GET /items/{id} id=7"},
		{"GET", "example.org:1", "/only/x", "GET Example.ORG./only/"},
		{"GET", "example.org", "/only", "redirect"},
		{"POST", "example.org", "/only/x", "405 GET, HEAD"},
		{"GET", "example.net", "/only/x", "404"},
		{"GET", "[::1]:8080", "/about", "[::1]/about"},
		{"GET", "[::1]", "/about", "[::1]/about"},
		{"GET", "[::1", "/about", "/about"},
		{"GET", strings.Repeat("a", 4096), "/about", "/about"},

		{"GET", "", "/sp ace/100%/y", "/sp%20ace/100%/{x} x=y"},

		// Not canonical, or no path at all: nothing, and above all no panic.
		{"OPTIONS", "", "*", "404"},
		{"GET", "", "", "404"},
		{"GET", "", "about", "404"},
		{"GET", "", "/tree//leaf", "/tree/"},
		{"", "", "/about", "/about"},
	} {
		if got := outcome(r, c.method, c.host, c.path); got != c.want {
			t.Errorf("%s %s%s: got %s, want %s", c.method, c.host, c.path, got, c.want)
		}
	}
}

// The order of adding must not matter, and a subtree yields to a redirect below.
func TestRedirectOutOfLargerSubtree(t *testing.T) {
	patterns := []string{"/", "/tree/", "/leaf", "/leaf/", "example.com/tree", "all.com/"}
	for range 2 {
		r := build(t, patterns...)
		for _, c := range []struct{ host, path, want string }{
			{"", "/tree", "redirect"},
			{"", "/tree/x", "/tree/"},
			{"", "/leaf", "/leaf"},
			{"", "/other", "/"},
			{"example.com", "/tree", "example.com/tree"},
			{"all.com", "/tree", "all.com/"}, // where /tree/ would go there as well
		} {
			if got := outcome(r, "GET", c.host, c.path); got != c.want {
				t.Errorf("%s%s: got %s, want %s", c.host, c.path, got, c.want)
			}
		}
		slices.Reverse(patterns)
	}
}

func TestParams(t *testing.T) {
	r := build(t, "/u/{id}/f/{path...}", "/static/", "/plain/{$}")
	var p Params
	match := func(path string) {
		t.Helper()
		if _, found := r.Match([]byte("GET"), nil, []byte(path), &p); !found {
			t.Fatalf("%s is not found", path)
		}
	}
	check := func(name, want string, wantOK bool) {
		t.Helper()
		if got, ok := p.Get(name); string(got) != want || ok != wantOK {
			t.Errorf("Get(%q) = %q, %v; want %q, %v", name, got, ok, want, wantOK)
		}
	}
	checkRest := func(want string, wantOK bool) {
		t.Helper()
		if got, ok := p.Rest(); string(got) != want || ok != wantOK {
			t.Errorf("Rest() = %q, %v; want %q, %v", got, ok, want, wantOK)
		}
	}

	match("/u/7/f/a/b")
	check("id", "7", true)
	check("path", "a/b", true)
	check("other", "", false)
	checkRest("a/b", true)
	match("/u/7/f/")
	check("path", "", true)
	checkRest("", true)
	match("/static/css/x.css")
	check("id", "", false)
	check("", "", false)
	checkRest("css/x.css", true)
	if p.Len() != 0 {
		t.Errorf("the last match has left %d values behind", p.Len())
	}
	match("/plain/")
	checkRest("", false)

	match("/u/7/f/a/b")
	if _, found := r.Match([]byte("GET"), nil, []byte("/u/7/g"), &p); found || p.Len() != 0 {
		t.Errorf("a match in vain leaves %d values", p.Len())
	}
	checkRest("", false)
	match("/u/7/f/a/b")
	p.Reset()
	check("id", "", false)
	checkRest("", false)
}

// Values of branches that came to nothing must not stay behind.
func TestBacktracking(t *testing.T) {
	r := build(t, "/a/b/z", "/a/{x}/c", "/a/{rest...}", "/k/{p}/m/{q}/{r}", "/l/{q}/{$}")
	for path, want := range map[string]string{
		"/a/b/z":   "/a/b/z",
		"/a/b/c":   "/a/{x}/c x=b",
		"/a/b/d":   "/a/{rest...} rest=b/d",
		"/l/m/":    "/l/{q}/{$} q=m",
		"/k/1/m/2": "404",
		"/l/m":     "redirect",
	} {
		if got := outcome(r, "GET", "", path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
