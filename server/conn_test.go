package server

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestKeepAlive(t *testing.T) {
	s := start(t, fixedConfig)
	c := s.dial()
	for range 3 {
		c.send("GET /hello HTTP/1.1\nHost: a\n\n")
		if r := c.receive("GET"); r.body != "hello\n" || r.Close {
			t.Fatalf("got %q, close %v", r.body, r.Close)
		}
	}
	c.send("GET /hello HTTP/1.1\nHost: a\nConnection: close\n\n")
	if r := c.receive("GET"); !r.Close || !c.closed() {
		t.Error("the connection stays open against the client's wish")
	}
}

func TestHTTP10(t *testing.T) {
	s := start(t, fixedConfig)
	c := s.dial()
	c.send("GET /hello HTTP/1.0\nConnection: keep-alive\n\n")
	if r := c.receive("GET"); r.body != "hello\n" || r.Header.Get("Connection") != "keep-alive" {
		t.Errorf("got %q, %v", r.body, r.Header)
	}
	c.send("GET /hello HTTP/1.0\n\n")
	if r := c.receive("GET"); r.body != "hello\n" || !c.closed() {
		t.Errorf("got %q, or the connection stays open", r.body)
	}
}

func TestPipeline(t *testing.T) {
	s := start(t, fixedConfig)
	c := s.dial()
	c.send(strings.Repeat("GET /hello HTTP/1.1\nHost: a\n\n", 50) + "GET /elsewhere HTTP/1.1\nHost: a\n\n")
	for i := range 50 {
		if r := c.receive("GET"); r.body != "hello\n" {
			t.Fatalf("response %d is %q", i, r.body)
		}
	}
	if r := c.receive("GET"); r.StatusCode != 404 {
		t.Errorf("the last response is %d", r.StatusCode)
	}
}

// A head that arrives byte by byte is the same as one that arrives at once,
// and a response before it is not held back.
func TestSlowHead(t *testing.T) {
	s := start(t, fixedConfig)
	c := s.dial()
	c.send("GET /hello HTTP/1.1\nHost: a\n\nGET /hel")
	if r := c.receive("GET"); r.body != "hello\n" {
		t.Fatalf("got %q", r.body)
	}
	for _, b := range "lo HTTP/1.1\r\nHost: a\r\n\r\n" {
		c.Write([]byte(string(b)))
	}
	if r := c.receive("GET"); r.body != "hello\n" {
		t.Errorf("got %q", r.body)
	}
}

func TestRequestsPerConnection(t *testing.T) {
	s := start(t, fixedConfig+"[server.limits]\nrequests = 2\n")
	c := s.dial()
	c.send(strings.Repeat("GET /hello HTTP/1.1\nHost: a\n\n", 3))
	if r := c.receive("GET"); r.Close {
		t.Error("closed after the first request")
	}
	if r := c.receive("GET"); !r.Close || !c.closed() {
		t.Error("the connection stays open after its last request")
	}
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, fixedConfig+"[server.limits]\nconnections = 1\n")
	first := s.dial()
	first.send("GET /hello HTTP/1.1\nHost: a\n\n")
	first.receive("GET")
	if second := s.dial(); !second.closed() {
		t.Error("a connection over the limit was served")
	}
	first.send("GET /hello HTTP/1.1\nHost: a\n\n")
	if r := first.receive("GET"); r.body != "hello\n" {
		t.Errorf("got %q", r.body)
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	s := start(t, fixedConfig+"[server.limits]\nconnections_per_address = 1\n")
	ask := func(c *client) (string, error) {
		c.send("GET /hello HTTP/1.1\nHost: a\n\n")
		return c.r.ReadString('\n')
	}
	first := s.dial()
	if line, err := ask(first); err != nil {
		t.Fatalf("got %q, %v", line, err)
	}
	if second := s.dial(); !second.closed() {
		t.Error("a second connection from one address was served")
	}
	first.Close()
	waitFor(t, "the first connection to end", func() bool { return s.connections() == 0 })
	if line, err := ask(s.dial()); err != nil {
		t.Errorf("got %q, %v, once the first has gone", line, err)
	}
	for address, network := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := clientNetwork(netip.MustParseAddr(address)).String(); got != network {
			t.Errorf("%s counts as %s, want %s", address, got, network)
		}
	}
}

func TestTimeouts(t *testing.T) {
	s := start(t, fixedConfig+"[server.timeouts]\nheader = \"50ms\"\nidle = \"100ms\"\n")
	idle := s.dial()
	if !idle.closed() {
		t.Error("an idle connection stays open")
	}
	slow := s.dial()
	slow.send("GET /hello HT")
	if r := slow.receive("GET"); r.StatusCode != 408 || !slow.closed() {
		t.Errorf("half a head got %d", r.StatusCode)
	}
}

func TestShutdownLetsExchangesFinish(t *testing.T) {
	s := start(t, fixedConfig)
	idle, busy := s.dial(), s.dial()
	idle.send("GET /hello HTTP/1.1\nHost: a\n\n")
	idle.receive("GET")
	busy.send("POST /tea HTTP/1.1\nHost: a\nContent-Length: 3\n\nab")
	busy.receive("POST") // answered; the server waits for the rest of the body
	done := make(chan struct{})
	go func() { s.stop(); close(done) }()
	if !idle.closed() {
		t.Error("an idle connection outlives the server")
	}
	busy.send("c")
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not stop")
	}
}

// What takes longer than the grace is cut off, while its plugin still runs.
func TestShutdownCutsOff(t *testing.T) {
	s := start(t, walkConfig+"[server.timeouts]\nshutdown = \"50ms\"\n")
	s.endsWith = "cut off 1 connections"
	c := s.dial()
	c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:700\n\n")
	c.r.Peek(1)
	begin := time.Now()
	s.stop()
	if took := time.Since(begin); took > 600*time.Millisecond {
		t.Errorf("the server took %v to stop", took)
	}
	for !c.closed() {
	}
	// The plugin wakes up: its code must still be there.
	for deadline := time.Now().Add(10 * time.Second); s.connections() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the plugin never ends")
		}
	}
}
