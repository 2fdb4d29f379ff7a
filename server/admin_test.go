package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phasm/server/config"
)

// adminDo sends one request to the admin listener. A header "Host" is the
// request's host.
func (s *testServer) adminDo(method, path string, headers ...string) response {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.AdminAddress().String()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if q.Header.Set(name, value); name == "Host" {
			q.Host = value
		}
	}
	q.Close = true
	r, err := http.DefaultTransport.RoundTrip(q) // follows no redirects
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response{r, string(body)}
}

func TestAdminPages(t *testing.T) {
	s := start(t, fixedConfig)
	for _, test := range []struct {
		method, path string
		status       int
		body         string // what it begins with
	}{
		{"GET", "/livez", 200, "ok\n"},
		{"HEAD", "/livez", 200, ""},
		{"GET", "/readyz", 200, "ok\n"},
		{"GET", "/metrics", 200, "# HELP "},
		{"GET", "/debug/pprof/", 200, "<html>"},
		{"GET", "/debug/pprof/heap", 200, "\x1f\x8b"}, // a compressed protocol buffer
		{"GET", "/debug/pprof/heap?debug=1", 200, "heap profile: "},
		{"GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile: "},
		{"GET", "/debug/pprof/cmdline", 200, ""},
		{"GET", "/debug/pprof/symbol", 200, "num_symbols: "},
		{"GET", "/debug/pprof/nothing", 404, "Unknown profile"},
		{"GET", "/", 404, ""},
		{"GET", "/metrics/", 404, ""},
		{"GET", "/hello", 404, ""}, // a route of the server's own listeners
		{"POST", "/metrics", 405, ""},
		{"POST", "/livez", 405, ""},
		{"POST", "/debug/pprof/heap", 405, ""},
		{"DELETE", "/readyz", 405, ""},
	} {
		r := s.adminDo(test.method, test.path)
		if r.StatusCode != test.status || !strings.HasPrefix(r.body, test.body) {
			t.Errorf("%s %s: %d %.40q, want %d %q", test.method, test.path, r.StatusCode, r.body, test.status, test.body)
		}
		if allow := r.Header.Get("Allow"); test.status == 405 && allow != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", test.method, test.path, allow)
		}
	}
	if got := s.adminDo("GET", "/metrics").Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("metrics have type %q", got)
	}
	if r := s.do("GET", "/metrics"); r.StatusCode != 404 {
		t.Errorf("the server's own listener answers /metrics with %d", r.StatusCode)
	}
}

// Web pages cannot make an operator's browser ask the admin listener.
func TestAdminRefusesPages(t *testing.T) {
	s := start(t, fixedConfig)
	for _, test := range []struct {
		header string
		status int
	}{
		{"Accept: */*", 200},
		{"Sec-Fetch-Site: none", 200}, // typed into the address bar
		{"Sec-Fetch-Site: same-origin", 200},
		{"Sec-Fetch-Site: same-site", 403}, // a page on another port of this machine
		{"Sec-Fetch-Site: cross-site", 403},
		{"Origin: https://example.com", 403},
		{"Origin: null", 403},
		{"Host: 127.0.0.1", 200},
		{"Host: 127.0.0.1:8081", 200},
		{"Host: 10.1.2.3:8081", 200},
		{"Host: [::1]", 200},
		{"Host: [::1]:8081", 200},
		{"Host: ::1", 200},
		{"Host: localhost", 200},
		{"Host: localhost:8081", 200},
		{"Host: LocalHost:8081", 200},
		{"Host: example.com", 403},
		{"Host: example.com:8081", 403},
		{"Host: localhost.example.com", 403},
		{"Host: 127.0.0.1.example.com", 403},
		{"Host: 127.0.0.1:8081:8081", 403},
		{"Host: [::1]example.com", 403},
		{"Host: [example.com]", 403},
		{"Host: [example.com]:8081", 403},
		{"Host: 2130706433", 403},
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/nowhere"} {
			want := test.status
			if path == "/nowhere" && want == 200 {
				want = 404
			}
			if r := s.adminDo("GET", path, test.header); r.StatusCode != want {
				t.Errorf("GET %s with %s: %d, want %d", path, test.header, r.StatusCode, want)
			}
		}
	}
}

