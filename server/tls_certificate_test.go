package server

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/server/certificate/certificatetest"
)

// suppliedConfig has the example supply certificates, with the first one of
// tlsTables beside it or without.
func suppliedConfig(t *testing.T, certificates string) string {
	t.Helper()
	example, err := filepath.Abs(filepath.Join("..", "wasm-examples", "certificate-by-sni"))
	if err != nil {
		t.Fatal(err)
	}
	tables := strings.Replace(tlsTables, `tls = { certificates = ["first", "wild"] }`, `tls = { plugin = "sni"`+certificates+` }`, 1)
	return tables + `
[plugins.sni]
source = "` + example + `"
config = { token = "secret" }
grants.zones = ["certificates"]
[zones.certificates]
size = "1MiB"
[listeners.plain]
address = "127.0.0.1:0"
[routes.certificates]
match = "/certificates/{name}"
content = "sni"
[routes.home]
match = "/{$}"
respond = { body = "home" }
`
}

// put gives the example a certificate for a name.
func (s *tlsServer) put(name string, pem []byte) {
	s.t.Helper()
	r, err := http.NewRequest("PUT", "http://"+s.Addresses()[1].String()+"/certificates/"+name, strings.NewReader(string(pem)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 204 {
		s.t.Fatalf("the example answers %d", answer.StatusCode)
	}
}

func pemOf(t *testing.T, a *certificatetest.Authority, names ...string) []byte {
	cert, key := a.Issue(t, names...)
	return append(cert, key...)
}

// A plugin supplies the certificates for names that the listener's own are not
// for, over a reload as well.
func TestTLSCertificateOfAPlugin(t *testing.T) {
	t.Cleanup(closeIdleConnections)
	s := startTLS(t, suppliedConfig(t, `, certificates = ["first"]`))
	s.put("shop.example", pemOf(t, s.authority, "shop.example"))
	s.put("*.tenants.example", pemOf(t, s.authority, "*.tenants.example"))
	s.put("broken.example", []byte("BEGIN CERTIFICATE and PRIVATE KEY"))
	s.put("first.example", pemOf(t, s.authority, "usurper.example"))
	check := func() {
		t.Helper()
		for name, want := range map[string]string{
			"shop.example": "shop.example", "SHOP.example": "shop.example", "a.tenants.example": "*.tenants.example",
			"first.example": "first.example", "unknown.example": "first.example", "broken.example": "first.example", "": "first.example",
		} {
			if got := s.names(name); got != want {
				t.Errorf("%q is shown the certificate of %s", name, got)
			}
		}
	}
	check()
	s.await("bad argument", "server_name=broken.example")
	old := s.generation.Load().protection("main")
	s.reload()
	check()
	// A handshake that was about to ask the old generation's plugin.
	waitFor(t, "the old generation to end", func() bool { return s.metrics.generations.Load() == 1 })
	clear(old.supply.kept)
	if got := old.supplied(&tls.ClientHelloInfo{ServerName: "shop.example"}); got == nil || got.Leaf.DNSNames[0] != "shop.example" {
		t.Errorf("the old generation's plugin was asked: %v", got)
	}
}

// Where there is no certificate at all the handshake fails. That a name is
// unknown is not for long.
func TestTLSCertificateOfNobody(t *testing.T) {
	t.Cleanup(closeIdleConnections)
	s := startTLS(t, suppliedConfig(t, ""))
	if c, err := tls.Dial("tcp", s.address, s.clientConfig("shop.example")); err == nil {
		t.Error("the handshake went well")
		c.Close()
	}
	s.put("shop.example", pemOf(t, s.authority, "shop.example"))
	supply := s.generation.Load().protection("main").supply
	supply.mu.Lock()
	one := supply.kept["shop.example"]
	if left := time.Until(one.until); left > keepNothing {
		t.Errorf("it is kept for %s", left)
	}
	one.until = time.Now()
	supply.mu.Unlock()
	if got := s.names("shop.example"); got != "shop.example" {
		t.Errorf("got %q", got)
	}
}

// A certificate that a plugin supplies is kept no longer than it is valid.
func TestTLSCertificateThatExpires(t *testing.T) {
	t.Cleanup(closeIdleConnections)
	s := startTLS(t, suppliedConfig(t, ""))
	supply := s.generation.Load().protection("main").supply
	for name, valid := range map[string]time.Duration{"long.example": time.Hour, "short.example": time.Minute, "past.example": -time.Minute} {
		cert, key := s.authority.IssueUntil(t, time.Now().Add(valid), name)
		s.put(name, append(cert, key...))
		if got, err := supply.get(name); got == nil || err != nil {
			t.Fatal(name, got, err)
		}
		want := max(keepNothing, min(keepSupplied, valid))
		if left := time.Until(supply.kept[name].until); left > want || left < want-5*time.Second {
			t.Errorf("%s is kept for %s, want %s", name, left, want)
		}
	}
}

// However many names clients ask for, what is kept of them is bounded, and a
// plugin is asked once for those who ask at the same time.
func TestTLSCertificatesAreBounded(t *testing.T) {
	t.Cleanup(closeIdleConnections)
	s := startTLS(t, suppliedConfig(t, ""))
	supply := s.generation.Load().protection("main").supply
	var asking sync.WaitGroup
	for worker := range 4 {
		asking.Go(func() {
			for n := range maxSupplied / 2 {
				if got, err := supply.get(fmt.Sprintf("%d.%d.example", worker, n)); got != nil || err != nil {
					t.Errorf("got %v, %v", got, err)
				}
				supply.get("all.example")
			}
		})
	}
	asking.Wait()
	if len(supply.kept) > maxSupplied {
		t.Errorf("%d names are kept", len(supply.kept))
	}
}

// What can be no host's name no plugin is asked for, and nothing is kept of it.
func TestTLSNamesThatAreNone(t *testing.T) {
	t.Cleanup(closeIdleConnections)
	s := startTLS(t, suppliedConfig(t, `, certificates = ["first"]`))
	p := s.generation.Load().protection("main")
	for _, name := range []string{strings.Repeat("a.", 20000) + "example", "a..example", ".example", "a example", "a\nb.example", "*.example", "b\xfccher.example", "../x"} {
		chosen, err := p.certificate(&tls.ClientHelloInfo{ServerName: name})
		if err != nil || chosen.Leaf.DNSNames[0] != "first.example" {
			t.Errorf("%.20q: %v", name, err)
		}
		if n := len(p.supply.kept); n != 0 {
			t.Fatalf("%.20q: %d names are kept", name, n)
		}
	}
}

// A plugin that does not supply certificates cannot be named for them.
func TestTLSCertificateOfAnotherPlugin(t *testing.T) {
	s := startTLS(t, probesInFile)
	s.write(probesInFile + strings.Replace(tlsTables, `"wild"] }`, `"wild"], plugin = "a" }`, 1))
	err := s.Reload(t.Context())
	if want := `listeners.main.tls.plugin: plugin "a" does not handle tls_certificate: `; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
