package router

import (
	"net/http"
	"strings"
	"testing"
)

func TestPatternErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                             "no '/'",
		"GET":                          "no '/'",
		"GET example.com":              "no '/'",
		"G@T /":                        `invalid method "G@T"`,
		"/a b":                         `invalid method "/a"`,
		"example.com:80/":              "must have no port",
		"[::1]:80/":                    "must end with ']'",
		"[::1/":                        "must end with ']'",
		"*.example.com/":               "character '*'",
		"{host}/":                      "character '{'",
		"münchen.example/":             "character 'ü'",
		"GET a b/":                     "character ' '",
		"./":                           "only a dot",
		"//":                           `segment "" never matches`,
		"/a//b":                        `segment "" never matches`,
		"/a/../b":                      `segment ".." never matches`,
		"/a/.":                         `segment "." never matches`,
		"/a/%2e%2E/b":                  `segment "%2e%2E" never matches`,
		"/a%2Fb":                       `segment "a%2Fb" never matches`,
		"/a{x}":                        "must be a whole segment",
		"/{x}a":                        "must be a whole segment",
		"/{x":                          "must be a whole segment",
		"/{":                           "must be a whole segment",
		"/{}":                          `wildcard name "" is not an identifier`,
		"/{...}":                       `wildcard name "" is not an identifier`,
		"/{1a}":                        `wildcard name "1a" is not an identifier`,
		"/{a-b}":                       `wildcard name "a-b" is not an identifier`,
		"/{$}/a":                       "{$} must be the last segment",
		"/{$}/":                        "{$} must be the last segment",
		"/{x...}/a":                    "{x...} must be the last segment",
		"/{x}/{x}":                     `wildcard name "x" occurs twice`,
		"/{x}/{x...}":                  `wildcard name "x" occurs twice`,
		strings.Repeat("a", 261) + "/": "longer than 260",
	} {
		err := New[int]().Add(pattern, 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want one with %q", pattern, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "cannot parse pattern") {
			t.Errorf("%q: error %q does not say what failed", pattern, err)
		}
	}
}

func TestClash(t *testing.T) {
	for _, c := range []struct{ p, q, want string }{
		{"/a", "/a", "they match the same requests"},
		{"/a/{x}", "/a/{y}", "they match the same requests"},
		{"/a/", "/a/{rest...}", "they match the same requests"},
		{"Example.com/a", "example.com./a", "they match the same requests"},
		{"/a%41", "/aA", "they match the same requests"},
		{"/a/{x}", "/{y}/b", `both match "/a/b"`},
		{"/{y}/b/c", "/a/{rest...}", `both match "/a/b/c"`},
		{"/{x}/", "/a/{rest...}", ""},
		{"/{x}/{$}", "/a/", `both match "/a/"`},
		{"GET /", "/a", `both match "GET /a"`},
		{"HEAD /", "GET /a", `both match "HEAD /a"`},
		{"POST h/{x}", "h/a", `both match "POST h/a"`},
		{"GET /a", "HEAD /a", ""},
		{"GET /a", "POST /{x}", ""},
		{"GET /a", "/a", ""},
		{"h/a", "/a", ""},
		{"h/a/{x}", "k/{y}/b", ""},
		{"/a", "/a/", ""},
		{"/a/{$}", "/a/", ""},
		{"/a/{$}", "/a/{x}", ""},
		{"/{x}/{$}", "/{x}/b", ""},
		{"/a/b", "/{x}/b", ""},
		{"/", "/{x}/{y}", ""},
	} {
		for range 2 {
			r := build(t, c.p)
			err := r.Add(c.q, "")
			switch {
			case err == nil && c.want == "":
			case err == nil, c.want == "":
				t.Errorf("%q after %q: got error %v, want %q", c.q, c.p, err, c.want)
			case !strings.Contains(err.Error(), c.want),
				!strings.Contains(err.Error(), `"`+c.p+`"`), !strings.Contains(err.Error(), `"`+c.q+`"`):
				t.Errorf("%q after %q: error %q does not name both and %q", c.q, c.p, err, c.want)
			}
			if outcome(r, "NO", "", "/zzz") == c.q {
				t.Errorf("%q was refused and added", c.q)
			}
			c.p, c.q = c.q, c.p
		}
	}
}

// FuzzPattern wants no panic, and every pattern that is accepted here to be one
// for ServeMux too.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{
		"/", "GET /a/{x}/{y...}", "h.example/{$}", "/%zz", "/a%2Fb", "[::1]/", "//", "/{", "/}/{x}", "\t/",
	} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		r := New[int]()
		if r.Add(pattern, 1) != nil {
			return
		}
		if !register(http.NewServeMux(), pattern) {
			t.Fatalf("ServeMux refuses %q", pattern)
		}
		if r.Add(pattern, 2) == nil {
			t.Fatalf("%q can be added twice", pattern)
		}
		for _, path := range []string{pattern, "/", "/a/b", "/a/"} {
			var params Params
			r.Match([]byte("GET"), []byte("h"), []byte(path), &params)
			r.Redirect([]byte("GET"), []byte("h"), []byte(path))
			r.Allowed([]byte("h"), []byte(path))
		}
	})
}
