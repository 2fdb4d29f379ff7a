package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// countingListener counts the connections that it has accepted and that are open.
type countingListener struct {
	net.Listener
	open atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &countedConn{Conn: nc, of: l}, nil
}

type countedConn struct {
	net.Conn
	of   *countingListener
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}

// moody is a peer that does what the path asks it to.
func moody(w http.ResponseWriter, r *http.Request) {
	hijack := func() (net.Conn, *bufio.ReadWriter) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		return c, rw
	}
	switch r.URL.Path {
	case "/large":
		w.Write(bytes.Repeat([]byte("x"), 1<<20))
	case "/echo":
		io.Copy(w, r.Body)
	case "/early":
		w.WriteHeader(413)
	case "/silent":
		io.Copy(io.Discard, r.Body) // else net/http does not see that the other side has gone
		<-r.Context().Done()
	case "/begins":
		io.WriteString(w, "beginning")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/ends-before":
		c, _ := hijack()
		c.Close()
	case "/ends-within":
		c, _ := hijack()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot all of it")
		c.Close()
	case "/busy":
		w.WriteHeader(503)
	case "/tunnel":
		c, rw := hijack()
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		for {
			b, err := rw.ReadByte()
			if err != nil || b == 'q' {
				return
			}
			c.Write([]byte{b})
		}
	default:
		io.WriteString(w, "ok")
	}
}

// How a client treats its exchange in TestProxyLeaksNothing.
const (
	stays        = iota // until it has the whole answer
	leavesAtOnce        // once it has sent the request
	leavesWithin        // once it has the head of the answer
	resets              // likewise, and does not say goodbye
	stutters            // it sends a part of the body and leaves
	talks               // through a tunnel, and leaves
	isLeft              // it has the peer end the tunnel
)

