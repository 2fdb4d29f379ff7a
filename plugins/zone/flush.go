package zone

import "context"

// Flush implements Store: flush_all of a shared dictionary. Unlike there,
// nothing is left that GetStale would find.
func (z *Memory) Flush(context.Context) (n int, err error) {
	for i := range z.shards {
		s := &z.shards[i]
		s.mu.Lock()
		n += s.flush()
		s.mu.Unlock()
	}
	return n, nil
}

// FlushExpired implements Store: flush_expired. Those that have expired first
// go first.
func (z *Memory) FlushExpired(_ context.Context, max int) (n int, err error) {
	if max < 0 {
		return 0, ErrBadArgument
	}
	now := z.clock()
	for i := range z.shards {
		for s := &z.shards[i]; s.soonest.Load() <= now && (max == 0 || n < max); {
			most := batch
			if max > 0 {
				most = min(batch, max-n)
			}
			n += s.flushExpired(now, most)
		}
	}
	return n, nil
}

func (s *shard) flushExpired(now int64, most int) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < most && len(s.due) > 0 && s.due[0].at <= now {
		id := s.due[0].id
		s.remove(id, s.entry(id))
		n++
	}
	return n
}
