package server

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A connection that waits for a request has no goroutine.
func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	s := start(t, fixedConfig)
	before := runtime.NumGoroutine()
	for range 200 {
		c := s.dial()
		c.send("GET /hello HTTP/1.1\nHost: a\n\n")
		c.receive("GET")
	}
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() < before+50 })
	if n := s.connections(); n != 200 {
		t.Errorf("%d connections are open", n)
	}
}

// A connection that is in use stays open, however old it is.
func TestOldConnectionsStay(t *testing.T) {
	t.Parallel()
	s := start(t, "[server.timeouts]\nidle = \"2s\"\n"+probes+"[routes.all]\nmatch = \"/all\"\nlog = [\"a\"]\nrespond = {body = \"all\"}\n"+fixedConfig)
	conns := map[string]*client{"/all": s.dial(), "/hello": s.dial()} // with log plugins, and without
	for begin := time.Now(); time.Since(begin) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
		for target, c := range conns {
			c.send("GET " + target + " HTTP/1.1\nHost: a\n\n")
			c.receive("GET")
		}
	}
	for target, c := range conns {
		if !c.closed() {
			t.Errorf("%s: it stays open without a request", target)
		}
	}
}

// Whatever a request waits for, those of other connections are served meanwhile,
// though the same loop has them.
func TestWaitingRequestsHoldUpNobody(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	s := start(t, walkConfig+"[routes.hello]\nmatch = \"/hello\"\nrespond = {body = \"hello\"}\n"+upstreamRoute("http://"+peer.Addr().String()))
	const head = " HTTP/1.1\nHost: a\n"
	for name, request := range map[string]string{
		"a head":         "GET /all HT",
		"a body":         "POST /all" + head + "Do: a.content:body\nContent-Length: 5\n\nhe",
		"its rest":       "POST /hello" + head + "Content-Length: 5\n\nhe",
		"time":           "GET /all" + head + "Do: a.content:sleep:2000\n\n",
		"a peer":         "GET /up" + head + "\n",
		"its client":     strings.Repeat("GET /all"+head+"Do: a.content:writes:1000000\n\n", 40),
		"the whole loop": strings.Repeat("GET /hello"+head+"\n", 5000),
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			for range 2 * runtime.GOMAXPROCS(0) { // in each loop
				s.dial().send(request)
			}
			for range 2 * runtime.GOMAXPROCS(0) {
				begin := time.Now()
				s.get("/hello")
				if took := time.Since(begin); took > time.Second {
					t.Errorf("it took %v", took)
				}
			}
		})
	}
}

// A client may end its half with its request, before anybody has looked.
func TestRequestAndEndAtOnce(t *testing.T) {
	s := start(t, fixedConfig)
	for range 100 {
		c := s.dial()
		c.send("GET /hello HTTP/1.1\nHost: a\n\n")
		c.Conn.(*net.TCPConn).CloseWrite()
		if r := c.receive("GET"); r.StatusCode != 200 || !c.closed() {
			t.Fatalf("got %d", r.StatusCode)
		}
	}
}

// Requests come in pieces and in bursts, faster than they are served.
func TestBurstsOverManyConnections(t *testing.T) {
	s := start(t, fixedConfig)
	const burst = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
	done := make(chan error)
	for i := range 16 {
		c := s.dial()
		go func() {
			for n := range 200 {
				text := strings.Repeat(burst, 1+n%3)
				cut := (n*7 + i) % len(text)
				c.Conn.Write([]byte(text[:cut]))
				c.Conn.Write([]byte(text[cut:]))
				for range 1 + n%3 {
					if line, err := c.r.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
						done <- fmt.Errorf("got %q, %w", line, err)
						return
					}
					for line := ""; line != "\r\n"; {
						if line, _ = c.r.ReadString('\n'); line == "" {
							break
						}
					}
					c.r.Discard(len("hello\n"))
				}
			}
			done <- nil
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
