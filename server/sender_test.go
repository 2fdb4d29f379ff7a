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
