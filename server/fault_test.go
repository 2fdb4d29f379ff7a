package server

import (
	"strings"
	"testing"
	"time"
)

// A plugin that fails costs its own request and nothing else: the same
// configuration serves the next one.
func TestFaults(t *testing.T) {
	s := start(t, probes+`
[plugins.open]
source = "probe"
on_error = "open"
config = {name = "open"}
[routes.closed]
match = "/closed"
rewrite = ["a"]
access = ["a"]
content = "b"
header_filter = ["a"]
body_filter = ["a"]
log = ["a", "b"]
[routes.open]
match = "/open"
rewrite = ["open"]
access = ["open"]
content = "b"
header_filter = ["open"]
body_filter = ["open"]
log = ["open", "b"]
[routes.open_content]
match = "/open-content"
content = "open"
`)
	const failure = "500 Internal Server Error\n"
	for _, test := range []struct {
		target, do string
		status     int
		body       string
	}{
		{"/closed", "a.rewrite:panic", 500, failure},
		{"/closed", "a.access:panic b.content:write:x", 500, failure},
		{"/closed", "b.content:write:partly b.content:panic", 500, failure},
		{"/closed", "b.content:write:x a.header_filter:panic", 500, failure},
		{"/closed", "b.content:write:x a.body_filter:panic", 500, failure},
		{"/closed", "b.content:write:x a.log:panic", 200, "x"},
		{"/closed", "a.access:header:X-A=1 a.access:exec:/x a.access:panic", 500, failure},
		{"/open", "open.rewrite:panic b.content:write:x", 200, "x"},
		{"/open", "open.access:panic b.content:write:x", 200, "x"},
		{"/open", "open.access:exit:403 open.access:panic b.content:write:x", 200, "x"},
		{"/open", "open.header_filter:panic b.content:write:x", 200, "x"},
		{"/open", "open.body_filter:panic b.content:write:x", 200, "x"},
		{"/open-content", "open.content:panic", 500, failure},
	} {
		r := s.do("GET", test.target, "Do: "+test.do)
		if r.StatusCode != test.status || r.body != test.body {
			t.Errorf("%s %q: got %d %q, want %d %q", test.target, test.do, r.StatusCode, r.body, test.status, test.body)
		}
		if got := s.get(test.target, "Do: b.content:write:well open.content:write:well"); got != "well" {
			t.Errorf("after %q the next request got %q", test.do, got)
		}
	}
	s.await(`plugin \"a\" failed in rewrite: panic: told to panic`)
	s.await("panic: told to panic", "plugin=a")
}

// After a flush the status is with the client: it sees the connection close
// before the body is whole.
func TestFaultAfterAFlush(t *testing.T) {
	s := start(t, walkConfig)
	c := s.dial()
	c.send("GET /marked HTTP/1.1\nHost: a\nDo: a.content:write:ab a.content:flush a.content:panic\n\n")
	var got strings.Builder
	if _, err := c.r.WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(got.String(), "\r\n\r\n4\r\n[ab]\r\n") {
		t.Errorf("got %q", got.String())
	}
}

func TestBusy(t *testing.T) {
	s := start(t, `
[plugins.one]
source = "probe"
config = {name = "one"}
limits = {instances = 1, wait = "10ms"}
[routes.one]
match = "/"
content = "one"
`)
	slow := s.dial()
	slow.send("GET / HTTP/1.1\nHost: a\nDo: one.content:write:first one.content:flush one.content:sleep:300\n\n")
	slow.r.Peek(1) // it runs
	if r := s.do("GET", "/"); r.StatusCode != 503 {
		t.Errorf("got %d, want 503", r.StatusCode)
	}
	if r := slow.receive("GET"); r.body != "first" {
		t.Errorf("the slow one got %q", r.body)
	}
	s.get("/")
}

// A sleeping plugin does not keep others waiting.
func TestSleepBlocksNobodyElse(t *testing.T) {
	s := start(t, walkConfig)
	slow := s.dial()
	slow.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:2000 a.content:write:late\n\n")
	slow.r.Peek(1) // the head: it sleeps
	begin := time.Now()
	for range 20 {
		if got := s.get("/plain/1", "Do: b.content:param:id"); got != "id=1" {
			t.Errorf("got %q", got)
		}
	}
	if took := time.Since(begin); took > 1900*time.Millisecond {
		t.Errorf("the others took %v", took)
	}
	if r := slow.receive("GET"); r.body != "late" {
		t.Errorf("the slow one got %q", r.body)
	}
}

// A plugin that sleeps notices that its client has gone.
func TestClientGone(t *testing.T) {
	s := start(t, walkConfig)
	c := s.dial()
	c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:60000\n\n")
	c.r.Peek(1)
	c.Close()
	s.await("sleep: closed", "plugin=a")
}

// What fails while content flushes stays failed, whatever content does next.
func TestFaultOfAHeaderFilterDuringAFlush(t *testing.T) {
	s := start(t, walkConfig)
	r := s.do("GET", "/all", "Do: a.content:write:ab a.content:flush a.content:status:200 a.content:write:cd s.header_filter:panic")
	if r.StatusCode != 500 || r.body != "500 Internal Server Error\n" {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
}
