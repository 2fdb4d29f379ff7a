package upstream

import (
	"slices"
	"sync"
	"time"
)

// idle are a peer's connections that wait for an exchange, the one used last on
// top.
type idle struct {
	mu      sync.Mutex
	conns   []*Conn
	most    int           // that are kept (nginx: keepalive)
	timeout time.Duration // that one may wait (nginx: keepalive_timeout)
	closed  bool
	timer   *time.Timer // closes what has waited for too long; nil until there is something
	running bool
}

// trust is how long after its last exchange a connection that is watched is used
// without a look whether the peer has closed it, or has sent what nobody has asked
// for: long enough for most, and too short to matter if the watcher is late.
const trust = 50 * time.Millisecond

// take is a connection that its peer has not closed, nil where there is none.
func (i *idle) take(careful bool) *Conn {
	for {
		i.mu.Lock()
		n := len(i.conns)
		if n == 0 {
			i.mu.Unlock()
			return nil
		}
		c := i.conns[n-1]
		i.conns[n-1] = nil
		i.conns = i.conns[:n-1]
		i.mu.Unlock()
		if !careful && c.watcher != nil && time.Since(c.since) < trust || c.alive() {
			return c
		}
		c.shut()
	}
}

// put keeps a connection. False: there is no room.
func (i *idle) put(c *Conn) bool {
	c.since = time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || len(i.conns) >= i.most {
		return false
	}
	i.conns = append(i.conns, c)
	if !i.running {
		i.running = true
		if i.timer == nil {
			i.timer = time.AfterFunc(i.timeout, i.expire)
		} else {
			i.timer.Reset(i.timeout)
		}
	}
	return true
}

// drop closes a connection that waits, unless it is as it should be.
func (i *idle) drop(c *Conn) {
	i.mu.Lock()
	at := slices.Index(i.conns, c)
	if at >= 0 {
		if c.alive() { // somebody has read meanwhile what there was
			at = -1
		} else {
			i.conns = slices.Delete(i.conns, at, at+1)
		}
	}
	i.mu.Unlock()
	if at >= 0 {
		c.shut()
	}
}

// expire closes what has waited for too long.
func (i *idle) expire() {
	i.mu.Lock()
	old := 0
	now := time.Now()
	for old < len(i.conns) && now.Sub(i.conns[old].since) >= i.timeout {
		old++
	}
	expired := append([]*Conn(nil), i.conns[:old]...)
	n := copy(i.conns, i.conns[old:])
	clear(i.conns[n:])
	i.conns = i.conns[:n]
	if i.running = n > 0 && !i.closed; i.running {
		i.timer.Reset(i.timeout - now.Sub(i.conns[0].since))
	}
	i.mu.Unlock()
	for _, c := range expired {
		c.shut()
	}
}

// set changes how many are kept, and for how long.
func (i *idle) set(most int, timeout time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.most, i.timeout = most, timeout
}

// close closes all of them, and what is put later.
func (i *idle) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for _, c := range i.conns {
		c.shut()
	}
	i.conns = nil
	if i.timer != nil {
		i.timer.Stop()
	}
}
