package certificate

import (
	"crypto/tls"
	"strings"
	"sync/atomic"
)

// Chooser chooses among certificates by name. It is safe for concurrent use.
type Chooser struct {
	certificates []*Certificate
	index        atomic.Pointer[index]
}

// index are certificates by the names in them, in lower case. A wildcard stands
// there as it is written: "*.example.com".
type index map[string][]*tls.Certificate

// NewChooser makes a chooser. Of two certificates that serve a name equally well
// the earlier counts, so that one for old clients may follow one for new ones.
func NewChooser(certificates []*Certificate) *Chooser {
	c := &Chooser{certificates: certificates}
	c.Index()
	return c
}

// Index takes up certificates that have changed.
func (c *Chooser) Index() {
	names := index{}
	for _, certificate := range c.certificates {
		current := certificate.Current()
		for _, name := range current.Leaf.DNSNames {
			name = strings.ToLower(name)
			names[name] = append(names[name], current)
		}
		for _, address := range current.Leaf.IPAddresses {
			name := address.String()
			names[name] = append(names[name], current)
		}
	}
	c.index.Store(&names)
}

// Named is the certificate for the name that the client asks for: one that has
// that very name before one with a wildcard for its first label. It is nil
// where there is none, or the client asks for no name.
func (c *Chooser) Named(hello *tls.ClientHelloInfo) *tls.Certificate {
	names := *c.index.Load()
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" {
		return nil
	}
	found := names[name]
	if label, parent, ok := strings.Cut(name, "."); len(found) == 0 && ok && label != "" {
		found = names["*."+parent]
	}
	for _, certificate := range found {
		if hello.SupportsCertificate(certificate) == nil {
			return certificate
		}
	}
	if len(found) > 0 {
		return found[0] // the handshake will say why it does not do
	}
	return nil
}

// Default is the certificate for clients that ask for no name, or for one that
// no certificate is for: the first, or where the client cannot use that the next
// that shares a name with it. It is nil where there are none.
func (c *Chooser) Default(hello *tls.ClientHelloInfo) *tls.Certificate {
	if len(c.certificates) == 0 {
		return nil
	}
	nameless := *hello
	nameless.ServerName = "" // else no certificate would do
	first := c.certificates[0].Current()
	names := *c.index.Load()
	for _, name := range first.Leaf.DNSNames {
		for _, certificate := range names[strings.ToLower(name)] {
			if nameless.SupportsCertificate(certificate) == nil {
				return certificate
			}
		}
	}
	return first
}
