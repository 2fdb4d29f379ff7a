package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/server/config"
	"phasm/server/upstream"
)

// patterned is a body in which every piece can be told from the others.
func patterned(size int) []byte {
	b := make([]byte, 0, size+8)
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%07d\n", i)
	}
	return b[:size]
}

// sizedPeer answers as many bytes as the path says, in chunks where the query
// wants that.
func sizedPeer(t testing.TB) string {
	return peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if r.URL.RawQuery == "" {
			w.Header().Set("Content-Length", fmt.Sprint(n))
		}
		w.Write(patterned(n))
	})
}

// piped is a client whose connection holds nothing: what it has not read the
// server has not got rid of.
func piped(t testing.TB, s *Server, target string) (net.Conn, *http.Response) {
	t.Helper()
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.ServeConn(theirs)
	}()
	t.Cleanup(func() {
		ours.Close()
		<-served
	})
	ours.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(ours, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target)
	r, err := http.ReadResponse(bufio.NewReader(ours), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ours, r
}

// serves is how many requests a peer serves.
func serves(s *Server) int {
	return s.generation.Load().upstreams["app"].State().Peers[0].Connections
}

// A peer is given back while its client has not yet taken all of the answer,
// if what is left of it fits the buffer. The rest stands all the same.
func TestSlowClientsDoNotHoldPeers(t *testing.T) {
	s := loaded(t, proxyConfig("", sizedPeer(t)))
	filtered := loaded(t, probes+strings.Replace(proxyConfig("", sizedPeer(t)), `match = "/"`, "match = \"/\"\nbody_filter = [\"a\"]", 1))
	for _, target := range []string{"/40000", "/40000?chunked", "/110000", "/110000?chunked"} {
		for name, s := range map[string]*Server{"plain": s, "filtered": filtered} {
			_, r := piped(t, s, target)
			begin := make([]byte, 50_000)
			n := 0
			if target[1] == '1' { // else it is stuck with the first piece
				n, _ = io.ReadFull(r.Body, begin)
			} else {
				n, _ = io.ReadFull(r.Body, begin[:20_000])
			}
			if !eventually(func() bool { return serves(s) == 0 }) {
				t.Errorf("%s, %s: the client has read %d bytes and then holds the peer", target, name, n)
			}
			rest, err := io.ReadAll(r.Body)
			want, _ := strconv.Atoi(strings.TrimSuffix(target[1:], "?chunked"))
			if got := append(begin[:n], rest...); err != nil || !bytes.Equal(got, patterned(want)) {
				t.Errorf("%s, %s: the client got %d bytes, %v", target, name, len(got), err)
			}
		}
	}
}

// Nor does a client of HTTP/2 whose window is full.
func TestSlowHTTP2ClientsDoNotHoldPeers(t *testing.T) {
	s := startTLS(t, proxyConfig("", sizedPeer(t)))
	c := s.http2Client()
	const window = 64 << 10
	c.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: window}
	const size = window + 64<<10
	r, err := c.Get(fmt.Sprint("https://", s.address, "/", size))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	waitFor(t, "the peer to be given back", func() bool { return serves(s.Server) == 0 })
	if got, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(got, patterned(size)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What fits the socket's buffers does not even need that.
func TestKernelTakesAnswers(t *testing.T) {
	s := start(t, proxyConfig("buffer = 0", sizedPeer(t)))
	c := s.dial()
	c.send("GET /100000 HTTP/1.1\nHost: a\n\n")
	waitFor(t, "the peer to be given back", func() bool {
		state := s.group("app").State().Peers[0]
		return state.Requests == 1 && state.Connections == 0
	})
	if r := c.receive("GET"); r.body != string(patterned(100_000)) {
		t.Errorf("%d bytes", len(r.body))
	}
}

// No more is read ahead than the buffer holds, and without one nothing.
func TestReadingAheadIsBounded(t *testing.T) {
	for _, size := range []int{0, 1000, 100_000} {
		source := bytes.NewReader(patterned(1 << 20))
		s := &passing{proxy: &proxy{config: &config.Upstream{Passing: config.Passing{Buffer: config.Size(size)}}}}
		s.ahead = newAhead(s)
		s.body.begin(&upstream.Conn{R: bufio.NewReaderSize(source, 16<<10)}, source.Size())
		var got []byte
		take := func() {
			piece, err := s.ahead.next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, piece...)
			s.ahead.discard(len(piece))
		}
		for len(got) < 100_000 {
			take()
		}
		if size > 0 {
			waitFor(t, "the buffer to be full", func() bool {
				s.ahead.mu.Lock()
				defer s.ahead.mu.Unlock()
				return s.ahead.held == size
			})
		}
		if read := int(source.Size()) - source.Len(); read > len(got)+size+16<<10 {
			t.Errorf("%d bytes were read for a client that has %d, with a buffer of %d", read, len(got), size)
		}
		for len(got) < int(source.Size()) {
			take()
		}
		if _, err := s.ahead.next(); err != io.EOF || !bytes.Equal(got, patterned(1<<20)) {
			t.Errorf("with a buffer of %d bytes the body is another, %v", size, err)
		}
		s.ahead.end()
	}
}

