package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phasm/server/certificate/certificatetest"
	"phasm/server/config"
)

// tlsTables protect the listener with certificates of tlsServer's directory.
const tlsTables = `
[certificates.first]
cert = "first.pem"
key = "first.key"
[certificates.wild]
cert = "wild.pem"
key = "wild.key"
ocsp = "wild.ocsp"
[listeners.main]
address = "127.0.0.1:0"
tls = { certificates = ["first", "wild"] }
`

var staple = []byte{0x30, 3, 2, 1, 7}

// probesInFile is walkConfig for a file in another directory than testdata.
var probesInFile = strings.NewReplacer(`source = "probe"`, `source = "TESTDATA/probe"`, `static = "www"`, `static = "TESTDATA/www"`).Replace(walkConfig)

// tlsServer is a running server whose listener has TLS.
type tlsServer struct {
	*testServer
	authority *certificatetest.Authority
}

// startTLS serves a configuration that may use the certificates of tlsTables,
// which are added where it has no listener.
func startTLS(t *testing.T, text string) *tlsServer {
	t.Helper()
	dir, authority := t.TempDir(), certificatetest.New(t)
	authority.Write(t, dir, "first", "first.example", "127.0.0.1")
	authority.Write(t, dir, "wild", "*.example.com", "example.com")
	certificatetest.WriteFile(t, dir, "wild.ocsp", staple)
	certificatetest.WriteFile(t, dir, "authority.pem", authority.PEM())
	if !strings.Contains(text, "[listeners.main]") {
		text += tlsTables
	}
	writeConfig(t, dir, text)
	return &tlsServer{startFileIn(t, dir), authority}
}

// clientConfig is that of a client that asks for a name, and trusts the
// authority.
func (s *tlsServer) clientConfig(name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: s.authority.Pool()}
}

// secure opens a connection.
func (s *tlsServer) secure(c *tls.Config) (*client, tls.ConnectionState) {
	s.t.Helper()
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", s.address, c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return newClient(s.t, nc), nc.ConnectionState()
}

// names are those in the certificate that a client is shown which asks for a
// name.
func (s *tlsServer) names(name string) string {
	s.t.Helper()
	config := s.clientConfig(name)
	config.InsecureSkipVerify = true // the default one is not for the name
	c, state := s.secure(config)
	defer c.Close()
	return strings.Join(state.PeerCertificates[0].DNSNames, " ")
}

func TestTLSChoosesTheCertificate(t *testing.T) {
	s := startTLS(t, fixedConfig)
	for name, want := range map[string]string{
		"first.example": "first.example", "www.example.com": "*.example.com example.com", "EXAMPLE.com": "*.example.com example.com",
		"a.b.example.com": "first.example", "other.example": "first.example", "": "first.example",
	} {
		if got := s.names(name); got != want {
			t.Errorf("%q is shown the certificate of %s", name, got)
		}
	}
	c, state := s.secure(s.clientConfig("www.example.com"))
	if string(state.OCSPResponse) != string(staple) {
		t.Errorf("the stapled response is %x", state.OCSPResponse)
	}
	c.send("GET /hello HTTP/1.1\nHost: www.example.com\n\n")
	if r := c.receive("GET"); r.body != "hello\n" {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
}

func TestTLSVersions(t *testing.T) {
	s := startTLS(t, fixedConfig)
	for version, good := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := s.clientConfig("first.example")
		config.MinVersion, config.MaxVersion = version, version
		c, err := tls.Dial("tcp", s.address, config)
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	config := s.clientConfig("first.example")
	config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	if c, err := tls.Dial("tcp", s.address, config); err == nil {
		t.Error("a suite without authentication of its own was accepted")
		c.Close()
	}
	waitFor(t, "the failures to be counted", func() bool {
		return strings.Contains(s.adminGet("/metrics"), "phasm_tls_handshakes_failed_total 2\n")
	})
}

// Plugins see that the connection is protected, and who the client is.
func TestTLSVariables(t *testing.T) {
	s := startTLS(t, probesInFile+strings.Replace(tlsTables, `"wild"] }`, `"wild"], client_ca = "authority.pem", client_auth = "optional" }`, 1))
	const request = "GET /all HTTP/1.1\nHost: a\nDo: a.content:var:scheme a.content:var:ssl_protocol a.content:var:ssl_server_name a.content:var:ssl_client_verify a.content:var:ssl_client_s_dn\n\n"
	c, _ := s.secure(s.clientConfig("www.example.com"))
	c.send(request)
	want := "scheme=https\nssl_protocol=TLSv1.3\nssl_server_name=www.example.com\nssl_client_verify=NONE\nssl_client_s_dn=\n"
	if r := c.receive("GET"); r.body != want {
		t.Errorf("got %q", r.body)
	}
	cert, key := s.authority.Issue(t, "alice")
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	config := s.clientConfig("first.example")
	config.Certificates = []tls.Certificate{own}
	config.MaxVersion = tls.VersionTLS12
	c, _ = s.secure(config)
	c.send(request)
	want = "scheme=https\nssl_protocol=TLSv1.2\nssl_server_name=first.example\nssl_client_verify=SUCCESS\nssl_client_s_dn=CN=alice\n"
	if r := c.receive("GET"); r.body != want {
		t.Errorf("got %q", r.body)
	}
}

// A client must show a certificate of the authority, where one is asked for.
func TestTLSClientCertificates(t *testing.T) {
	tables := func(auth string) string {
		return fixedConfig + strings.Replace(tlsTables, `"wild"] }`, `"wild"], client_ca = "authority.pem"`+auth+` }`, 1)
	}
	s := startTLS(t, tables(""))
	own := func(a *certificatetest.Authority) *tls.Certificate {
		cert, key := a.Issue(t, "alice")
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return &pair
	}
	good, bad := own(s.authority), own(certificatetest.New(t))
	served := func(certificate *tls.Certificate) bool {
		config := s.clientConfig("first.example")
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if certificate == nil {
				return &tls.Certificate{}, nil
			}
			return certificate, nil
		}
		c, _ := s.secure(config)
		defer c.Close()
		io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
		r, err := http.ReadResponse(c.r, nil)
		return err == nil && r.StatusCode == 200
	}
	if !served(good) || served(nil) || served(bad) {
		t.Errorf("required: a good one %v, none %v, a bad one %v", served(good), served(nil), served(bad))
	}
	s.write(tables(`, client_auth = "optional"`))
	s.reload()
	if !served(good) || !served(nil) || served(bad) {
		t.Errorf("optional: a good one %v, none %v, a bad one %v", served(good), served(nil), served(bad))
	}
}

