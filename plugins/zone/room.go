package zone

// batch is how many entries are deleted in one go: others wait meanwhile.
const batch = 64

// retries is how often an operation makes room that others take before it can.
const retries = 1000

// full tells whether there is no room for n more bytes.
func (z *Memory) full(n int64) bool { return z.used.Load()+n > z.capacity.Load() }

// grow counts n more bytes, or fewer, if there is room for them.
func (s *shard) grow(n int64) bool {
	if n != 0 && s.zone.used.Add(n) > s.zone.capacity.Load() && n > 0 {
		s.zone.used.Add(-n)
		return false
	}
	s.bytes += n
	return true
}

// uncount takes back what an entry has counted.
func (s *shard) uncount(n int64) {
	s.bytes -= n
	s.zone.used.Add(-n)
}

// attempt does something with a key's shard locked. Where that needs room, it
// makes it and tries again.
func (z *Memory) attempt(key []byte, evict bool, do func(s *shard, hash uint32) (need int64, err error)) (forcible bool, err error) {
	s, hash := z.shard(key)
	for range retries {
		s.mu.Lock()
		need, err := do(s, hash)
		s.mu.Unlock()
		if need <= 0 {
			return forcible, err
		}
		evicted, ok := z.makeRoom(s.number, hash, need, evict)
		forcible = forcible || evicted
		if !ok {
			break
		}
	}
	return forcible, ErrNoMemory
}

// makeRoom deletes until there is room for n more bytes: garbage, then what has
// expired, in all shards; and where evict is set what has not been used for
// longest, from one shard after the other, beginning with own, but for the
// entries of own with this hash. No lock is held when it is called. It tells
// whether it has evicted what had not expired, and whether there is room.
func (z *Memory) makeRoom(own int, hash uint32, n int64, evict bool) (evicted, ok bool) {
	if n > z.capacity.Load() {
		return false, false
	}
	for i := range z.shards {
		s := &z.shards[(own+i)%len(z.shards)]
		for z.full(n) && s.collect() {
		}
	}
	now := z.clock()
	for i := range z.shards {
		s := &z.shards[(own+i)%len(z.shards)]
		for z.full(n) && s.soonest.Load() <= now && s.expire(now, n) {
		}
	}
	for idle, at := 0, own; evict && z.full(n) && idle < len(z.shards); at = (at + 1) % len(z.shards) {
		but := uint32(0)
		if at == own {
			but = hash
		}
		if did, live := z.shards[at].evict(but); did {
			idle, evicted = 0, evicted || live
		} else {
			idle++
		}
	}
	return evicted, !z.full(n)
}

// collect takes a batch of garbage apart; false means that there was none.
func (s *shard) collect() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recycle(batch)
}

// expire deletes a batch of entries that have expired, or as many as make room
// for n bytes; false means that there was none.
func (s *shard) expire(now, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	any := false
	for i := 0; i < batch && s.zone.full(n); i++ {
		if s.recycle(1) {
			any = true
			continue
		}
		if len(s.due) == 0 || s.due[0].at > now {
			break
		}
		id := s.due[0].id
		s.remove(id, s.entry(id))
		any = true
	}
	return any
}

// evict deletes the entry that has not been used for longest, but one with
// this hash, and tells whether it did, and whether the entry had not expired.
// Where there is garbage it deletes some of that.
func (s *shard) evict(but uint32) (did, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recycle(batch) {
		return true, false
	}
	id := s.oldest
	for id != 0 && but != 0 && s.entry(id).hash == but {
		id = s.entry(id).newer
	}
	if id == 0 {
		return false, false
	}
	e := s.entry(id)
	live = !s.zone.expired(e)
	if live {
		s.evictions++
	}
	s.remove(id, e)
	return true, live
}
