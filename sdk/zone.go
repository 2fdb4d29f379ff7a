package sdk

import (
	"strconv"

	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Zone is a store of keys and values that all plugins share to which the
// configuration grants it, in all their instances, and that survives reloads
// (lua_shared_dict). Its functions have the names of ngx.shared.NAME's, but
// where they say another:
//
//	var rates = sdk.OpenZone("rates")
//
//	n, err := rates.IncrFrom(r.RemoteAddr(), 1, 0, sdk.TTL(time.Minute))
//
// The configuration has the zone, and lets the plugin use it; with ":read"
// behind the name the plugin cannot change it, which is [ErrNotGranted] then:
//
//	[zones.rates]
//	size = "10MiB"
//
//	[plugins.NAME.grants]
//	zones = ["rates"]
//
// Each operation is atomic among all instances. A key has 1 byte to 64 KiB,
// else it is [ErrBadArgument]. All functions work in all phases but [Zone.Hold].
// For a zone in Redis they wait as [Redis.Do] does, with its errors.
type Zone struct {
	name string
	id   int32 // its number, or the error of opening it
}

// OpenZone names a zone. In a package variable, or in an init or Init handler,
// a zone that is not granted fails the plugin when it is loaded; later its
// operations answer the error.
func OpenZone(name string) *Zone {
	z := &Zone{name: name, id: int32(ErrNotFound)}
	phases.Setup(func() Action {
		if z.handle() < 0 {
			Error("cannot open zone " + strconv.Quote(name) + ": " + errnoOf(z.id).Error())
			return failed
		}
		return Continue
	})
	return z
}

// handle is the zone's number, or the error of opening it, which each
// operation then answers.
func (z *Zone) handle() int32 {
	if z.id < 0 {
		z.open()
	}
	return z.id
}

//go:noinline
func (z *Zone) open() { z.id = imports.ZoneOpen(z.name) }

// errnoOf is the error of an operation: that of opening the zone where that is
// why it failed.
func (z *Zone) errnoOf(n int32) error {
	if n < 0 && z.id < 0 {
		n = z.id
	}
	return errnoOf(n)
}

// TTL is how long a key lives, in nanoseconds, rounded up to milliseconds:
// sdk.TTL(time.Minute). 0 is forever.
type TTL int64

// Get is the value of a key. A key that is missing or has expired is
// [ErrNotFound], a list [ErrIsList].
func (z *Zone) Get(key string) (Value, error) {
	v, _, err := z.get(key, 0)
	return v, err
}

// GetStale is [Zone.Get] that also finds a key that has expired, as long as
// its place has not been needed for others.
func (z *Zone) GetStale(key string) (v Value, stale bool, err error) {
	return z.get(key, abi.ZoneStale)
}

func (z *Zone) get(key string, flags int32) (v Value, stale bool, err error) {
	b, err := z.fetch(scratch, key, flags)
	if err != nil {
		return v, false, err
	}
	v, stale = valueOf(b)
	return v, stale, nil
}

// fetch appends a value, encoded.
func (z *Zone) fetch(dst []byte, key string, flags int32) ([]byte, error) {
	n := imports.ZoneGet(z.handle(), key, flags, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ZoneGet(z.id, key, flags, free(dst))
	}
	if n < 0 {
		return dst, z.errnoOf(n)
	}
	dst = dst[:len(dst)+int(n)]
	keepScratch(dst)
	return dst, nil
}

// Append appends the value of a key to dst, as [Value.String] gives it: without
// allocating, where dst has the room.
func (z *Zone) Append(dst []byte, key string) ([]byte, error) {
	b, err := z.fetch(scratch, key, 0)
	if err != nil {
		return dst, err
	}
	if abi.ValueKind(b[0]) == abi.ValueText {
		return append(dst, b[1:]...), nil
	}
	switch v, _ := valueOf(b); v.kind {
	case abi.ValueInt:
		return strconv.AppendInt(dst, int64(v.number), 10), nil
	case abi.ValueFloat:
		return strconv.AppendFloat(dst, v.Float(), 'g', -1, 64), nil
	default:
		return strconv.AppendBool(dst, v.number != 0), nil
	}
}

// Set sets a key. Where there is no room it evicts what has expired, then what
// has not been used for longest; a value that is too large for the zone is
// [ErrNoMemory].
func (z *Zone) Set(key string, v Value, ttl TTL) error {
	_, err := z.Put(abi.ZoneSet, key, v, ttl)
	return err
}

// SafeSet is [Zone.Set] that never evicts what has not expired: [ErrNoMemory].
func (z *Zone) SafeSet(key string, v Value, ttl TTL) error {
	_, err := z.Put(abi.ZoneSafeSet, key, v, ttl)
	return err
}

// Add is [Zone.Set] where there is no such key, else [ErrExists].
func (z *Zone) Add(key string, v Value, ttl TTL) error {
	_, err := z.Put(abi.ZoneAdd, key, v, ttl)
	return err
}

// SafeAdd is [Zone.Add] and [Zone.SafeSet].
func (z *Zone) SafeAdd(key string, v Value, ttl TTL) error {
	_, err := z.Put(abi.ZoneSafeAdd, key, v, ttl)
	return err
}

// Replace is [Zone.Set] where there is such a key, else [ErrNotFound].
func (z *Zone) Replace(key string, v Value, ttl TTL) error {
	_, err := z.Put(abi.ZoneReplace, key, v, ttl)
	return err
}

// Put sets a key as the mode says. It tells whether entries had to be evicted
// that had not expired.
func (z *Zone) Put(mode abi.ZoneMode, key string, v Value, ttl TTL) (forcible bool, err error) {
	n := imports.ZoneSet(z.handle(), int32(mode), key, encode(v), int64(ttl))
	return n == 1, z.errnoOf(n)
}

// Incr adds to a number and answers the sum. A key that is missing is
// [ErrNotFound], one that has no number [ErrNotNumber].
func (z *Zone) Incr(key string, delta int64) (int64, error) {
	return z.incr(key, delta, "", 0)
}

// IncrFrom is [Zone.Incr] that sets a key that is missing to init first, to
// live for ttl: the sum then is init + delta (incr with init and init_ttl). The
// TTL of a key that is there stays.
func (z *Zone) IncrFrom(key string, delta, init int64, ttl TTL) (int64, error) {
	start.number = init
	return z.incr(key, delta, start.text(), ttl)
}

func (z *Zone) incr(key string, delta int64, init string, ttl TTL) (int64, error) {
	step.number = delta
	n := imports.ZoneIncr(z.handle(), key, step.text(), init, int64(ttl), sum.bytes())
	switch {
	case n < 0:
		return 0, z.errnoOf(n)
	case sum.kind == abi.ValueInt:
		return sum.number, nil
	}
	return sum.value().Int(), nil
}

// IncrValue is [Zone.IncrFrom] for whole numbers and floats: the sum is whole
// where both are and it does not overflow. Without init it is [Zone.Incr].
func (z *Zone) IncrValue(key string, delta, init Value, ttl TTL) (Value, error) {
	d, i := encodeTwo(delta, init)
	n := imports.ZoneIncr(z.handle(), key, d, i, int64(ttl), sum.bytes())
	if n < 0 {
		return Value{}, z.errnoOf(n)
	}
	return sum.value(), nil
}

// CompareAndSwap sets a key where its value is old. Where it is another, that
// is [ErrExists]; where the key is missing [ErrNotFound]. The zero Value as old
// is for a key that is missing; as new it deletes the key.
func (z *Zone) CompareAndSwap(key string, old, new Value, ttl TTL) error {
	o, n := encodeTwo(old, new)
	return z.errnoOf(imports.ZoneCas(z.handle(), key, o, n, int64(ttl)))
}

// Delete deletes a key; that there was none is no error.
func (z *Zone) Delete(key string) error {
	return z.errnoOf(imports.ZoneDelete(z.handle(), key))
}

// TTL is how long a key has to live, 0 where it lives forever.
func (z *Zone) TTL(key string) (TTL, error) {
	id := z.handle()
	if id < 0 {
		return 0, errnoOf(id)
	}
	n := imports.ZoneTtl(id, key)
	if n < 0 {
		return 0, errnoOf(int32(n))
	}
	return TTL(n), nil
}

// Expire sets how long a key has to live.
func (z *Zone) Expire(key string, ttl TTL) error {
	return z.errnoOf(imports.ZoneExpire(z.handle(), key, int64(ttl)))
}

// Flush deletes all keys and answers how many (flush_all). Nothing is left for
// [Zone.GetStale].
func (z *Zone) Flush() (int, error) { return z.flush(abi.ZoneAll, 0) }

// FlushExpired deletes keys that have expired, at most max or, where max is 0,
// all, and answers how many.
func (z *Zone) FlushExpired(max int) (int, error) { return z.flush(abi.ZoneExpired, max) }

func (z *Zone) flush(what int32, max int) (int, error) {
	id := z.handle()
	if id < 0 {
		return 0, errnoOf(id)
	}
	return number(imports.ZoneFlush(id, what, clamp(max)))
}

// number is a host function's result that is a number or an error.
func number(n int32) (int, error) { return int(max(n, 0)), errnoOf(n) }

// Keys are at most max of the zone's keys, in no order; max is 1 to 65536
// (get_keys).
func (z *Zone) Keys(max int) ([]string, error) {
	id := z.handle()
	if id < 0 {
		return nil, errnoOf(id)
	}
	dst := scratch
	n := imports.ZoneKeys(id, clamp(max), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ZoneKeys(id, clamp(max), free(dst))
	}
	list, err := taken(dst, n)
	var keys []string
	for {
		key, rest, ok := cutItem(list)
		if !ok {
			return keys, err
		}
		keys, list = append(keys, string(key)), rest
	}
}

// ZoneInfo says how full a zone is.
type ZoneInfo struct {
	Capacity, Free int64 // in bytes
	Entries        int64 // expired ones included, until they are deleted
}

// Info says how full the zone is (capacity, free_space).
func (z *Zone) Info() (ZoneInfo, error) {
	id := z.handle()
	if id < 0 {
		return ZoneInfo{}, errnoOf(id)
	}
	b := scratch[:24]
	if n := imports.ZoneInfo(id, b); n < 0 {
		return ZoneInfo{}, errnoOf(n)
	}
	var n [3]int64
	for i, c := range b {
		n[i/8] |= int64(c) << (8 * (i % 8))
	}
	return ZoneInfo{n[0], n[1], n[2]}, nil
}

// Hold counts the exchange under a key until it ends, and answers the count,
// this exchange included. Where max are counted already it is [ErrBusy].
// There is no function to call at the end: the server takes the exchange off
// the count, whatever happens to it. [ErrNoMemory] after 64 in one exchange.
// Phases: those that see a request.
//
// In a zone in Redis the count of a machine that dies ends within half a
// minute, and Get does not answer it: [ErrIsList].
func (z *Zone) Hold(key string, max int) (int, error) {
	id := z.handle()
	if id < 0 {
		return 0, errnoOf(id)
	}
	return number(imports.ZoneHold(id, key, clamp(max)))
}
