package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"phasm/server/upstream"
)

// network is a way to a peer, with that toxic, or a good one where there is
// none. It answers the address that leads there.
func network(t *testing.T, peer, toxic string) (address string) {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", strings.TrimPrefix(peer, "http://"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if toxic != "" {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
	return p.Listen
}

// moveTo has the upstream app lead to that address and nowhere else.
func (s *testServer) moveTo(address string) {
	s.t.Helper()
	group := s.group("app")
	old := group.State().Peers[0].Peer
	if err := errors.Join(group.Add(address, upstream.Change{}), group.Remove(old)); err != nil {
		s.t.Fatal(err)
	}
}

// What a bad network does to requests: the right status in time, nothing left
// behind, and all is well once the network is.
func TestProxyOverBadNetworks(t *testing.T) {
	const size = 256 << 10
	body := strings.Repeat("x", size)
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.WriteString(w, body)
	})
	s := start(t, proxyConfig("read_timeout = \"200ms\"\nconnect_timeout = \"200ms\"\nmax_fails = 0", network(t, peer, "")))
	ask := func(method string) (status int, whole bool) {
		c := s.dial()
		defer c.Close()
		c.send(method + " / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 5\n\nhello")
		r, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		return r.StatusCode, err == nil && (len(got) == size || r.StatusCode != 200)
	}
	settled := func() bool {
		g := s.group("app").State().Peers[0]
		return g.Connections == 0
	}
	if status, whole := ask("GET"); status != 200 || !whole {
		t.Fatal(status, whole)
	}
	for _, test := range []struct {
		name, toxic string
		status      int
		whole       bool
	}{
		{"reset", `{"name": "t", "type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}`, 502, true},
		{"hang", `{"name": "t", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`, 504, true},
		{"end without an answer", `{"name": "t", "type": "limit_data", "stream": "downstream", "attributes": {"bytes": 0}}`, 502, true},
		{"end in the head", `{"name": "t", "type": "limit_data", "stream": "downstream", "attributes": {"bytes": 20}}`, 502, true},
		{"end in the body", `{"name": "t", "type": "limit_data", "stream": "downstream", "attributes": {"bytes": 5000}}`, 200, false},
		{"late", `{"name": "t", "type": "latency", "stream": "downstream", "attributes": {"latency": 50}}`, 200, true},
		{"too late", `{"name": "t", "type": "latency", "stream": "downstream", "attributes": {"latency": 1000}}`, 504, true},
		{"slow", `{"name": "t", "type": "bandwidth", "stream": "downstream", "attributes": {"rate": 1000}}`, 200, true},
		{"in pieces", `{"name": "t", "type": "slicer", "stream": "downstream", "attributes": {"average_size": 5000, "size_variation": 100, "delay": 1}}`, 200, true},
	} {
		s.moveTo(network(t, peer, test.toxic))
		for _, method := range []string{"GET", "POST"} {
			if status, whole := ask(method); status != test.status || whole != test.whole {
				t.Errorf("%s, %s: status %d, whole: %v", test.name, method, status, whole)
			}
		}
		s.moveTo(network(t, peer, ""))
		if status, whole := ask("POST"); status != 200 || !whole {
			t.Errorf("after %s: status %d, whole: %v", test.name, status, whole)
		}
		waitFor(t, "the peer to be idle", settled)
	}
	s.moveTo(closedAddress(t)) // nobody is there
	if status, _ := ask("GET"); status != 502 {
		t.Errorf("without a peer: %d", status)
	}
	if !eventually(func() bool { return len(exchanges()) == 0 }) {
		t.Errorf("goroutines are left:\n%s", strings.Join(exchanges(), "\n\n"))
	}
}

// exchanges are the stacks of the goroutines that serve exchanges.
func exchanges() (stacks []string) {
	all := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, "(*conn).serve") || strings.Contains(stack, "(*sender).run") || strings.Contains(stack, "(*tunnel).copy") || strings.Contains(stack, "(*ahead).readOn") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// A name that leads nowhere is no peer.
func TestProxyToUnknownName(t *testing.T) {
	s := start(t, proxyConfig("", "no-such-name.invalid:80"))
	if r := s.do("GET", "/"); r.StatusCode != 502 {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
}

// Large bodies pass through in little memory, in both directions, however slow
// the one who receives.
func TestLargeBodiesInLittleMemory(t *testing.T) {
	const size, most = 1 << 30, 32 << 20
	piece := make([]byte, 64<<10)
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Got", fmt.Sprint(n))
		w.Header().Set("Content-Length", fmt.Sprint(size))
		for range size / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	s := start(t, "[server.limits]\nbody = \"2GiB\"\n"+proxyConfig("", peer))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := http.NewRequest("POST", "http://"+s.address+"/", io.LimitReader(endless{}, size))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = size
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	time.Sleep(50 * time.Millisecond) // the peer would get far ahead, if it could
	n, err := io.Copy(io.Discard, answer.Body)
	if answer.Header.Get("Got") != fmt.Sprint(size) || n != size || err != nil {
		t.Errorf("the peer got %s bytes, the client %d, %v", answer.Header.Get("Got"), n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys) - int64(before.Sys); grown > most {
		t.Errorf("the process has grown by %d MiB", grown>>20)
	}
	closeIdleConnections()
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
