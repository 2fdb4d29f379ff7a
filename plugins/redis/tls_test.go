package redis

import (
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