// Sessions are resumed, over a reload as well.
func TestTLSResumption(t *testing.T) {
	s := startTLS(t, fixedConfig)
	config := s.clientConfig("first.example")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, want := range []bool{false, true, true} {
		if i == 2 {
			s.reload()
		}
		c, state := s.secure(config)
		c.send("GET /hello HTTP/1.1\nHost: a\n\n") // the tickets come with the response
		c.receive("GET")
		c.Close()
		if state.DidResume != want {
			t.Errorf("connection %d: resumed %v", i, state.DidResume)
		}
	}
}

// Files that have changed are taken up by a look, or by a reload; those that are
// no good are not, and the log says why.
func TestTLSTakesUpCertificates(t *testing.T) {
	s := startTLS(t, fixedConfig)
	s.authority.Write(t, s.dir, "first", "second.example")
	s.generation.Load().refreshCertificates()
	if got := s.names(""); got != "second.example" {
		t.Errorf("after a look it is %s", got)
	}
	certificatetest.WriteFile(t, s.dir, "first.pem", []byte("nonsense"))
	s.generation.Load().refreshCertificates()
	s.await("the one in use stays", "certificates.first.cert: there is no certificate in PEM form")
	err := s.Reload(t.Context())
	var several *config.Error
	if !errors.As(err, &several) || !strings.Contains(err.Error(), "certificates.first.cert: there is no certificate in PEM form") || several.Problems[0].Line == 0 {
		t.Errorf("the reload says %v", err)
	}
	if got := s.names(""); got != "second.example" {
		t.Errorf("after a bad file it is %s", got)
	}
	s.authority.Write(t, s.dir, "first", "third.example")
	s.reload()
	if got := s.names(""); got != "third.example" {
		t.Errorf("after a reload it is %s", got)
	}
}

// A listener becomes protected, and plain again, by a reload.
func TestTLSComesAndGoes(t *testing.T) {
	plain := fixedConfig + "[listeners.main]\naddress = \"127.0.0.1:0\"\n"
	s := startTLS(t, plain)
	if got := s.get("/hello"); got != "hello\n" {
		t.Errorf("plain: %q", got)
	}
	s.write(fixedConfig + tlsTables)
	s.reload()
	if got := s.names(""); got != "first.example" {
		t.Errorf("protected: %q", got)
	}
	s.write(plain)
	s.reload()
	if got := s.get("/hello"); got != "hello\n" {
		t.Errorf("plain again: %q", got)
	}
}

