package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
)

// fronted is a listener whose clients are named by the proxies with these
// addresses.
func fronted(trusted string) string {
	return fmt.Sprintf("[server]\ntrusted_proxies = [%q]\n[listeners.main]\naddress = \"127.0.0.1:0\"\nproxy_protocol = true\n", trusted)
}

// startFronted serves a configuration on a listener behind proxies of this
// machine.
func startFronted(t *testing.T, text string) *testServer {
	t.Helper()
	return startFile(t, fronted("127.0.0.1")+text)
}

// proxyHeader is what a proxy sends for a client.
func proxyHeader(t *testing.T, version byte, client string) string {
	t.Helper()
	source := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(source.AddrPort().Addr(), 80))
	text, err := proxyproto.HeaderProxyFromAddrs(version, source, local).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// through opens a connection as a proxy does.
func (s *testServer) through(header string) *client {
	s.t.Helper()
	c := s.dial()
	if _, err := io.WriteString(c.Conn, header); err != nil {
		s.t.Fatal(err)
	}
	return c
}

const whoAmI = "GET /all HTTP/1.1\nHost: a\nDo: a.content:var:remote_addr a.content:var:remote_port\n\n"

func TestProxyProtocol(t *testing.T) {
	s := startFronted(t, probesInFile)
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	v2TLV := []byte(proxyHeader(t, 2, "198.51.100.7:1234"))
	v2TLV[15] += 4 // the length
	for name, test := range map[string]struct{ header, want string }{
		"version 1":              {proxyHeader(t, 1, "198.51.100.7:1234"), "198.51.100.7"},
		"version 1, IPv6":        {proxyHeader(t, 1, "[2001:db8::7]:1234"), "2001:db8::7"},
		"version 1, unknown":     {"PROXY UNKNOWN\r\n", "127.0.0.1"},
		"version 1, at length":   {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "127.0.0.1"},
		"version 2":              {proxyHeader(t, 2, "198.51.100.7:1234"), "198.51.100.7"},
		"version 2, IPv6":        {proxyHeader(t, 2, "[2001:db8::7]:1234"), "2001:db8::7"},
		"version 2, and more":    {string(v2TLV) + "\xe0\x00\x01x", "198.51.100.7"},
		"version 2, the proxy":   {v2 + "\x20\x00\x00\x00", "127.0.0.1"},
		"version 2, by a socket": {v2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216), "127.0.0.1"},
	} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, whole %v", name, whole), func(t *testing.T) {
				c := s.through("")
				if whole {
					io.WriteString(c.Conn, test.header+strings.ReplaceAll(whoAmI, "\n", "\r\n"))
				} else {
					for _, b := range []byte(test.header) {
						c.Conn.Write([]byte{b})
					}
					c.send(whoAmI)
				}
				port := "1234"
				if test.want == "127.0.0.1" {
					_, port, _ = net.SplitHostPort(c.LocalAddr().String())
				}
				for range 2 { // it holds for the connection
					if r := c.receive("GET"); r.body != "remote_addr="+test.want+"\nremote_port="+port+"\n" {
						t.Errorf("got %q", r.body)
					}
					c.send(whoAmI)
				}
			})
		}
	}
}

// Who sends no header, or none that can be understood, is not served.
func TestProxyProtocolRefused(t *testing.T) {
	s := startFronted(t, probesInFile)
	for name, test := range map[string]struct{ sent, why string }{
		"none":       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "signature not present"},
		"almost one": {"PROX / HTTP/1.1\r\nHost: a\r\n\r\n", "signature not present"},
		"no address": {"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n", "invalid address"},
		"no port":    {"PROXY TCP4 1.2.3.4 4.5.6.7 1 70000\r\n", "invalid port"},
		"another":    {"PROXY UDP4 1.2.3.4 4.5.6.7 1 2\r\n", "address family"},
		"bare end":   {"PROXY TCP4 1.2.3.4 4.5.6.7 1 2\n", "must end with"},
		"endless":    {"PROXY " + strings.Repeat("x", 200), "107 bytes or less"},
		"version 3":  {"\r\n\r\n\x00\r\nQUIT\n\x31\x11\x00\x00", "unsupported proxy protocol version"},
		"too short":  {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x03abc", "invalid length"},
		"too long":   {"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + strings.Repeat("\x00", 100), "invalid length"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			c := s.through(test.sent)
			if !c.closed() {
				t.Error("the connection is served")
			}
			s.await("closed a connection for want of a PROXY header from a trusted proxy", c.LocalAddr().String(), test.why)
		})
	}
	s.wantSample("phasm_proxy_headers_refused_total", "", 10)
	s.through("").Close() // as a proxy that looks whether anybody is there
	s.wantSample("phasm_connections", "", 0)
	s.wantSample("phasm_proxy_headers_refused_total", "", 10)
}

