package redis

import (
	"crypto/sha256"
	"sync"
)

// Clients are the clients in use, shared by all that want the same. The zero
// value is ready; it is safe for concurrent use.
type Clients struct {
	mu   sync.Mutex
	used map[[sha256.Size]byte]*Client
}

// Get makes a client, or finds one with the same options. It connects when it
// is used first. It is the caller's until Put. The error is about certificates.
func (c *Clients) Get(options Options) (*Client, error) {
	key := options.key()
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.used[key]; found != nil {
		found.users++
		return found, nil
	}
	made, err := New(options)
	if err != nil {
		return nil, err
	}
	made.key, made.users = key, 1
	if c.used == nil {
		c.used = make(map[[sha256.Size]byte]*Client)
	}
	c.used[key] = made
	return made, nil
}

// Put gives a client back. When nobody uses it any more it is closed, in the
// background: that may take a second where the server does not answer.
func (c *Clients) Put(used *Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if used.users--; used.users == 0 {
		delete(c.used, used.key)
		go used.Close()
	}
}
