package rediszone

import (
	"hash/maphash"
	"sync/atomic"
)

// changes knows which keys this process has changed, where the client may not
// have been told yet: what it keeps of a key is old then. Redis says that a key
// has changed behind the reply to the command that has changed it, on the same
// connection. So whoever asks Redis itself, later, knows by the reply that the
// client has been told.
//
// Keys that fall together are asked for once too often, no more.
type changes struct {
	seed maphash.Seed
	last atomic.Uint64
	of   [256]atomic.Uint64 // which change was the last; 0 is one that the client has been told of
}

func newChanges() *changes { return &changes{seed: maphash.MakeSeed()} }

// place is where a key's changes are.
func (c *changes) place(key string) *atomic.Uint64 {
	return &c.of[maphash.String(c.seed, key)%uint64(len(c.of))]
}

// note says that a key has been changed.
func (c *changes) note(key string) { c.place(key).Store(c.last.Add(1)) }

// noteAll says that any key may have been changed.
func (c *changes) noteAll() {
	n := c.last.Add(1)
	for i := range c.of {
		c.of[i].Store(n)
	}
}
