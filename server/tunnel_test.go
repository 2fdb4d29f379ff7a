package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

const tunnelLogged = trailerPlugin + "[routes.fixed]\nmatch = \"/fixed\"\nrespond = {body = \"well\"}\n"

// A tunnel that has broken has its descriptor until its exchange has ended: the
// connection that gets that next is not taken out of its loop.
func TestBrokenTunnelKeepsItsDescriptor(t *testing.T) {
	const many = 8
	reset := make(chan struct{})
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		<-reset
		c.(*net.TCPConn).SetLinger(0)
	})
	s := start(t, tunnelLogged+strings.Replace(proxyConfig("", peer), `match = "/"`, "match = \"/\"\nlog = [\"probe\"]", 1))
	var tunnels []*client
	for range many {
		c := s.dial()
		c.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\nDo: p.log:sleep:500\n\n")
		if r, err := http.ReadResponse(c.r, nil); err != nil || r.StatusCode != 101 {
			t.Fatal(r, err)
		}
		tunnels = append(tunnels, c)
	}
	close(reset)
	for _, c := range tunnels {
		if !c.closed() {
			t.Error("the tunnel goes on")
		}
	}
	var others []*client
	ask := func(c *client) {
		c.send("GET /fixed HTTP/1.1\nHost: a\n\n")
		if r := c.receive("GET"); r.body != "well" {
			t.Errorf("got %d %q", r.StatusCode, r.body)
		}
	}
	for range many {
		c := s.dial()
		ask(c)
		others = append(others, c)
	}
	waitFor(t, "the tunnels' exchanges to end", func() bool { return s.connections() == many })
	for _, c := range others {
		ask(c)
	}
}