// Nobody but a trusted proxy may say who the client is.
func TestProxyProtocolUntrusted(t *testing.T) {
	s := startFile(t, fronted("192.0.2.0/24")+probesInFile)
	for _, sent := range []string{"PROXY TCP4 1.2.3.4 4.5.6.7 1 2\r\n", ""} {
		c := s.through(sent)
		if !c.closed() {
			t.Errorf("after %q the connection is served", sent)
		}
		s.await("closed a connection", c.LocalAddr().String(), "the address is not in server.trusted_proxies")
	}
}

// The client is whom the header names for limits, logs and peers as well.
func TestProxyProtocolEverywhere(t *testing.T) {
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Forwarded-For"])
	}))
	defer peer.Close()
	s := startFronted(t, proxyConfig("", peer.Listener.Addr().String())+
		"[server.limits]\nconnections_per_address = 1\n[server.access_log]\nfile = \"access.log\"\n")
	const request = "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 9.9.9.9\n\n"
	first := s.through(proxyHeader(t, 2, "198.51.100.7:1234"))
	first.send(request)
	if r := first.receive("GET"); r.body != "[198.51.100.7]" {
		t.Errorf("the peer sees %s", r.body)
	}
	second := s.through(proxyHeader(t, 2, "198.51.100.8:1234"))
	second.send(request)
	if r := second.receive("GET"); r.body != "[198.51.100.8]" {
		t.Errorf("another client has %s", r.body)
	}
	if third := s.through(proxyHeader(t, 2, "198.51.100.7:1235")); !third.closed() {
		t.Error("a second connection of the same client is served")
	}
	s.wantSample("phasm_connections_refused_total", "", 1)
	first.Close()
	s.wantSample("phasm_connections", "", 1)
	again := s.through(proxyHeader(t, 2, "198.51.100.7:1236"))
	again.send(request)
	if r := again.receive("GET"); r.StatusCode != 200 {
		t.Errorf("a client whose connection has ended gets %d", r.StatusCode)
	}
	// A trusted proxy behind the one that passes on bytes is believed.
	behind := s.through("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")
	behind.send("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 203.0.113.9\n\n")
	if r := behind.receive("GET"); r.body != "[203.0.113.9, 127.0.0.1]" {
		t.Errorf("behind two proxies the peer sees %s", r.body)
	}
	s.stop()
	text, err := os.ReadFile(filepath.Join(s.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"198.51.100.7", "198.51.100.8", "203.0.113.9"} {
		if !strings.Contains(string(text), `"`+client+`"`) {
			t.Errorf("the access log lacks %s:\n%s", client, text)
		}
	}
}

// frontedConn is a proxy's connection whose header goes out with what is sent
// first.
type frontedConn struct {
	net.Conn
	header string
}

func (c *frontedConn) Write(p []byte) (int, error) {
	header := c.header
	c.header = ""
	n, err := c.Conn.Write(append([]byte(header), p...))
	return n - len(header), err
}

// The header comes before TLS, in one piece with it or not.
func TestProxyProtocolBeforeTLS(t *testing.T) {
	s := startTLS(t, probesInFile+fronted("127.0.0.1")+`
tls = { certificates = ["first"] }
[certificates.first]
cert = "first.pem"
key = "first.key"
`)
	for _, whole := range []bool{true, false} {
		for _, protocol := range []string{"http/1.1", "h2"} {
			t.Run(fmt.Sprintf("%s, whole %v", protocol, whole), func(t *testing.T) {
				header := proxyHeader(t, 2, "198.51.100.7:1234")
				var nc net.Conn
				if whole {
					nc = &frontedConn{s.dial().Conn, header}
				} else {
					nc = s.through(header).Conn
				}
				config := s.clientConfig("first.example")
				config.NextProtos = []string{protocol}
				secure := tls.Client(nc, config)
				transport := &http.Transport{
					DialTLSContext:    func(context.Context, string, string) (net.Conn, error) { return secure, secure.Handshake() },
					ForceAttemptHTTP2: true,
				}
				defer transport.CloseIdleConnections()
				q, err := http.NewRequestWithContext(t.Context(), "GET", "https://first.example/all", nil)
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("Do", "a.content:var:remote_addr a.content:var:scheme")
				r, err := transport.RoundTrip(q)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				body, _ := io.ReadAll(r.Body)
				if string(body) != "remote_addr=198.51.100.7\nscheme=https\n" {
					t.Errorf("over %s got %q", r.Proto, body)
				}
			})
		}
	}
}

