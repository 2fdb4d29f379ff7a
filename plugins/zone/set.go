package zone

import (
	"context"
	"time"
)

// Set implements Store: set, safe_set, add, safe_add and replace of a shared
// dictionary.
func (z *Memory) Set(_ context.Context, mode Mode, key []byte, v Value, ttl time.Duration) (forcible bool, err error) {
	if !validKey(key) || v.Kind == None || mode >= numModes || ttl < 0 {
		return false, ErrBadArgument
	}
	return z.attempt(key, mode != SafeSet && mode != SafeAdd, func(s *shard, hash uint32) (int64, error) {
		id, e := s.find(hash, key)
		live := id != 0 && !z.expired(e)
		switch {
		case live && (mode == Add || mode == SafeAdd):
			return 0, ErrExists
		case !live && mode == Replace:
			return 0, ErrNotFound
		}
		return s.write(id, e, hash, key, v, ttl), nil
	})
}

// write sets the entry of a key, which it makes where there is none. Where that
// needs room that there is not it answers how much.
func (s *shard) write(id uint32, e *entry, hash uint32, key []byte, v Value, ttl time.Duration) (need int64) {
	need = cost(len(key) + len(v.Text()))
	if need > s.zone.capacity.Load() {
		return need // else everything would be evicted in vain
	}
	if id != 0 {
		need -= e.cost()
	}
	if !s.grow(need) {
		return need
	}
	if id == 0 {
		id, e = s.insert(hash, key)
		s.store(e, key, v.Text())
	} else {
		s.empty(e)
		if e.kind == Text || v.Kind == Text || e.kind == list {
			s.drop(e)
			s.store(e, key, v.Text())
		}
		s.touch(id, e)
	}
	e.kind, e.number, e.size = v.Kind, v.number, uint32(len(v.Text()))
	s.expireAt(id, e, s.zone.deadline(ttl))
	s.changes++
	return 0
}

// empty makes garbage of the elements of an entry that is a list.
func (s *shard) empty(e *entry) {
	if e.kind != list {
		return
	}
	h := s.head(uint32(e.number))
	s.dead += h.bytes
	s.discard(h)
	s.give(uint32(e.number))
}

// CompareAndSwap implements Store.
func (z *Memory) CompareAndSwap(_ context.Context, key []byte, old, new Value, ttl time.Duration) error {
	if !validKey(key) || ttl < 0 || old.Kind == None && new.Kind == None {
		return ErrBadArgument
	}
	_, err := z.attempt(key, true, func(s *shard, hash uint32) (int64, error) {
		id, e := s.find(hash, key)
		live := id != 0 && !z.expired(e)
		switch {
		case !live && old.Kind != None:
			return 0, ErrNotFound
		case live && (old.Kind == None || !s.holds(e, old)):
			return 0, ErrExists
		case new.Kind == None:
			s.remove(id, e)
			return 0, nil
		}
		return s.write(id, e, hash, key, new, ttl), nil
	})
	return err
}

// holds tells whether an entry's value is v.
func (s *shard) holds(e *entry, v Value) bool {
	var text [maxInCells]byte
	return e.kind == v.Kind && int(e.size) == len(v.Text()) && s.value(text[:0], e).Equal(v)
}

// Incr implements Store.
func (z *Memory) Incr(_ context.Context, key []byte, delta, init Value, ttl time.Duration) (sum Value, forcible bool, err error) {
	if !validKey(key) || !delta.isNumber() || init.Kind != None && !init.isNumber() || ttl < 0 {
		return Value{}, false, ErrBadArgument
	}
	// The usual case first, without what making room takes.
	s, hash := z.shard(key)
	s.mu.Lock()
	if id, e := s.find(hash, key); id != 0 && !z.expired(e) {
		sum, err = s.add(id, e, delta)
		s.mu.Unlock()
		return sum, false, err
	}
	s.misses++
	s.mu.Unlock()
	if init.Kind == None {
		return Value{}, false, ErrNotFound
	}
	return z.begin(key, delta, init, ttl)
}

// begin adds to a number that has to be made first, unless somebody else does
// meanwhile.
func (z *Memory) begin(key []byte, delta, init Value, ttl time.Duration) (sum Value, forcible bool, err error) {
	forcible, err = z.attempt(key, true, func(s *shard, hash uint32) (need int64, err error) {
		id, e := s.find(hash, key)
		if id != 0 && !z.expired(e) {
			sum, err = s.add(id, e, delta)
			return 0, err
		}
		sum = init.Plus(delta)
		return s.write(id, e, hash, key, sum, ttl), nil
	})
	if err != nil {
		sum = Value{}
	}
	return sum, forcible, err
}

// add adds to an entry's number.
func (s *shard) add(id uint32, e *entry, delta Value) (sum Value, err error) {
	old := Value{Kind: e.kind, number: e.number}
	if !old.isNumber() {
		return Value{}, ErrNotNumber
	}
	s.hits++
	s.changes++
	sum = old.Plus(delta)
	e.kind, e.number = sum.Kind, sum.number
	s.touch(id, e)
	return sum, nil
}
