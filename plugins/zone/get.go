package zone

import (
	"context"
	"time"
)

// Get implements Store: get of a shared dictionary.
func (z *Memory) Get(_ context.Context, dst, key []byte) (Value, error) {
	v, _, err := z.get(dst, key, false)
	return v, err
}

// GetStale implements Store: get_stale.
func (z *Memory) GetStale(_ context.Context, dst, key []byte) (v Value, stale bool, err error) {
	return z.get(dst, key, true)
}

func (z *Memory) get(dst, key []byte, also bool) (v Value, stale bool, err error) {
	if !validKey(key) {
		return v, false, ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	id, e := s.find(hash, key)
	switch {
	case id == 0:
		err = ErrNotFound
	case z.expired(e):
		if stale = also; !also {
			err = ErrNotFound
		}
	}
	switch {
	case err != nil:
		s.misses++
	case e.kind == list:
		err = ErrIsList
	default:
		s.hits++
		s.touch(id, e)
		v = s.value(dst, e)
	}
	s.mu.Unlock()
	return v, stale, err
}

// TTL implements Store.
func (z *Memory) TTL(_ context.Context, key []byte) (ttl time.Duration, err error) {
	if !validKey(key) {
		return 0, ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, e := s.find(hash, key)
	if id == 0 {
		return 0, ErrNotFound
	}
	if e.expires == 0 {
		return 0, nil
	}
	if ttl = time.Duration(e.expires - z.clock()); ttl <= 0 {
		return 0, ErrNotFound
	}
	return ttl, nil
}

// Expire implements Store.
func (z *Memory) Expire(_ context.Context, key []byte, ttl time.Duration) error {
	if !validKey(key) || ttl < 0 {
		return ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, e := s.live(hash, key)
	if id == 0 {
		return ErrNotFound
	}
	s.expireAt(id, e, z.deadline(ttl))
	s.changes++
	return nil
}

// Delete implements Store.
func (z *Memory) Delete(_ context.Context, key []byte) error {
	if !validKey(key) {
		return ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, e := s.find(hash, key); id != 0 {
		s.remove(id, e)
	}
	return nil
}
