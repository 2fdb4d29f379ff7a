package server

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stopping begins to stop the server and answers a channel that is closed when
// it has.
func (s *testServer) stopping() <-chan struct{} {
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	waitFor(s.t, "the server to drain", s.draining.Load)
	return stopped
}

// A request of which a part has come when the server begins to stop is served,
// whichever part that is.
func TestStopServesHalfARequest(t *testing.T) {
	request := "POST /tea HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc"
	for _, sent := range []int{1, 4, len("POST /tea HTTP/1.1\n"), strings.Index(request, "abc") - 1, len(request) - 3, len(request) - 1} {
		s := start(t, fixedConfig)
		c := s.dial()
		c.send("GET /hello HTTP/1.1\nHost: a\n\n") // so that it is not new
		c.receive("GET")
		c.send(request[:sent])
		waitFor(t, "the first byte", func() bool { return s.inFlight() == 1 })
		stopped := s.stopping()
		c.send(request[sent:])
		if r := c.receive("POST"); r.StatusCode != 418 || !r.Close && sent < strings.Index(request, "abc") {
			t.Errorf("%d bytes before the end: %d, close %v", sent, r.StatusCode, r.Close)
		}
		c.Close()
		<-stopped
	}
}

// A request that has arrived but was not read yet when the server begins to
// stop is served, and so is one that comes soon after.
func TestStopServesWhatIsOnItsWay(t *testing.T) {
	s := start(t, fixedConfig)
	waiting := s.dial()
	waiting.send("GET /hello HTTP/1.1\nHost: a\n\n")
	waiting.receive("GET")
	stopped := s.stopping()
	waiting.send("GET /hello HTTP/1.1\nHost: a\n\n")
	if r := waiting.receive("GET"); r.body != "hello\n" || !r.Close || !waiting.closed() {
		t.Errorf("got %d %q, close %v", r.StatusCode, r.body, r.Close)
	}
	<-stopped
}

// Old connections have as long for a last request as new ones, which counts from
// the end of their last exchange: where there are log plugins, and where the rest
// of a body came late.
func TestStopLeavesOldConnectionsTheirTime(t *testing.T) {
	for name, test := range map[string]struct{ config, method, request, late string }{
		"no log":    {"", "GET", "GET /hello HTTP/1.1\nHost: a\n\n", ""},
		"log":       {walkConfig, "GET", "GET /hello HTTP/1.1\nHost: a\n\n", ""},
		"late body": {"", "POST", "POST /tea HTTP/1.1\nHost: a\nContent-Length: 3\n\nab", "c"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			s := start(t, test.config+fixedConfig)
			c := s.dial()
			time.Sleep(lastWait + lastWait/5) // it becomes old
			c.send(test.request)
			c.receive(test.method)
			if test.late != "" {
				time.Sleep(lastWait + lastWait/5)
				c.send(test.late)
			}
			waitFor(t, "the exchange to end", func() bool { return s.inFlight() == 0 })
			stopped := s.stopping()
			time.Sleep(lastWait / 10) // so long it is on its way
			c.send("GET /hello HTTP/1.1\nHost: a\n\n")
			if r := c.receive("GET"); r.body != "hello\n" || !r.Close {
				t.Errorf("got %d %q, close %v", r.StatusCode, r.body, r.Close)
			}
			<-stopped
		})
	}
}

// drainingConn is a connection in memory whose first byte arrives in the very
// moment in which the server begins to drain and takes it for idle.
type drainingConn struct {
	bytesConn
	server   *Server
	begun    bool
	deadline time.Time
}

func (c *drainingConn) SetReadDeadline(t time.Time) error { c.deadline = t; return nil }

func (c *drainingConn) Read(p []byte) (int, error) {
	if !c.begun {
		c.begun = true
		go c.server.drain(20 * time.Second)
		for woken := false; !woken; {
			c.server.mu.Lock()
			woken = c.server.draining.Load() // and the loop over the connections is done
			c.server.mu.Unlock()
		}
		p = p[:1]
	} else if time.Now().After(c.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return c.bytesConn.Read(p)
}

// cutConn is a connection in memory whose request arrives in the very moment in
// which the server cuts off its connections.
type cutConn struct {
	bytesConn
	server *Server
}

func (c *cutConn) Read(p []byte) (int, error) {
	if !c.server.draining.Load() {
		if err := c.server.drain(0); err != nil { // it counts as idle
			return 0, err
		}
	}
	return c.bytesConn.Read(p)
}

// Once connections are cut off no exchange begins: the generation is closed.
func TestCutMeetsTheFirstByte(t *testing.T) {
	s := loaded(t, fixedConfig)
	c := &cutConn{server: s}
	c.in = bytes.NewReader([]byte("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))
	s.ServeConn(c)
	if c.in.Len() != 0 || c.out.Len() != 0 {
		t.Errorf("%d bytes were not read, and the answer is %q", c.in.Len(), c.out.String())
	}
}

func TestDrainMeetsTheFirstByte(t *testing.T) {
	// With these limits being equal a deadline that was set is a deadline kept.
	s := loaded(t, fixedConfig+"[server.timeouts]\nidle = \"10s\"\nheader = \"10s\"\n")
	c := &drainingConn{server: s}
	c.in = bytes.NewReader([]byte("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"))
	s.ServeConn(c)
	if got := c.out.String(); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("got %q", got)
	}
}

// A connection that nobody uses keeps the server for a moment only, and one
// that has long been idle not even that.
func TestStopClosesIdleConnections(t *testing.T) {
	s := start(t, fixedConfig)
	idle := s.dial()
	idle.send("GET /hello HTTP/1.1\nHost: a\n\n")
	idle.receive("GET")
	begin := time.Now()
	<-s.stopping()
	if took := time.Since(begin); took > lastWait+time.Second {
		t.Errorf("it took %v", took)
	}
	if !idle.closed() {
		t.Error("the connection is open")
	}
}

// Clients that ask one thing after the other see no failure when the server
// stops in between: their last answer says that the connection closes.
func TestStopUnderLoad(t *testing.T) {
	for range 5 {
		s := start(t, fixedConfig+"[server.limits]\nrequests = 1000000000\n")
		var asking sync.WaitGroup
		var answers atomic.Int64
		for i := range 8 {
			c := s.dial()
			asking.Go(func() {
				for {
					n := 1 + i%3 // so many in a pipeline
					c.send(strings.Repeat("GET /hello HTTP/1.1\nHost: a\n\n", n))
					for range n {
						r := c.receive("GET")
						if r.body != "hello\n" {
							t.Errorf("got %d %q", r.StatusCode, r.body)
						}
						answers.Add(1)
						if r.Close {
							return
						}
					}
				}
			})
		}
		waitFor(t, "some answers", func() bool { return answers.Load() > 1000 })
		<-s.stopping()
		asking.Wait()
	}
}

// To stop at once is to wait for nobody; but the code of a plugin that still
// runs stays.
func TestStopAtOnce(t *testing.T) {
	s := start(t, walkConfig)
	c := s.dial()
	c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:700\n\n")
	c.r.Peek(1)
	idle := s.dial()
	idle.send("GET /plain/1 HTTP/1.1\nHost: a\n\n")
	idle.receive("GET")
	begin := time.Now()
	s.cancel(ErrAtOnce)
	s.stop() // without an error
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	for !c.closed() {
	}
	if !idle.closed() {
		t.Error("an idle connection is open")
	}
	waitFor(t, "the plugin to wake up", func() bool { return s.connections() == 0 })
}
