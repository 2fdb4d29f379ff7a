package redis

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
	"phasm/server/certificate/certificatetest"
)

func TestTLS(t *testing.T) {
	authority, dir := certificatetest.New(t), t.TempDir()
	ca, other := authority.PEM(), certificatetest.New(t).PEM()
	cert, key := authority.Issue(t, "redis.test", "127.0.0.1")
	certificatetest.WriteFile(t, dir, "cert.pem", slices.Concat(cert, ca)) // clients have to show one of the same authority's
	certificatetest.WriteFile(t, dir, "key.pem", key)
	server := redistest.StartTLS(t, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	const any = "any error" // the server says which, or resets the connection
	for _, test := range []struct {
		name string
		tls  *TLS
		err  string
	}{
		{"by address", &TLS{CA: ca, Cert: cert, Key: key}, ""},
		{"by name", &TLS{CA: ca, Cert: cert, Key: key, ServerName: "redis.test"}, ""},
		{"wrong name", &TLS{CA: ca, Cert: cert, Key: key, ServerName: "other.test"}, "not other.test"},
		{"unknown authority", &TLS{CA: other, Cert: cert, Key: key}, "x509"},
		{"the system's authorities", &TLS{Cert: cert, Key: key}, "x509"},
		{"no certificate", &TLS{CA: ca}, any},
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

// Sentinels are spoken to as their master is: under the same protection, and for
// as long.
func TestSentinelConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first := make(chan byte, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			var b [1]byte
			conn.Read(b[:])
			first <- b[0]
		}
		close(first)
	}()
	c := client(t, Options{Addresses: []string{l.Addr().String()}, Sentinel: "main", SentinelPassword: "secret", TLS: &TLS{}, Timeout: 5 * time.Second})
	if _, err := do(c, "GET", "k"); err == nil {
		t.Error("there is no sentinel, and it answers")
	}
	const handshake = 22 // RFC 8446, section 5.1
	if b := <-first; b != handshake {
		t.Errorf("a connection to a sentinel begins with %q", b)
	}
	if got := c.options.Sentinel.Dialer.Timeout; got != 5*time.Second {
		t.Errorf("connecting to a sentinel may take %v", got)
	}
}
