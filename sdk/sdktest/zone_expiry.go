//go:build !wasip1

package sdktest

import (
	"math"
	"time"
)

// expired tells whether the entry's time is over.
func (e *zoneEntry) expired(now int64) bool { return e.expires != 0 && e.expires <= now }

// deadline is when a TTL ends.
func (f *fake) deadline(ttl int64) int64 {
	const unit = int64(time.Millisecond)
	switch {
	case ttl == 0:
		return 0
	case ttl > math.MaxInt64-f.now-unit:
		return math.MaxInt64
	}
	return f.now + (ttl+unit-1)/unit*unit
}

// ZoneTtl implements imports.Host.
func (f *fake) ZoneTtl(n int32, key string) int64 {
	z, errno := f.zone(n, false)
	switch {
	case z == nil:
		return int64(errno)
	case !isZoneKey(key):
		return int64(badArgument)
	}
	e := f.live(z, key)
	switch {
	case e == nil:
		return int64(notFound)
	case e.expires == 0:
		return 0
	}
	return e.expires - f.now
}

// ZoneExpire implements imports.Host.
func (f *fake) ZoneExpire(n int32, key string, ttl int64) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key) || ttl < 0:
		return badArgument
	}
	e := f.live(z, key)
	if e == nil {
		return notFound
	}
	e.expires = f.deadline(ttl)
	return done
}