// What a peer has sent goes on at once, however much has been sent before, and
// whether it is read ahead or not.
func TestEventsGoOnAtOnce(t *testing.T) {
	heard := make(chan struct{})
	s := loaded(t, proxyConfig("", peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 100_000))
		for range 10 {
			io.WriteString(w, "event")
			w.(http.Flusher).Flush()
			select {
			case <-heard:
			case <-r.Context().Done():
				return
			}
		}
	})))
	for _, slow := range []bool{false, true} {
		_, r := piped(t, s, "/")
		io.CopyN(io.Discard, r.Body, 50_000)
		if slow {
			time.Sleep(2 * clientPatience)
		}
		io.CopyN(io.Discard, r.Body, 50_000)
		for range 10 {
			var event [5]byte
			if _, err := io.ReadFull(r.Body, event[:]); err != nil || string(event[:]) != "event" {
				t.Fatalf("slow client %v: %q, %v", slow, event, err)
			}
			heard <- struct{}{}
		}
		if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
			t.Errorf("slow client %v: %q, %v", slow, rest, err)
		}
	}
}

// Clients that are slow now and then, and some that go away, get what the peers
// have sent and leave nothing behind.
func TestManySlowClients(t *testing.T) {
	s := loaded(t, proxyConfig(`buffer = "20KiB"`, sizedPeer(t)))
	var clients sync.WaitGroup
	for i := range 60 {
		clients.Go(func() {
			size := 1 + rand.IntN(200_000)
			target := fmt.Sprint("/", size)
			if i%2 == 0 {
				target += "?chunked"
			}
			nc, r := piped(t, s, target)
			var got []byte
			for piece := make([]byte, 30_000); ; {
				n, err := r.Body.Read(piece[:1+rand.IntN(len(piece))])
				got = append(got, piece[:n]...)
				if err != nil {
					break
				}
				if rand.IntN(10) == 0 {
					time.Sleep(clientPatience * time.Duration(rand.IntN(3)) / 2)
				}
				if i%10 == 9 && rand.IntN(5) == 0 {
					nc.Close()
					return
				}
			}
			if !bytes.Equal(got, patterned(size)) {
				at := 0
				for want := patterned(size); at < len(got) && at < size && got[at] == want[at]; at++ {
				}
				t.Errorf("a client got %d bytes of %s, wrong from %d: %q", len(got), target, at, got[max(0, at-16):min(len(got), at+40)])
			}
		})
	}
	clients.Wait()
	waitFor(t, "the peer to be idle", func() bool { return serves(s) == 0 })
}

// A peer that fails while it is read ahead has failed for the client as well.
func TestPeerEndsEarlyWhileReadAhead(t *testing.T) {
	s := loaded(t, proxyConfig("", rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
		c.Write(patterned(100_000))
	})))
	_, r := piped(t, s, "/")
	io.CopyN(io.Discard, r.Body, 50_000)
	time.Sleep(2 * clientPatience) // or not: the outcome is the same
	if rest, err := io.ReadAll(r.Body); err == nil || len(rest) > 50_000 {
		t.Errorf("%d bytes more look whole, %v", len(rest), err)
	}
	if state := s.generation.Load().upstreams["app"].State().Peers[0]; state.Failures != 1 || state.Connections != 0 {
		t.Errorf("%+v", state)
	}
}
