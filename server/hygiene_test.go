package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// hygieneCase is a line of testdata/hygiene.txt: the status that a request
// gets, and the request as a Go string.
type hygieneCase struct {
	line    int
	status  int
	request string
}

func hygieneCases(tb testing.TB) (cases []hygieneCase) {
	tb.Helper()
	text, err := os.ReadFile("testdata/hygiene.txt")
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		status, quoted, _ := strings.Cut(line, " ")
		code, err1 := strconv.Atoi(status)
		request, err2 := strconv.Unquote(`"` + quoted + `"`)
		if err1 != nil || err2 != nil {
			tb.Fatalf("testdata/hygiene.txt:%d: %v, %v", n, err1, err2)
		}
		cases = append(cases, hygieneCase{n, code, request})
	}
	return cases
}

const hygieneConfig = `
[routes.all]
match = "/"
respond = {body = "served"}
[routes.propfind]
match = "PROPFIND /dav/"
respond = {body = "served"}
[routes.trace]
match = "TRACE /trace"
respond = {body = "served"}
`

// Malformed and ambiguous requests are refused with the right status before a
// route sees them, and what follows on their connection is never taken for a
// request.
func TestHygiene(t *testing.T) {
	s := start(t, hygieneConfig)
	cases := hygieneCases(t)
	if len(cases) < 150 {
		t.Errorf("only %d requests", len(cases))
	}
	requests := func() (n uint64) {
		for _, r := range s.generation.Load().all {
			if r.name == "" {
				continue
			}
			for method := range r.metrics.requests {
				if c := r.metrics.requests[method][200-minCode].Load(); c != nil {
					n += c.Get()
				}
			}
		}
		return n
	}
	for _, test := range cases {
		t.Run(fmt.Sprint("line-", test.line), func(t *testing.T) {
			before := requests()
			c := s.dial()
			if _, err := io.WriteString(c.Conn, test.request+"GET /canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(test.request, " ")
			r, err := http.ReadResponse(c.r, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%q gets no answer: %v", test.request, err)
			}
			io.Copy(io.Discard, r.Body)
			if r.StatusCode != test.status {
				t.Fatalf("%q got %d, want %d", test.request, r.StatusCode, test.status)
			}
			if test.status == 200 || test.status == 204 {
				if canary, err := http.ReadResponse(c.r, nil); err != nil || canary.StatusCode != 200 {
					t.Errorf("behind %q the next request is not served: %v", test.request, err)
				}
				return
			}
			if !r.Close || !c.closed() {
				t.Errorf("behind %q the connection stays open", test.request)
			}
			if n := requests() - before; n != 0 {
				t.Errorf("%q: %d requests were served", test.request, n)
			}
		})
	}
}

// What is dropped, and in which form the rest goes on.
func TestHygieneOfWhatGoesOn(t *testing.T) {
	s := loaded(t, hygieneConfig)
	for _, test := range []struct{ request, want string }{
		{"GET / HTTP/1.1\nHost: a\nX_User: root\nX-B: 1\n\n", "GET / a [X-B: 1]"},
		{"GET / HTTP/1.1\nX_A: 1\nHost: a\nX_B: 2\nX-C: 3\nX_D: 4\n\n", "GET / a [X-C: 3]"},
		{"GET / HTTP/1.1\nContent_Length: 5\nTransfer_Encoding: chunked\nHost: a\n\n", "GET / a"},
		{"GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-User\nX-User: root\nx-user: 2\nX-B: 1\n\n", "GET / a [Connection: keep-alive, X-User] [X-B: 1]"},
		{"GET / HTTP/1.1\nX-A: 1\nX-B: 2\nHost: a\nConnection: x-a\nConnection: X-B, upgrade\nUpgrade: h2c\n\n", "GET / a [Connection: x-a] [Connection: X-B, upgrade] [Upgrade: h2c]"},
		{"GET / HTTP/1.1\nHost: EXAMPLE.com:80\n\n", "GET / example.com"},
		{"GET / HTTP/1.1\nHost: Example.com.:8080\n\n", "GET / example.com:8080"},
		{"GET / HTTP/1.1\nHost: [0:0::1]:80\n\n", "GET / [::1]"},
		{"GET http://Example.com/a/../b?c HTTP/1.1\nHost: example.com:80\n\n", "GET /b?c example.com"},
		{"GET http://a?b HTTP/1.0\n\n", "GET /?b a"},
		{"GET //evil/x HTTP/1.0\n\n", "GET /evil/x "},
		{"GET //evil/x HTTP/1.1\nHost: a\n\n", "GET /evil/x a"},
		{"GET /a%2Fb//c/./d/.?e=%2F//.. HTTP/1.1\nHost: a\n\n", "GET /a/b/c/d/?e=%2F//.. a"},
		{"GET /a;b/%2e%2e/%7ex HTTP/1.1\nHost: a\n\n", "GET /~x a"},
		{"GET /?u=http://evil/ HTTP/1.1\nHost: a\n\n", "GET /?u=http://evil/ a"},
		{"GET /?u=http://evil/ HTTP/1.0\n\n", "GET /?u=http://evil/ "},
	} {
		x, _ := received(t, s, strings.ReplaceAll(test.request, "\n", "\r\n"))
		h := &x.request.Header
		got := fmt.Sprintf("%s %s %s", h.Method(), h.RequestURI(), h.Host())
		for name, value := range h.All() {
			if string(name) != "Host" && string(value) != "close" { // which HTTP/1.0 implies
				got += fmt.Sprintf(" [%s: %s]", name, value)
			}
		}
		if got != test.want {
			t.Errorf("%q goes on as %q, want %q", test.request, got, test.want)
		}
		if path, _, _ := strings.Cut(string(h.RequestURI()), "?"); string(x.request.URI().Path()) != path {
			t.Errorf("%q has the path %q and the target %q", test.request, x.request.URI().Path(), h.RequestURI())
		}
		if host := string(x.request.URI().Host()); host != string(h.Host()) {
			t.Errorf("%q is for the host %q, and routed by %q", test.request, h.Host(), host)
		}
	}
}
