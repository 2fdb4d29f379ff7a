package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestEarlyErrors(t *testing.T) {
	s := start(t, fixedConfig+"[server.limits]\nheader_size = \"4KiB\"\nheaders = 20\nbody = \"1KiB\"\n")
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"garbage":                {"\x16\x03\x01 whatever\n\n", 400},
		"no host":                {"GET / HTTP/1.1\n\n", 400},
		"two hosts":              {"GET / HTTP/1.1\nHost: a\nHost: b\n\n", 400},
		"bad version":            {"GET / HTTQ/1.1\nHost: a\n\n", 400},
		"two content lengths":    {"POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2\n\n", 400},
		"negative length":        {"POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400},
		"control byte in target": {"GET /\x01 HTTP/1.1\nHost: a\n\n", 400},
		"long target":            {"GET /" + strings.Repeat("x", 5000) + " HTTP/1.1\nHost: a\n\n", 414},
		"large header":           {"GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 5000) + "\n\n", 431},
		"many headers":           {"GET / HTTP/1.1\nHost: a\n" + strings.Repeat("X: y\n", 20) + "\n", 431},
		"large body":             {"POST /tea HTTP/1.1\nHost: a\nContent-Length: 1025\n\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial()
			c.send(test.request)
			r := c.receive("GET")
			if r.StatusCode != test.status || !r.Close {
				t.Errorf("got %d, close %v; want %d and close", r.StatusCode, r.Close, test.status)
			}
			if !c.closed() {
				t.Error("the connection stays open")
			}
		})
	}
	if got := s.get("/hello"); got != "hello\n" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestEmptyLinesBeforeARequest(t *testing.T) {
	s := start(t, fixedConfig+"[server.limits]\nheaders = 20\n")
	const hello = "GET /hello HTTP/1.1\nHost: a\n"
	for _, test := range []struct {
		parts  []string // one packet each
		status int
	}{
		{[]string{"\n\n" + hello + "\n"}, 200},
		{[]string{"\n", "\n", hello + "\n"}, 200},
		{[]string{"\n\n\n" + hello + "\n"}, 400},
		{[]string{"\n\n", "\n" + hello + "\n"}, 400},
		{[]string{"\n\n" + hello + strings.Repeat("X: y\n", 20) + "\n"}, 431},
		{[]string{"\n", hello + strings.Repeat("X: y\n", 20) + "\n"}, 431},
	} {
		c := s.dial()
		for _, part := range test.parts {
			c.send(part)
			time.Sleep(time.Millisecond) // one packet each, most likely: the answer is the same
		}
		if r := c.receive("GET"); r.StatusCode != test.status {
			t.Errorf("%.20q: status %d, want %d", test.parts, r.StatusCode, test.status)
		}
	}
}

// A route may have a larger or a smaller limit than the server.
func TestBodyLimitOfARoute(t *testing.T) {
	s := start(t, `
[server.limits]
body = 100
[routes.large]
match = "/large"
limits = {body = 1000}
respond = {body = "x"}
[routes.small]
match = "/small"
limits = {body = 10}
respond = {body = "x"}
[routes.other]
match = "/"
respond = {body = "x"}
`)
	for _, test := range []struct {
		target string
		size   int
		status int
	}{
		{"/large", 1000, 200}, {"/large", 1001, 413}, {"/small", 10, 200}, {"/small", 11, 413},
		{"/other", 100, 200}, {"/other", 101, 413}, {"//large/.", 1001, 413},
	} {
		c := s.dial()
		c.send(fmt.Sprintf("POST %s HTTP/1.1\nHost: a\nContent-Length: %d\n\n%s", test.target, test.size, strings.Repeat("x", test.size)))
		if r := c.receive("POST"); r.StatusCode != test.status {
			t.Errorf("%d bytes for %s got %d, want %d", test.size, test.target, r.StatusCode, test.status)
		}
	}
}
