package zone

import "context"

// Hold implements Store: the incoming function of resty.limit.conn. The count
// is a number like any other. There are no tickets: one is like another.
func (z *Memory) Hold(_ context.Context, key []byte, most int) (n int, ticket uint64, err error) {
	if !validKey(key) || most < 1 {
		return 0, 0, ErrBadArgument
	}
	_, err = z.attempt(key, true, func(s *shard, hash uint32) (need int64, err error) {
		id, e := s.find(hash, key)
		if id == 0 || z.expired(e) {
			n = 1
			return s.write(id, e, hash, key, IntOf(1), 0), nil
		}
		old := Value{Kind: e.kind, number: e.number}
		switch {
		case !old.isNumber():
			return 0, ErrNotNumber
		case old.Float()+1 > float64(most):
			return 0, ErrBusy
		}
		sum, err := s.add(id, e, IntOf(1))
		n = int(sum.Float())
		return 0, err
	})
	if err != nil {
		n = 0
	}
	return n, 0, err
}

// Release implements Store: the leaving function of resty.limit.conn. A key
// that was evicted or set meanwhile is left alone where it has no number.
func (z *Memory) Release(_ context.Context, key []byte, _ uint64) error {
	if !validKey(key) {
		return ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, e := s.live(hash, key)
	if id == 0 {
		return nil
	}
	if sum, err := s.add(id, e, IntOf(-1)); err == nil && sum.Float() <= 0 {
		s.remove(id, e) // else keys of clients would pile up
	}
	return nil
}