// Of exchanges that have ended, however they did, nothing is left: no
// goroutine, no descriptor, no peer that counts one as its own.
func TestProxyLeaksNothing(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close forgotten connections
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	peers := &countingListener{Listener: l}
	server := &httptest.Server{Listener: peers, Config: &http.Server{Handler: http.HandlerFunc(moody)}}
	server.Start()
	t.Cleanup(server.Close)

	text := ""
	for name, table := range map[string]string{
		"plain":     "peers = [PEER]",
		"impatient": "peers = [PEER]\nread_timeout = \"100ms\"\ntries = 1",
		"retried":   "peers = [DEAD, PEER]\nretry_status = \"503\"",
		"turns":     "peers = [{address = PEER, max_connections = 1}]\nqueue = 100",
		"crowded":   "peers = [{address = PEER, max_connections = 1}]\nqueue = 100\nqueue_timeout = \"300ms\"",
	} {
		table = strings.NewReplacer("PEER", fmt.Sprintf("%q", l.Addr().String()), "DEAD", fmt.Sprintf("%q", closedAddress(t))).Replace(table)
		text += fmt.Sprintf("[upstreams.%s]\nmax_fails = 0\nkeepalive_timeout = \"50ms\"\n%s\n[routes.%s]\nmatch = \"/%s/\"\nupstream = %q\nupstream_path = \"/\"\n", name, table, name, name, name)
	}
	s := start(t, text)

	kinds := []struct {
		request string
		body    string // which may be shorter than the request says
		manner  int
		status  int // 0: any, or none
	}{
		{"GET /plain/ok", "", stays, 200},
		{"HEAD /plain/large", "", stays, 200},
		{"GET /plain/large", "", stays, 200},
		{"POST /plain/echo", strings.Repeat("x", 100_000), stays, 200},
		{"POST /plain/early", strings.Repeat("x", 100_000), stays, 413},
		{"POST /plain/echo", "a part", stutters, 0},
		{"GET /plain/silent", "", leavesAtOnce, 0},
		{"GET /plain/begins", "", leavesWithin, 200},
		{"GET /plain/large", "", leavesWithin, 200},
		{"GET /plain/begins", "", resets, 200},
		{"GET /plain/ends-before", "", stays, 502},
		{"GET /plain/ends-within", "", leavesWithin, 200},
		{"GET /impatient/silent", "", stays, 504},
		{"GET /impatient/begins", "", leavesWithin, 0}, // 200, or 504 on a machine that is busy
		{"POST /impatient/silent", "body", stays, 504},
		{"GET /retried/ok", "", stays, 200},
		{"POST /retried/echo", "body", stays, 200},
		{"GET /retried/busy", "", stays, 0}, // 503, or 502 where the dead peer is the second
		{"GET /retried/ends-before", "", stays, 502},
		{"GET /retried/silent", "", leavesAtOnce, 0},
		{"GET /turns/ok", "", stays, 200},
		{"GET /crowded/silent", "", stays, 503},
		{"GET /crowded/silent", "", leavesAtOnce, 0},
		{"GET /plain/tunnel", "", talks, 101},
		{"GET /plain/tunnel", "", isLeft, 101},
		{"GET /impatient/tunnel", "", stays, 0}, // 101, and silence ends it; else likewise
	}
	exchange := func(k int) {
		kind := kinds[k]
		method, _, _ := strings.Cut(kind.request, " ")
		nc, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		c := newClient(t, nc)
		head := kind.request + " HTTP/1.1\r\nHost: a\r\n"
		if strings.HasSuffix(kind.request, "/tunnel") {
			head += "Connection: Upgrade\r\nUpgrade: echo\r\n"
		}
		if method == "POST" {
			length := len(kind.body)
			if kind.manner == stutters {
				length *= 2
			}
			head += fmt.Sprintf("Content-Length: %d\r\n", length)
		}
		io.WriteString(nc, head+"\r\n"+kind.body)
		if kind.manner == leavesAtOnce || kind.manner == stutters {
			return
		}
		r, err := http.ReadResponse(c.r, &http.Request{Method: method})
		if err != nil || r.StatusCode != kind.status && kind.status != 0 {
			t.Errorf("%s: %v %v, want %d", kind.request, r, err, kind.status)
			return
		}
		switch kind.manner {
		case stays:
			if r.StatusCode == http.StatusSwitchingProtocols {
				io.Copy(io.Discard, c.r)
			} else if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Errorf("%s: %v", kind.request, err)
			}
		case resets:
			nc.(*net.TCPConn).SetLinger(0)
		case talks, isLeft:
			io.WriteString(nc, "x")
			if b, err := c.r.ReadByte(); b != 'x' {
				t.Errorf("the echo is %q %v", b, err)
			}
			if kind.manner == isLeft {
				io.WriteString(nc, "q")
				io.Copy(io.Discard, c.r)
			}
		}
	}
	groups := []string{"plain", "impatient", "retried", "turns", "crowded"}
	over := func() bool {
		for _, name := range groups {
			state := s.group(name).State()
			for _, p := range state.Peers {
				if p.Connections != 0 || state.Waiting != 0 {
					return false
				}
			}
		}
		return s.connections() == 0 && peers.open.Load() == 0
	}
	round := func(times int) {
		// One holds the place that others queue for.
		holder := s.dial()
		holder.send("GET /crowded/begins HTTP/1.1\nHost: a\n\n")
		http.ReadResponse(holder.r, nil)
		var running sync.WaitGroup
		for range times {
			for k := range kinds {
				running.Go(func() { exchange(k) })
			}
		}
		running.Wait()
		holder.Close()
		if !eventually(over) {
			for _, name := range groups {
				t.Logf("%+v", s.group(name).State())
			}
			t.Fatalf("%d connections of clients, %d to peers are left\n%s", s.connections(), peers.open.Load(), strings.Join(exchanges(), "\n\n"))
		}
	}
	round(1) // what is made once is made
	before, files := len(working()), descriptors(t)
	round(12)
	if !eventually(func() bool { return len(working()) <= before }) {
		t.Errorf("%d goroutines, before %d\n%s", len(working()), before, strings.Join(working(), "\n\n"))
	}
	if !eventually(func() bool { return descriptors(t) <= files }) {
		t.Errorf("%d descriptors, before %d", descriptors(t), files)
	}
}

// working are the stacks of all goroutines but those that wait for connections:
// of these a loop keeps some (see maxFollowers).
func working() (stacks []string) {
	all := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if !strings.Contains(stack, "(*leader).run") || strings.Contains(stack, "(*leader).answer") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// More requests at a time than connections are kept: the next as many go over the
// connections of those before.
func TestConnectionsOfManyRequestsAtATime(t *testing.T) {
	const clients, rounds = 128, 10
	var dialled atomic.Int64
	arrived, answer := make(chan bool), make(chan bool)
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		dialled.Add(1)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			arrived <- true
			<-answer
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	s := start(t, proxyConfig("", peer)) // keepalive is 64
	var all []*client
	for range clients {
		all = append(all, s.dial())
	}
	for range rounds {
		for _, c := range all {
			c.send("GET / HTTP/1.1\nHost: a\n\n")
		}
		for range clients {
			<-arrived
		}
		for range clients {
			answer <- true
		}
		for _, c := range all {
			if r := c.receive("GET"); r.body != "ok" {
				t.Fatalf("got %d %q", r.StatusCode, r.body)
			}
		}
	}
	if n := dialled.Load(); n > clients*3/2 { // some may ask before the connection of another is free
		t.Errorf("%d connections for %d requests at a time", n, clients)
	} else {
		t.Logf("%d connections", n)
	}
}
