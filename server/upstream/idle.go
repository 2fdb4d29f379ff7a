package upstream

import (
	"crypto/tls"
	"slices"
	"sync"
	"time"
)

// idle are a peer's connections that wait for an exchange, the one used last on
// top.
type idle struct {
	mu      sync.Mutex
	conns   []*Conn
	most    int           // that are kept (nginx: keepalive); more wait for linger
	timeout time.Duration // that one may wait (nginx: keepalive_timeout)
	age     time.Duration // from which on one is not kept again (nginx: keepalive_time)
	tls     *tls.Config   // of those over TLS: one with another was made before an update
	closed  bool
	timer   *time.Timer // closes what has waited for too long; nil until there is something
	due     time.Time   // when it fires; zero: it does not
}

// linger is how long connections wait beyond those that are kept. Where more
// requests than that are served at once their connections come free at once, too,
// and the next moment as many are wanted.
const linger = time.Second

// trust is how long after its last exchange a connection whose watcher has heard
// nothing is used without a look whether the peer has closed it, or has sent what
// nobody has asked for: long enough for most, and too short to matter if the
// watcher is late.
const trust = 50 * time.Millisecond

// sweep is how often connections that wait are looked at: one that the peer has
// closed, and nobody watches, would keep its descriptor until it is too old.
const sweep = 5 * time.Second

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
		if !careful && c.watcher != nil && !c.watcher.Heard() && time.Since(c.since) < trust || c.alive() {
			return c
		}
		c.shut()
	}
}

// put keeps a connection. False: it is of no use, or none is kept.
func (i *idle) put(c *Conn) bool {
	c.since = time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed || i.most == 0 || c.since.Sub(c.epoch) >= i.age || c.secure && c.tls != i.tls {
		return false
	}
	i.conns = append(i.conns, c)
	if i.due.IsZero() || len(i.conns) == i.most+1 {
		i.hasten(c.since)
	}
	return true
}

// hasten has the timer fire when there is something to look at. It is called
// locked.
func (i *idle) hasten(now time.Time) {
	pause := i.pause(now)
	due := now.Add(pause)
	switch {
	case i.timer == nil:
		i.timer = time.AfterFunc(pause, i.expire)
	case i.due.IsZero() || due.Before(i.due):
		i.timer.Reset(pause)
	default:
		return
	}
	i.due = due
}

// drop closes a connection that waits, unless it is as it should be.
func (i *idle) drop(c *Conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.Index(i.conns, c)
	if at < 0 || c.alive() { // alive: somebody has read meanwhile what there was
		return
	}
	i.conns = slices.Delete(i.conns, at, at+1)
	c.shut()
}

// expire closes what has waited for too long, and what the peer has closed.
func (i *idle) expire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	surplus := len(i.conns) - i.most
	i.conns = slices.DeleteFunc(i.conns, func(c *Conn) bool { // the oldest first
		waited := now.Sub(c.since)
		over := waited >= i.timeout || surplus > 0 && waited >= linger || !c.alive()
		if over {
			surplus--
			c.shut()
		}
		return over
	})
	if i.due = (time.Time{}); len(i.conns) > 0 {
		i.hasten(now)
	}
}

// pause is how long nothing need be looked at. It is called locked.
func (i *idle) pause(now time.Time) time.Duration {
	oldest, patience := now, i.timeout
	if len(i.conns) > 0 {
		oldest = i.conns[0].since
	}
	if len(i.conns) > i.most {
		patience = min(patience, linger)
	}
	return min(patience-now.Sub(oldest), sweep)
}

// cut takes the n oldest out, none where n is negative. It is called locked.
func (i *idle) cut(n int) []*Conn {
	if n <= 0 {
		return nil
	}
	oldest := slices.Clone(i.conns[:n])
	i.conns = slices.Delete(i.conns, 0, n)
	return oldest
}

// set changes how many are kept, for how long, and how they are protected. What
// would not be kept now is closed.
func (i *idle) set(how *Connecting) {
	i.mu.Lock()
	surplus := i.cut(len(i.conns) - how.Keep)
	if i.tls != how.TLS && len(i.conns) > 0 && i.conns[0].secure {
		surplus = append(surplus, i.cut(len(i.conns))...)
	}
	i.most, i.timeout, i.age, i.tls = how.Keep, how.KeepTimeout, how.KeepTime, how.TLS
	if len(i.conns) > 0 {
		i.hasten(time.Now())
	}
	i.mu.Unlock()
	closeAll(surplus)
}

func closeAll(conns []*Conn) {
	for _, c := range conns {
		c.shut()
	}
}

// close closes all of them, and what is put later.
func (i *idle) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	closeAll(i.conns)
	i.conns = nil
	if i.timer != nil {
		i.timer.Stop()
	}
}
