package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// certificate makes a certificate that is its own authority, and its key.
func certificate(t testing.TB) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"redis.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func TestTLS(t *testing.T) {
	cert, key := certificate(t)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	server := redistest.StartTLS(t, certFile, keyFile)
	other, _ := certificate(t)
	const any = "any error" // the server says which, or resets the connection
	for _, test := range []struct {
		name string
		tls  *TLS
		err  string
	}{
		{"by address", &TLS{CA: cert, Cert: cert, Key: key}, ""},
		{"by name", &TLS{CA: cert, Cert: cert, Key: key, ServerName: "redis.test"}, ""},
		{"wrong name", &TLS{CA: cert, Cert: cert, Key: key, ServerName: "other.test"}, "not other.test"},
		{"unknown authority", &TLS{CA: other, Cert: cert, Key: key}, "x509"},
		{"the system's authorities", &TLS{Cert: cert, Key: key}, "x509"},
		{"no certificate", &TLS{CA: cert}, any},
		{"no TLS", nil, ""},
	} {
		c := client(t, Options{Addresses: []string{server.Address}, TLS: test.tls, Timeout: 5 * time.Second})
		got, err := do(c, "SET", "k", "v")
		switch {
		case test.tls == nil:
			if err == nil {
				t.Errorf("%s: it answers %s", test.name, got)
			}
		case test.err == "":
			if err != nil || got != `"OK"` {
				t.Errorf("%s: got %s, %v", test.name, got, err)
			}
		case err == nil || test.err != any && !strings.Contains(err.Error(), test.err):
			t.Errorf("%s: got %s, %v; want an error with %q", test.name, got, err, test.err)
		}
	}
	for _, bad := range []TLS{{CA: []byte("x")}, {Cert: cert}, {Key: key}, {Cert: []byte("x"), Key: key}} {
		if _, err := New(Options{Addresses: []string{server.Address}, TLS: &bad}); err == nil {
			t.Errorf("it takes %q", bad)
		}
	}
}