// A proxy that says nothing holds up nobody, and not for long.
func TestProxyProtocolTakesItsTime(t *testing.T) {
	s := startFronted(t, probesInFile+"[server.timeouts]\nheader = \"200ms\"\n")
	silent, slow := s.through(""), s.through("PROXY TCP4 ")
	other := s.through(proxyHeader(t, 1, "198.51.100.7:1234"))
	other.send(whoAmI)
	if r := other.receive("GET"); r.StatusCode != 200 {
		t.Errorf("another client gets %d", r.StatusCode)
	}
	for _, c := range []*client{silent, slow} {
		if !c.closed() {
			t.Error("the connection goes on")
		}
		s.await("closed a connection", c.LocalAddr().String(), "timeout")
	}
}

// A header that arrives while the server stops is read, and the request behind
// it served.
func TestProxyProtocolWhileStopping(t *testing.T) {
	s := startFronted(t, probesInFile)
	late := s.through("PROXY TCP4 ")
	waitFor(t, "the connection", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			return c.shaking.Load()
		}
		return false
	})
	stopped := s.stopping()
	late.send("198.51.100.7 127.0.0.1 1234 80\n" + whoAmI)
	if r := late.receive("GET"); !strings.HasPrefix(r.body, "remote_addr=198.51.100.7\n") {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
	late.Close()
	<-stopped
}

// A reload changes it for connections that are accepted later.
func TestReloadProxyProtocol(t *testing.T) {
	address := freeAddress(t)
	with := strings.Replace(fronted("127.0.0.1"), "127.0.0.1:0", address, 1) + answering("well")
	without := strings.Replace(with, "proxy_protocol = true", "", 1)
	s := startFile(t, without)
	if !answersAt(address) {
		t.Error("without the protocol there is no answer")
	}
	s.write(with)
	s.reload()
	if answersAt(address) {
		t.Error("who sends no header is served")
	}
	c := s.through(proxyHeader(t, 1, "198.51.100.7:1234"))
	if got := c.ask(); got != "well" {
		t.Errorf("a proxy gets %q", got)
	}
	s.write(without)
	s.reload()
	if got := c.ask(); got != "well" {
		t.Errorf("an open connection gets %q", got)
	}
	if !answersAt(address) {
		t.Error("without the protocol again there is no answer")
	}
}

// curl speaks the protocol as HAProxy does.
func TestProxyProtocolOfCurl(t *testing.T) {
	requireCommand(t, "curl")
	s := startFronted(t, probesInFile)
	out, err := exec.Command("curl", "-s", "--haproxy-protocol", "-H", "Do: a.content:var:remote_addr", "http://"+s.address+"/all").Output()
	if err != nil || string(out) != "remote_addr=127.0.0.1\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// fromProxy is a connection from a trusted proxy that sends some bytes and hangs
// up.
type fromProxy struct{ bytesConn }

func (c *fromProxy) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// FuzzProxyHeader sends any bytes as a proxy. Whatever they are, the server does
// not panic, and it answers only what comes behind a header.
func FuzzProxyHeader(f *testing.F) {
	s := loaded(f, fixedConfig+"[server]\ntrusted_proxies = [\"127.0.0.1\"]\n")
	const request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, seed := range []string{
		"", request, "PROXY UNKNOWN\r\n" + request, "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request,
		"PROXY TCP6 2001:db8::7 ::1 1 2\r\n" + request, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" + request,
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02" + request,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := &fromProxy{}
		c.in = bytes.NewReader(in)
		s.admit(c, true).serve()
		if n := s.metrics.panics.Get(); n != 0 {
			t.Fatalf("%d panics", n)
		}
		if c.out.Len() > 0 && !bytes.HasPrefix(in, proxyproto.SIGV1) && !bytes.HasPrefix(in, proxyproto.SIGV2) {
			t.Errorf("%q is answered %q", in, c.out.Bytes())
		}
	})
}
