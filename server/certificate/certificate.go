// Package certificate reads a TLS server's certificates from files, takes up
// files that have changed, and chooses the one for the name that a client asks
// for.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Files are where a certificate comes from.
type Files struct {
	Cert string // the certificate and those that lead to the authority, in PEM form
	Key  string // its private key, likewise
	OCSP string // the authority's OCSP response, in DER form; empty for none
}

// Certificate is a certificate that its files may replace. Current is safe for
// concurrent use, Refresh is for one goroutine at a time.
type Certificate struct {
	files   Files
	current atomic.Pointer[tls.Certificate]
	seen    [3]fs.FileInfo // of the files, when they were read last
}

// Error is what is wrong with one of the files.
type Error struct {
	Key string // cert, key or ocsp
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Load reads a certificate. The error is an [*Error].
func Load(files Files) (*Certificate, error) {
	c := &Certificate{files: files}
	c.seen = c.look()
	read, err := files.read()
	if err != nil {
		return nil, err
	}
	c.current.Store(read)
	return c, nil
}

// Current is the certificate as its files had it last, while they were good.
func (c *Certificate) Current() *tls.Certificate { return c.current.Load() }

// Refresh reads the files again where one of them has changed since. Where they
// are no good the certificate stays as it is; the error, an [*Error], is not
// repeated before they change again.
func (c *Certificate) Refresh() (changed bool, err error) {
	now := c.look()
	same := true
	for i := range now {
		same = same && equal(now[i], c.seen[i])
	}
	if same {
		return false, nil
	}
	c.seen = now
	read, err := c.files.read()
	if err != nil {
		return false, err
	}
	c.current.Store(read)
	return true, nil
}

// look is what the files look like, nil for those that are not there.
func (c *Certificate) look() (seen [3]fs.FileInfo) {
	for i, name := range []string{c.files.Cert, c.files.Key, c.files.OCSP} {
		if info, err := os.Stat(name); err == nil {
			seen[i] = info
		}
	}
	return seen
}

func equal(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Stale says what is wrong with a certificate's dates, empty where nothing is.
func Stale(c *tls.Certificate, now time.Time) string {
	switch {
	case now.After(c.Leaf.NotAfter):
		return "the certificate has expired on " + c.Leaf.NotAfter.Format(time.RFC3339)
	case now.Before(c.Leaf.NotBefore):
		return "the certificate is not valid before " + c.Leaf.NotBefore.Format(time.RFC3339)
	}
	return ""
}

// read reads the files. The certificate's Leaf is set.
func (f Files) read() (*tls.Certificate, error) {
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, &Error{"cert", unreadable(err)}
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, &Error{"key", unreadable(err)}
	}
	read, err := Parse(cert, key)
	if err != nil {
		return nil, err
	}
	if f.OCSP == "" {
		return read, nil
	}
	if read.OCSPStaple, err = os.ReadFile(f.OCSP); err != nil {
		return nil, &Error{"ocsp", unreadable(err)}
	}
	const sequence = 0x30 // ASN.1
	if len(read.OCSPStaple) == 0 || read.OCSPStaple[0] != sequence {
		return nil, &Error{"ocsp", errors.New("the file has no OCSP response in DER form")}
	}
	return read, nil
}

// Parse makes a certificate of its PEM blocks. The error is an [*Error].
func Parse(cert, key []byte) (*tls.Certificate, error) {
	if err := checkChain(cert); err != nil {
		return nil, &Error{"cert", err}
	}
	c, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &Error{"key", errors.New(strings.TrimPrefix(err.Error(), "tls: "))}
	}
	return &c, nil
}

// checkChain reports certificates that cannot be parsed, or that are none.
func checkChain(data []byte) error {
	found := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("cannot parse certificate %d of the file: %w", found+1, err)
		}
		found++
	}
	if found == 0 {
		return errors.New("there is no certificate in PEM form")
	}
	return nil
}

// unreadable is a file system's error without the file's name: what it is
// reported with has that.
func unreadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot read the file: %w", err)
}