// All that is wrong with certificates is reported, at its line; what is only
// stale is logged.
func TestTLSProblems(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	authority.Write(t, dir, "first", "first.example")
	authority.Write(t, dir, "wild", "example.com")
	cert, key := authority.IssueUntil(t, time.Now().Add(-time.Minute), "old.example")
	certificatetest.WriteFile(t, dir, "old.pem", cert)
	certificatetest.WriteFile(t, dir, "old.key", key)
	load := func(text string) error {
		writeConfig(t, dir, text+fixedConfig)
		c, err := config.Load(filepath.Join(dir, "config.toml"))
		if err != nil {
			return err
		}
		s, err := New(t.Context(), c, Options{Cache: testCache()})
		if err == nil {
			s.Close()
		}
		return err
	}
	err := load(`[certificates.a]
cert = "first.pem"
key = "wild.key"
[certificates.b]
cert = "first.key"
key = "first.key"
[listeners.main]
address = "127.0.0.1:0"
tls = { certificates = ["a", "b"] }
`)
	for _, want := range []string{
		"config.toml:3: certificates.a.key: private key does not match public key",
		"config.toml:5: certificates.b.cert: there is no certificate in PEM form",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing from %v", want, err)
		}
	}
	err = load(`[certificates.a]
cert = "old.pem"
key = "old.key"
[listeners.main]
address = "127.0.0.1:0"
[listeners.main.tls]
certificates = ["a"]
client_ca = "old.key"
`)
	if want := "config.toml:8: listeners.main.tls.client_ca: the file has no certificate in PEM form"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q is missing from %v", want, err)
	}
	logged, err := os.ReadFile(filepath.Join(dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "config.toml:2: certificates.a.cert: the certificate has expired on "; !strings.Contains(string(logged), want) {
		t.Errorf("%q is not in the log:\n%s", want, logged)
	}
}

// A client that says nothing holds up nobody, and not for long.
func TestTLSHandshakeTakesItsTime(t *testing.T) {
	s := startTLS(t, fixedConfig+"[server.timeouts]\nheader = \"200ms\"\n")
	silent := s.dial()
	if got := s.names(""); got != "first.example" {
		t.Errorf("another client is shown %s", got)
	}
	begun := time.Now()
	if !silent.closed() {
		t.Error("the connection goes on")
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the handshake was given %s", took)
	}
}

// A handshake that runs while the server stops gets its time, and no more.
func TestTLSStopsDuringAHandshake(t *testing.T) {
	s := startTLS(t, fixedConfig)
	late := s.dial()
	silent := s.dial()
	waitFor(t, "the handshakes to begin", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		shaking := 0
		for c := range s.conns {
			if c.shaking.Load() {
				shaking++
			}
		}
		return shaking == 2
	})
	stopped := s.stopping()
	protected := tls.Client(late.Conn, s.clientConfig("first.example"))
	if err := protected.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, protected)
	c.send("GET /hello HTTP/1.1\nHost: a\n\n")
	if r := c.receive("GET"); r.body != "hello\n" || !r.Close {
		t.Errorf("got %d %q, close %v", r.StatusCode, r.body, r.Close)
	}
	if !silent.closed() {
		t.Error("the silent one goes on")
	}
	<-stopped
}

// Who speaks HTTP to a TLS listener is told.
func TestTLSToldPlainly(t *testing.T) {
	s := startTLS(t, fixedConfig)
	c := s.dial()
	c.send("GET /hello HTTP/1.1\nHost: a\n\n")
	if r := c.receive("GET"); r.StatusCode != 400 || !strings.Contains(r.body, "https://") {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
}

// A client that has ended TLS in good order is gone, though it has sent bytes
// to say so.
func TestTLSClientGone(t *testing.T) {
	s := startTLS(t, probesInFile)
	c, _ := s.secure(s.clientConfig("first.example"))
	c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:60000\n\n")
	c.r.Peek(1)
	c.Close()
	s.await("sleep: closed", "plugin=a")
}

// The header that tells browsers to come back by TLS only stands on every
// answer, errors included.
func TestTLSStrictTransport(t *testing.T) {
	example, err := filepath.Abs(filepath.Join("..", "wasm-examples", "security-headers"))
	if err != nil {
		t.Fatal(err)
	}
	s := startTLS(t, fixedConfig+"[plugins.security]\nsource = \""+example+"\"\n[server.phases]\nheader_filter = [\"security\"]\n")
	c, _ := s.secure(s.clientConfig("first.example"))
	for _, target := range []string{"/hello", "/none"} {
		c.send("GET " + target + " HTTP/1.1\nHost: a\n\n")
		if got := c.receive("GET").Header.Get("Strict-Transport-Security"); got != "max-age=63072000" {
			t.Errorf("%s: %q", target, got)
		}
	}
}

// Large responses and bodies go through whole.
func TestTLSBodies(t *testing.T) {
	s := startTLS(t, probesInFile)
	c, _ := s.secure(s.clientConfig("first.example"))
	body := strings.Repeat("b", 300<<10)
	c.send("POST /all HTTP/1.1\nHost: a\nDo: a.content:body a.content:writes:700000\nContent-Length: 307200\n\n" + body)
	if r := c.receive("POST"); len(r.body) < 700000 || !strings.HasPrefix(r.body, "a read 307200: bbb") {
		t.Errorf("got %d, %d bytes: %.100q", r.StatusCode, len(r.body), r.body)
	}
}