// Only a program of the operator's reloads the configuration: no page, and
// nobody who merely looks.
func TestAdminReload(t *testing.T) {
	s := startFile(t, answering("one"))
	for _, test := range []struct {
		method  string
		headers []string
		status  int
	}{
		{"GET", nil, 405},
		{"HEAD", nil, 405},
		{"PUT", nil, 405},
		{"POST", []string{"Origin: http://127.0.0.1"}, 403},
		{"POST", []string{"Origin: null"}, 403},
		{"POST", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"POST", []string{"Host: example.com"}, 403},
		{"POST", []string{"Host: localhost"}, 200},
		{"POST", nil, 200},
	} {
		r := s.adminDo(test.method, "/reload", test.headers...)
		if r.StatusCode != test.status {
			t.Errorf("%s %q: %d, want %d", test.method, test.headers, r.StatusCode, test.status)
		}
		if allow := r.Header.Get("Allow"); r.StatusCode == 405 && allow != "POST" {
			t.Errorf("%s: Allow is %q", test.method, allow)
		}
	}
	if n := s.metrics.reloads.succeeded.Get(); n != 2 {
		t.Errorf("%d reloads ran, want 2", n)
	}
}

// Ready is from when connections are accepted until the server begins to stop;
// alive is as long as the process is.
func TestReady(t *testing.T) {
	c, err := config.Parse(filepath.Join("testdata", "test.toml"), []byte(fixedConfig+listenerTables))
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	status := func(path string) int {
		w := httptest.NewRecorder()
		q := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		q.Host = "localhost"
		s.sockets.admin.server.Handler.ServeHTTP(w, q)
		return w.Code
	}
	if ready, live := status("/readyz"), status("/livez"); ready != 503 || live != 200 {
		t.Errorf("before serving: ready %d, live %d", ready, live)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	waitFor(t, "the server to be ready", func() bool { return status("/readyz") == 200 })

	ts := &testServer{Server: s, t: t, address: s.Addresses()[0].String()}
	busy := ts.dial()
	busy.send("POST /tea HTTP/1.1\nHost: a\nContent-Length: 3\n\nab")
	busy.receive("POST") // answered; the server waits for the rest of the body
	stop()
	waitFor(t, "the server to stop being ready", func() bool { return ts.adminDo("GET", "/readyz").StatusCode == 503 })
	if r := ts.adminDo("GET", "/livez"); r.StatusCode != 200 {
		t.Errorf("while stopping: live %d", r.StatusCode)
	}
	busy.send("c")
	if err := <-served; err != nil {
		t.Error(err)
	}
	if nc, err := net.Dial("tcp", s.AdminAddress().String()); err == nil {
		nc.Close()
		t.Error("the admin listener outlives the server")
	}
}

// Without an address there is no admin listener.
func TestNoAdmin(t *testing.T) {
	c, err := config.Parse("test.toml", []byte(fixedConfig+"[listeners.main]\naddress = \"127.0.0.1:0\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.AdminAddress() != nil {
		t.Errorf("there is one at %v", s.AdminAddress())
	}
}

// On an address of the network the listener has a name: a collector may ask
// for metrics by it, but nobody for profiles or a reload.
func TestAdminOnTheNetwork(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, test := range []struct {
		path     string
		loopback bool
		status   int
	}{
		{"/metrics", false, 200},
		{"/metrics", true, 403},
		{"/debug/pprof/", false, 403},
		{"/reload", false, 403},
	} {
		w := httptest.NewRecorder()
		notFromPages(ok, test.loopback).ServeHTTP(w, httptest.NewRequest("GET", "http://phasm.internal:8081"+test.path, nil))
		if w.Code != test.status {
			t.Errorf("%s on loopback %v: %d, want %d", test.path, test.loopback, w.Code, test.status)
		}
	}
}

// A body that does not come holds nobody for ever.
func TestAdminBodiesThatDoNotCome(t *testing.T) {
	t.Parallel()
	s := start(t, "[upstreams.u]\npeers = [{address = \"127.0.0.1:1\"}]\n[routes.a]\nmatch = \"/\"\nupstream = \"u\"\n")
	asked := map[string]*client{}
	for _, line := range []string{"POST /upstreams/u/peers", "PATCH /upstreams/u/peers", "POST /reload", "GET /livez", "POST /debug/pprof/symbol", "POST /none"} {
		nc, err := net.Dial("tcp", s.AdminAddress().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := newClient(t, nc)
		c.send(line + " HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 100\n\n{")
		asked[line] = c
	}
	for line, c := range asked {
		if _, err := io.ReadAll(c.r); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: it is waited for", line)
		}
	}
}
