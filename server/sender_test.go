package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A peer is not late while the client still sends.
func TestSlowUploadsAreNotThePeersFault(t *testing.T) {
	s := start(t, proxyConfig("read_timeout = \"200ms\"", peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})))
	c := s.dial()
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 10\n\n")
	go trickle(c.Conn, "0123456789", 60*time.Millisecond, t.Context().Done())
	if r := c.receive("POST"); r.StatusCode != 200 || r.body != "10" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
	if g := s.group("app").State().Peers[0]; g.Failures != 0 {
		t.Errorf("the peer gets the blame: %+v", g)
	}
}

// A connection on which a request has not been sent to its end is not used for
// another, which the peer would take for the rest.
func TestHalfSentRequestsEndTheConnection(t *testing.T) {
	const size = 16 << 20
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if request.Method == "POST" {
				time.Sleep(400 * time.Millisecond) // longer than send_timeout
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			io.Copy(io.Discard, request.Body)
		}
	})
	s := start(t, "[server.limits]\nbody = \"1GiB\"\n"+proxyConfig("send_timeout = \"100ms\"\nread_timeout = \"1s\"", peer))
	c := s.dial()
	c.send(fmt.Sprintf("POST / HTTP/1.1\nHost: a\nContent-Length: %d\n\n", size))
	go io.WriteString(c.Conn, strings.Repeat("x", size))
	if r := c.receive("POST"); r.StatusCode != 200 || r.body != "ok" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
	if r := s.do("GET", "/"); r.StatusCode != 200 || r.body != "ok" {
		t.Errorf("the next: %d %q", r.StatusCode, r.body)
	}
}
