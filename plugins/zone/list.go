package zone

import "context"

// Push implements Store: lpush and rpush of a shared dictionary.
func (z *Memory) Push(_ context.Context, key []byte, end End, v Value) (length int, err error) {
	if !validKey(key) || v.Kind == None || end > Right {
		return 0, ErrBadArgument
	}
	_, err = z.attempt(key, false, func(s *shard, hash uint32) (int64, error) {
		id, e := s.find(hash, key)
		live := id != 0 && !z.expired(e)
		if live && e.kind != list {
			return 0, ErrNotList
		}
		need := cost(len(v.Text()))
		if !live {
			need += cost(len(key)) + cellSize
			if id != 0 {
				need -= e.cost()
			}
		}
		if !s.grow(need) {
			return need, nil
		}
		if !live {
			id, e = s.makeList(id, e, hash, key)
		}
		s.touch(id, e)
		length = s.push(s.head(uint32(e.number)), end, v)
		return 0, nil
	})
	return length, err
}

// makeList makes a key's entry, or what has expired, an empty list.
func (s *shard) makeList(id uint32, e *entry, hash uint32, key []byte) (uint32, *entry) {
	if id == 0 {
		id, e = s.insert(hash, key)
	} else {
		s.empty(e)
		s.drop(e)
		s.expireAt(id, e, 0)
	}
	s.store(e, key, nil)
	at := s.take()
	*s.head(at) = head{}
	e.kind, e.number, e.size = list, uint64(at), 0
	return id, e
}

func (s *shard) push(h *head, end End, v Value) int {
	s.recycle(1)
	id := s.take()
	e := s.entry(id)
	*e = entry{form: elementForm, kind: v.Kind, number: v.number, size: uint32(len(v.Text()))}
	s.store(e, nil, v.Text())
	switch {
	case h.left == 0:
		h.left, h.right = id, id
	case end == Left:
		e.older = h.left
		s.entry(h.left).newer = id
		h.left = id
	default:
		e.newer = h.right
		s.entry(h.right).older = id
		h.right = id
	}
	h.count++
	h.bytes += e.cost()
	return int(h.count)
}

// Pop implements Store: lpop and rpop.
func (z *Memory) Pop(_ context.Context, dst, key []byte, end End, room int) (v Value, err error) {
	if !validKey(key) || end > Right {
		return v, ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, e := s.live(hash, key)
	switch {
	case id == 0:
		return v, ErrNotFound
	case e.kind != list:
		return v, ErrNotList
	}
	s.touch(id, e)
	h := s.head(uint32(e.number))
	at := h.left
	if end == Right {
		at = h.right
	}
	x := s.entry(at)
	if v = s.value(dst, x); v.Size() > room {
		return v, nil
	}
	if x.newer != 0 {
		s.entry(x.newer).older = x.older
	} else {
		h.left = x.older
	}
	if x.older != 0 {
		s.entry(x.older).newer = x.newer
	} else {
		h.right = x.newer
	}
	h.count--
	h.bytes -= x.cost()
	s.takeApart(at, x)
	if h.count == 0 {
		s.remove(id, e)
	}
	return v, nil
}

// Len implements Store: llen.
func (z *Memory) Len(_ context.Context, key []byte) (int, error) {
	if !validKey(key) {
		return 0, ErrBadArgument
	}
	s, hash := z.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, e := s.live(hash, key)
	switch {
	case id == 0:
		return 0, nil
	case e.kind != list:
		return 0, ErrNotList
	}
	return int(s.head(uint32(e.number)).count), nil
}
