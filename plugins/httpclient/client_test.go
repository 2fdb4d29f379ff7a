package httpclient

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"phasm/sdk/abi"
)

// resolver asks a name server of the test's, which answers each question for
// an IPv4 address by the function's, or not at all where that is nil.
func resolver(t testing.TB, answer func(name string) netip.Addr) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer != nil {
				server.WriteTo(reply(buf[:n], answer), from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// reply answers a question of the domain name system (RFC 1035, section 4).
func reply(question []byte, answer func(string) netip.Addr) []byte {
	var labels []string
	at := 12
	for question[at] != 0 {
		labels = append(labels, string(question[at+1:at+1+int(question[at])]))
		at += 1 + int(question[at])
	}
	kind := binary.BigEndian.Uint16(question[at+1:])
	out := append([]byte(nil), question[:at+5]...)
	copy(out[2:], []byte{0x84, 0, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer, of authority, to one question
	addr := answer(strings.Join(labels, "."))
	if want := map[bool]uint16{true: 1, false: 28}[addr.Is4()]; kind == want {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(addr.BitLen()/8))
		out = append(out, addr.AsSlice()...)
	}
	return out
}

// A name that is granted leads where its owner wants: not to this machine, and
// not to a cloud's metadata, however often it changes its mind.
func TestRebinding(t *testing.T) {
	var reached atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	addrs := []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "169.254.169.254", "fd00:ec2::254"}
	var asked atomic.Int32
	c := client(t, Options{Resolver: resolver(t, func(string) netip.Addr {
		return netip.MustParseAddr(addrs[int(asked.Load())%len(addrs)])
	})})
	for i, addr := range addrs {
		asked.Store(int32(i))
		do(t, c, get(t, "http://granted.example.:"+port)).wantError(t, abi.NotGranted, "granted.example leads to "+netip.MustParseAddr(addr).Unmap().String())
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the server was reached %d times", n)
	}
	// The same server is reached by its address and by localhost.
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]"} {
		if a := do(t, client(t, Options{}), get(t, "http://"+host+":"+port)); a.status != 200 {
			t.Errorf("%s: %+v", host, a)
		}
	}
}

// The grants are asked for each redirect.
func TestRedirects(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "other ", r.Header) })
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/user":
			http.Redirect(w, r, strings.Replace(s.URL, "//", "//user@", 1), http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/two":
			http.Redirect(w, r, "/one", http.StatusFound)
		case "/one":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/kept":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		default:
			body, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, " home ", string(body), r.Header["Referer"])
		}
	})
	c := client(t, Options{})
	for _, test := range []struct {
		path      string
		redirects int
		body      string
		errno     abi.Errno
		reason    string
	}{
		{"/one", 0, "", 0, ""},
		{"/one", 1, "GET home []", 0, ""},
		{"/two", 2, "GET home []", 0, ""},
		{"/kept", 1, "POST home sent[]", 0, ""},
		{"/two", 1, "", abi.IO, "more than 1 redirects"},
		{"/loop", 10, "", abi.IO, "more than 10 redirects"},
		{"/other", 10, "", abi.NotGranted, "a redirect to"},
		{"/metadata", 10, "", abi.NotGranted, `a redirect to "169.254.169.254"`},
		{"/file", 10, "", abi.NotGranted, "a redirect to"},
		{"/user", 10, "", abi.NotGranted, "a redirect to"},
	} {
		r := get(t, s.URL+test.path)
		r.Method, r.Body, r.Redirects = "POST", []byte("sent"), test.redirects
		a := do(t, c, r)
		a.wantError(t, test.errno, test.reason)
		switch {
		case test.redirects == 0:
			if a.status != 302 || a.header.Get("Location") != "/" {
				t.Errorf("unasked: %+v", a)
			}
		case a.body != test.body:
			t.Errorf("%s: %+v, want %s", test.path, a, test.body)
		}
	}
	// Where both are granted the credentials stay with the first.
	r := get(t, s.URL+"/other")
	more, _ := ParseGrants([]string{other.Listener.Addr().String(), "localhost:" + portOfServer(other)})
	r.Grants, r.Redirects = append(r.Grants, more...), 1
	r.AddHeader("Authorization", "secret")
	r.URL.Host = "localhost:" + portOfServer(s)
	r.Grants = append(r.Grants, must(ParseGrant(r.URL.Host)))
	if a := do(t, c, r); !strings.HasPrefix(a.body, "other") || strings.Contains(a.body, "secret") {
		t.Errorf("to another host: %+v", a)
	}
}

func portOfServer(s *httptest.Server) string {
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

func must(g Grant, err error) Grant {
	if err != nil {
		panic(err)
	}
	return g
}

// TLS is verified: the authority, the name and the time.
func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS.ServerName)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	clients := NewClients(Options{})
	t.Cleanup(clients.Close)
	get1 := func(file, host string) answer {
		c, err := clients.Get(file)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, c, get(t, "https://"+host+":"+portOfServer(s)))
	}
	get1("", "127.0.0.1").wantError(t, abi.IO, "certificate signed by unknown authority")
	if a := get1(file, "127.0.0.1"); a.body != "HTTP/2.0 " || a.errno != 0 {
		t.Errorf("trusted: %+v", a)
	}
	get1(file, "localhost").wantError(t, abi.IO, "not localhost") // the certificate is for example.com and 127.0.0.1
	// The client of a file stays the same as long as what is in it does.
	one, _ := clients.Get(file)
	if two, _ := clients.Get(file); one != two {
		t.Error("the same file makes two clients")
	}
	if other, _ := clients.Get(""); one == other {
		t.Error("a file makes the client of none")
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	t.Cleanup(old.Close)
	c, _ := clients.Get(file)
	do(t, c, get(t, "https://"+old.Listener.Addr().String())).wantError(t, abi.IO, "protocol version")
}

func TestBadAuthorities(t *testing.T) {
	clients := NewClients(Options{})
	t.Cleanup(clients.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := clients.Get(file); err == nil || !strings.Contains(err.Error(), "cannot read the certificates in") {
		t.Errorf("a file that is missing: %v", err)
	}
	if err := os.WriteFile(file, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Get(file); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("a file without one: %v", err)
	}
}

// Whatever the environment says.
func TestNoProxy(t *testing.T) {
	var proxied atomic.Bool
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { proxied.Store(true) })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	c := client(t, Options{Resolver: resolver(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })})
	do(t, c, get(t, "http://granted.example.")).wantError(t, abi.NotGranted, "")
	if proxied.Load() || c.transport.Proxy != nil {
		t.Error("the proxy was asked")
	}
}
