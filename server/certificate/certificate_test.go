package certificate

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phasm/server/certificate/certificatetest"
)

func filesIn(dir, name string) Files {
	return Files{Cert: filepath.Join(dir, name+".pem"), Key: filepath.Join(dir, name+".key")}
}

// Every file that is no good is named, with why.
func TestLoadErrors(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	authority.Write(t, dir, "a", "a.example")
	authority.Write(t, dir, "b", "b.example")
	certificatetest.WriteFile(t, dir, "empty", nil)
	certificatetest.WriteFile(t, dir, "text", []byte("hello"))
	certificatetest.WriteFile(t, dir, "broken", []byte("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"))
	certificatetest.WriteFile(t, dir, "staple", []byte{0x30, 0})
	tests := []struct{ cert, key, ocsp, at, want string }{
		{"a.pem", "a.key", "", "", ""},
		{"a.pem", "a.key", "staple", "", ""},
		{"none", "a.key", "", "cert", "cannot read the file: no such file or directory"},
		{"a.pem", "none", "", "key", "cannot read the file: no such file or directory"},
		{"a.pem", "a.key", "none", "ocsp", "cannot read the file: no such file or directory"},
		{"empty", "a.key", "", "cert", "there is no certificate in PEM form"},
		{"a.key", "a.key", "", "cert", "there is no certificate in PEM form"},
		{"broken", "a.key", "", "cert", "cannot parse certificate 1 of the file: x509: malformed certificate"},
		{"a.pem", "b.key", "", "key", "private key does not match public key"},
		{"a.pem", "text", "", "key", "failed to find any PEM data in key input"},
		{"a.pem", "a.pem", "", "key", "found a certificate rather than a key in the PEM for the private key"},
		{"a.pem", "a.key", "text", "ocsp", "the file has no OCSP response in DER form"},
		{"a.pem", "a.key", "empty", "ocsp", "the file has no OCSP response in DER form"},
	}
	for _, test := range tests {
		files := Files{Cert: filepath.Join(dir, test.cert), Key: filepath.Join(dir, test.key)}
		if test.ocsp != "" {
			files.OCSP = filepath.Join(dir, test.ocsp)
		}
		_, err := Load(files)
		var at *Error
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%v: %v", test, err)
		case test.want != "" && (!errors.As(err, &at) || at.Key != test.at || err.Error() != test.want):
			t.Errorf("%v: got %v", test, err)
		}
	}
}

// A changed file takes the old one's place, unless it is no good, which is said
// once.
func TestRefresh(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	authority.Write(t, dir, "a", "old.example")
	c, err := Load(filesIn(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	names := func() string { return strings.Join(c.Current().Leaf.DNSNames, " ") }
	expect := func(what string, changed bool, message, name string) {
		t.Helper()
		got, err := c.Refresh()
		if got != changed || (err == nil) != (message == "") || err != nil && err.Error() != message || names() != name {
			t.Errorf("%s: changed %v, error %v, names %s", what, got, err, names())
		}
	}
	expect("nothing has changed", false, "", "old.example")
	cert, key := authority.Issue(t, "new.example")
	certificatetest.WriteFile(t, dir, "a.pem", cert)
	expect("the key is still the old one", false, "private key does not match public key", "old.example")
	expect("it has been said", false, "", "old.example")
	certificatetest.WriteFile(t, dir, "a.key", key)
	expect("both are new", true, "", "new.example")
	if err := os.Remove(filepath.Join(dir, "a.pem")); err != nil {
		t.Fatal(err)
	}
	expect("a file is gone", false, "cannot read the file: no such file or directory", "new.example")
	certificatetest.WriteFile(t, dir, "a.pem", cert)
	expect("and back", true, "", "new.example")
}

func TestStale(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	now := time.Now()
	for end, want := range map[time.Duration]string{-time.Minute: "has expired on ", time.Hour: "", 3 * time.Hour: "is not valid before "} {
		cert, key := authority.IssueUntil(t, now.Add(end), "a.example")
		certificatetest.WriteFile(t, dir, "a.pem", cert)
		certificatetest.WriteFile(t, dir, "a.key", key)
		c, err := Load(filesIn(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if got := Stale(c.Current(), now); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s from its end: %q", end, got)
		}
	}
}

func TestChoose(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	var certificates []*Certificate
	for _, names := range [][]string{
		{"first.example"}, {"*.example.com", "example.com"}, {"deep.example.com"}, {"Upper.Example"}, {"192.0.2.1"}, {"first.example"},
	} {
		authority.Write(t, dir, "a", names...)
		c, err := Load(filesIn(dir, "a"))
		if err != nil {
			t.Fatal(err)
		}
		certificates = append(certificates, c)
	}
	chooser := NewChooser(certificates)
	for name, want := range map[string]int{
		"first.example": 0, "FIRST.example.": 0,
		"example.com": 1, "www.example.com": 1, "WWW.Example.COM": 1,
		"deep.example.com": 2, "upper.example": 3, "192.0.2.1": 4,
		"a.b.example.com": -1, ".example.com": -1, "com": -1, "": -1, "other.example": -1, "*.example.com": 1,
	} {
		hello := &tls.ClientHelloInfo{
			ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		}
		got := chooser.Named(hello)
		if want < 0 && got != nil || want >= 0 && got != certificates[want].Current() {
			t.Errorf("%q: got %v", name, got)
		}
	}
	if NewChooser(nil).Default(&tls.ClientHelloInfo{}) != nil {
		t.Error("there is a default among none")
	}
}

// The default is the first, or for a client that cannot use it one for the same
// name that it can.
func TestDefault(t *testing.T) {
	dir, authority := t.TempDir(), certificatetest.New(t)
	load := func(name string) *Certificate {
		c, err := Load(filesIn(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	authority.Write(t, dir, "first", "first.example", "www.example")
	writeRSA(t, dir, "other", "other.example")
	writeRSA(t, dir, "old", "WWW.example")
	first, other, old := load("first"), load("other"), load("old")
	modern, rsaOnly := tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256
	for _, test := range []struct {
		certificates []*Certificate
		scheme       tls.SignatureScheme
		want         *Certificate
	}{
		{[]*Certificate{first, other, old}, modern, first},
		{[]*Certificate{first, other, old}, rsaOnly, old},
		{[]*Certificate{first, other}, rsaOnly, first},
		{[]*Certificate{old, first}, modern, first},
	} {
		for _, name := range []string{"", "unknown.example"} {
			hello := &tls.ClientHelloInfo{
				ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13},
				SignatureSchemes: []tls.SignatureScheme{test.scheme}, SupportedCurves: []tls.CurveID{tls.CurveP256},
			}
			if got := NewChooser(test.certificates).Default(hello); got != test.want.Current() {
				t.Errorf("%d certificates, %v, %q: got that of %v", len(test.certificates), test.scheme, name, got.Leaf.DNSNames)
			}
		}
	}
}

// writeRSA writes a certificate of the kind that old clients know.
func writeRSA(t *testing.T, dir, file, name string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificatetest.WriteFile(t, dir, file+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	certificatetest.WriteFile(t, dir, file+".key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}
