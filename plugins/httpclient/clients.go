package httpclient

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// Clients are the clients in use: one for the plugins that trust the
// machine's authorities, and one more for each file of others. They outlive a
// reload, and their connections with them. It is safe for concurrent use.
type Clients struct {
	options Options
	mu      sync.Mutex
	made    map[[sha256.Size]byte]*Client
}

// NewClients makes clients with these options but for Roots.
func NewClients(o Options) *Clients {
	return &Clients{options: o, made: map[[sha256.Size]byte]*Client{}}
}

// Get is the client that trusts the authorities in a file of PEM certificates,
// beside the machine's. The empty name is no file.
func (c *Clients) Get(file string) (*Client, error) {
	var certificates []byte
	if file != "" {
		var err error
		if certificates, err = os.ReadFile(file); err != nil {
			var at *fs.PathError
			if errors.As(err, &at) {
				err = at.Err
			}
			return nil, fmt.Errorf("cannot read the certificates in %q: %w", file, err)
		}
	}
	key := sha256.Sum256(certificates)
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.made[key]; client != nil {
		return client, nil
	}
	o := c.options
	if file != "" {
		var err error
		if o.Roots, err = x509.SystemCertPool(); err != nil {
			o.Roots = x509.NewCertPool()
		}
		if !o.Roots.AppendCertsFromPEM(certificates) {
			return nil, fmt.Errorf("%q holds no certificate: it must begin with -----BEGIN CERTIFICATE-----", file)
		}
	}
	c.made[key] = New(o)
	return c.made[key], nil
}

// Close closes all clients.
func (c *Clients) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.made {
		client.Close()
	}
}
