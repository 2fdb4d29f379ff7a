package server

import (
	"net/http"
	"strings"
	"testing"
)

const fixedConfig = `
[routes.hello]
match = "GET /hello"
respond = {body = "hello\n", headers = {X-One = "1", X-Two = ["a", "b"]}}
[routes.teapot]
match = "POST /tea"
respond = {status = 418, body = "short and stout", headers = {Content-Type = "text/html"}}
[routes.nothing]
match = "/nothing"
respond = {status = 204}
[routes.moved]
match = "/moved"
redirect = {to = "https://example.com/x?y", status = 308}
[routes.tree]
match = "/tree/"
respond = {body = "tree"}
`

func TestFixedAnswers(t *testing.T) {
	s := start(t, fixedConfig)
	for _, test := range []struct {
		method, target string
		status         int
		body           string
		headers        map[string]string
	}{
		{"GET", "/hello", 200, "hello\n", map[string]string{"X-One": "1", "X-Two": "a|b", "Content-Type": "text/plain; charset=utf-8", "Content-Length": "6", "Server": "phasm"}},
		{"HEAD", "/hello", 200, "", map[string]string{"Content-Length": "6"}},
		{"POST", "/hello", 405, "405 Method Not Allowed\n", map[string]string{"Allow": "GET, HEAD"}},
		{"POST", "/tea", 418, "short and stout", map[string]string{"Content-Type": "text/html"}},
		{"GET", "/nothing", 204, "", map[string]string{"Content-Length": "", "Content-Type": ""}},
		{"GET", "/moved", 308, "308 Permanent Redirect\n", map[string]string{"Location": "https://example.com/x?y"}},
		{"GET", "/tree", 301, "301 Moved Permanently\n", map[string]string{"Location": "/tree/"}},
		{"POST", "/tree?a=b", 308, "308 Permanent Redirect\n", map[string]string{"Location": "/tree/?a=b"}},
		{"GET", "/tree/x/y", 200, "tree", nil},
		{"GET", "/elsewhere", 404, "404 Not Found\n", map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
		{"GET", "/%2e%2e/hello", 200, "hello\n", nil},
		{"GET", "//hello", 200, "hello\n", nil},
	} {
		r := s.do(test.method, test.target)
		if r.StatusCode != test.status || r.body != test.body {
			t.Errorf("%s %s: %d %q, want %d %q", test.method, test.target, r.StatusCode, r.body, test.status, test.body)
		}
		for name, want := range test.headers {
			if got := strings.Join(r.Header[http.CanonicalHeaderKey(name)], "|"); got != want {
				t.Errorf("%s %s: %s is %q, want %q", test.method, test.target, name, got, want)
			}
		}
	}
}
