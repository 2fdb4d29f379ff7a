package zone

import (
	"context"
	"errors"
	"time"
)

// MaxKey is the length of the longest key. A key has at least one byte.
const MaxKey = 64 << 10

// Errors of a [Store], in OpenResty's words. A store that is not in this
// process may answer others.
var (
	ErrNotFound    = errors.New("not found")
	ErrExists      = errors.New("exists")
	ErrNotNumber   = errors.New("not a number")
	ErrNotList     = errors.New("value not a list")
	ErrIsList      = errors.New("value is a list")
	ErrNoMemory    = errors.New("no memory")
	ErrBusy        = errors.New("busy")
	ErrBadArgument = errors.New("bad argument") // a key without a length, or of more than MaxKey; a negative TTL; no value
)

// Mode says what a set does where the key exists or where it does not, and
// whether it makes room.
type Mode uint8

// Modes, as the functions of OpenResty's shared dictionaries.
const (
	Set     Mode = iota // always
	SafeSet             // always, but never evicts what has not expired: ErrNoMemory
	Add                 // where there is no such key, else ErrExists
	SafeAdd             // both
	Replace             // where there is such a key, else ErrNotFound
	numModes
)

// End is one of a list's two ends.
type End uint8

// Ends.
const (
	Left End = iota
	Right
)

// Info says how full a store is. An entry that has expired counts until its
// place is taken.
type Info struct {
	Capacity, Free int64 // in bytes
	Entries        int64
}

// Store is a zone. It is safe for concurrent use, and every operation is
// atomic. Keys and values that are handed in are not kept. A TTL of 0 is
// forever; others are rounded up to whole milliseconds. A key whose time is up
// is missing, but for GetStale.
type Store interface {
	// Get appends a text to dst and answers it as a value's Text, or hands out
	// what nobody may change. A list is ErrIsList.
	Get(ctx context.Context, dst, key []byte) (Value, error)
	// GetStale is Get that also finds what has expired and is still there.
	GetStale(ctx context.Context, dst, key []byte) (v Value, stale bool, err error)
	// Set sets a key as the mode says. It evicts the least recently used
	// entries where there is no room (what has expired first), and tells
	// whether it has evicted any that had not expired. A value that cannot fit
	// is ErrNoMemory.
	Set(ctx context.Context, mode Mode, key []byte, v Value, ttl time.Duration) (forcible bool, err error)
	// Incr adds delta to a number and answers the sum; the TTL stays. A key
	// that is missing begins at init, with that TTL, or is ErrNotFound where
	// init is no value; forcible is as for Set.
	Incr(ctx context.Context, key []byte, delta, init Value, ttl time.Duration) (sum Value, forcible bool, err error)
	// Hold counts one more under a key, where that makes at most most, and
	// answers the count and a ticket for [Store.Release]; else it is ErrBusy. A
	// key that is missing begins at 0; one that has no number is ErrNotNumber.
	Hold(ctx context.Context, key []byte, most int) (n int, ticket uint64, err error)
	// Release takes one off the count again, and deletes the key that counts
	// none any more. After an error it is taken off later, by the store itself.
	Release(ctx context.Context, key []byte, ticket uint64) error
	// CompareAndSwap sets a key where its value is old: another is ErrExists,
	// none ErrNotFound. Where old is no value the key must be missing; where
	// new is none the key is deleted.
	CompareAndSwap(ctx context.Context, key []byte, old, new Value, ttl time.Duration) error
	// Delete deletes a key; that there was none is no error.
	Delete(ctx context.Context, key []byte) error
	// TTL is how long a key has to live, 0 where it lives forever.
	TTL(ctx context.Context, key []byte) (time.Duration, error)
	// Expire sets how long a key has to live.
	Expire(ctx context.Context, key []byte, ttl time.Duration) error
	// Push adds to a list, which it makes where the key is missing, and answers
	// the list's length. It never evicts what has not expired.
	Push(ctx context.Context, key []byte, end End, v Value) (int, error)
	// Pop takes from a list; an empty one is deleted. It appends as Get does. An
	// element that has more than room bytes, encoded, is answered and stays.
	Pop(ctx context.Context, dst, key []byte, end End, room int) (Value, error)
	// Len is the length of a list, 0 where the key is missing.
	Len(ctx context.Context, key []byte) (int, error)
	// Flush deletes all keys and answers how many.
	Flush(ctx context.Context) (int, error)
	// FlushExpired deletes keys that have expired, at most max, or all where
	// max is 0, and answers how many.
	FlushExpired(ctx context.Context, max int) (int, error)
	// Keys appends at most max keys, or all where max is 0, each with its length
	// as a little-endian u32 before it, in no order. A key that is there all the
	// time is among them once.
	Keys(ctx context.Context, dst []byte, max int) ([]byte, error)
	// Info says how full the store is.
	Info(ctx context.Context) (Info, error)
}
