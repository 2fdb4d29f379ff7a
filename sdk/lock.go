package sdk

import "strconv"

// Lock is a lock by a zone's key, which one exchange among all instances holds:
// what resty.lock is in OpenResty. It ends by itself, so that a plugin that
// fails keeps nobody out for longer. The zone should not be one that fills up:
// a lock can be evicted like any other entry.
//
//	unlock, err := lock.Acquire("report")
//	if err != nil {
//		return r.Exit(503)
//	}
//	defer unlock()
type Lock struct {
	Zone    *Zone
	Expiry  TTL // after which the lock ends by itself; 0 means 30 seconds
	Timeout TTL // how long Acquire waits; 0 means 5 seconds, less than 0 not at all
}

// How Acquire waits: as resty.lock does.
const (
	lockExpiry  = TTL(30e9)
	lockTimeout = TTL(5e9)
	lockStep    = int64(1e6) // twice as long each time
	lockMaxStep = int64(500e6)
)

// Acquire takes the lock, and answers how to give it back. It waits while
// others have it; after the timeout it is [ErrTimeout]. Giving back answers
// [ErrNotFound] or [ErrExists] where the lock had ended by itself.
func (l *Lock) Acquire(key string) (unlock func() error, err error) {
	held, err := l.Take(key)
	if err != nil {
		return nil, err
	}
	return held.Release, nil
}

// Take is [Lock.Acquire] for a lock that may have to be held for longer than
// was thought: see [HeldLock.Expire].
func (l *Lock) Take(key string) (*HeldLock, error) {
	timeout := l.Timeout
	if timeout == 0 {
		timeout = lockTimeout
	}
	begin := Now()
	owner, err := l.owner()
	if err != nil {
		return nil, err
	}
	for step := lockStep; ; step = min(2*step, lockMaxStep) {
		err := l.Zone.SafeAdd(key, owner, l.expiry())
		if err == nil {
			return &HeldLock{lock: l, key: key, owner: owner}, nil
		}
		if err != ErrExists {
			return nil, err
		}
		left := int64(timeout) - (Now() - begin) // in Redis trying takes time, too
		if left <= 0 {
			return nil, ErrTimeout
		}
		if err := Sleep(min(step, left)); err != nil {
			return nil, err
		}
	}
}

func (l *Lock) expiry() TTL {
	if l.Expiry == 0 {
		return lockExpiry
	}
	return l.Expiry
}

// HeldLock is a lock that is held, by one exchange.
type HeldLock struct {
	lock  *Lock
	key   string
	owner Value
}

// Expire lets the lock live for that long from now on (resty.lock's expire); 0
// means as long as the Lock's Expiry. It is [ErrNotFound] or [ErrExists] where
// the lock had ended by itself: then somebody else may have it.
func (h *HeldLock) Expire(ttl TTL) error {
	if ttl == 0 {
		ttl = h.lock.expiry()
	}
	return h.lock.Zone.CompareAndSwap(h.key, h.owner, h.owner, ttl)
}

// Release gives the lock back, as what [Lock.Acquire] answers does.
func (h *HeldLock) Release() error {
	return h.lock.Zone.CompareAndSwap(h.key, h.owner, Value{}, 0)
}

// owners is the key that numbers those who acquire locks. No other key that a
// plugin chooses by accident is like it.
const owners = "\x00phasm locks"

// owner is a value that nobody else has had.
func (l *Lock) owner() (Value, error) {
	n, err := l.Zone.IncrFrom(owners, 1, 0, 0)
	return Text("lock " + strconv.FormatInt(n, 36) + " " + strconv.FormatInt(Now(), 36)), err
}
