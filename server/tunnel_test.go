package server

import (
	"bufio"
	"crypto/tls"
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

// A filter that makes another answer of 101 has no tunnel behind it.
func TestTunnelThatAFilterRefuses(t *testing.T) {
	got := make(chan string, 3)
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nfrom the peer")
		rest, _ := io.ReadAll(r)
		got <- string(rest)
	})
	s := start(t, tunnelLogged+strings.Replace(proxyConfig("", peer), `match = "/"`, "match = \"/\"\nheader_filter = [\"probe\"]", 1))
	for do, want := range map[string]int{"p.header_filter:status:403": 403, "p.header_filter:panic": 500} {
		c := s.dial()
		c.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\nDo: " + do + "\n\nfrom the client")
		r := c.receive("GET")
		if r.StatusCode != want || strings.Contains(r.body, "peer") || r.Header.Get("Upgrade") != "" || !r.Close {
			t.Errorf("%s: %d %q %v", do, r.StatusCode, r.body, r.Header)
		}
		if rest := <-got; rest != "" {
			t.Errorf("%s: the peer has %q", do, rest)
		}
	}
}

// Each side of a tunnel may end before the other, over TLS as well.
func TestTunnelHalves(t *testing.T) {
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nall of mine")
		c.(*net.TCPConn).CloseWrite()
		text, err := io.ReadAll(r)
		if err != nil || string(text) != "early, late" {
			t.Errorf("the peer has %q, %v", text, err)
		}
	})
	s := startTLS(t, proxyConfig("", peer)+tlsTables)
	c := s.dialTLS()
	c.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\nearly")
	if r, err := http.ReadResponse(c.r, nil); err != nil || r.StatusCode != 101 {
		t.Fatal(r, err)
	}
	if text, err := io.ReadAll(c.r); err != nil || string(text) != "all of mine" {
		t.Errorf("the client has %q, %v", text, err)
	}
	c.send(", late")
	c.Conn.(*tls.Conn).CloseWrite()
	waitFor(t, "the tunnel to end", func() bool { return s.group("app").State().Peers[0].Connections == 0 })
	if g := s.group("app").State().Peers[0]; g.Failures != 0 {
		t.Errorf("the peer gets the blame: %+v", g)
	}
}
