package zone

import (
	"context"
	"encoding/binary"
)

// Keys implements Store: get_keys of a shared dictionary. It goes through the
// index bucket by bucket and holds a shard's lock for some of them only, so it
// keeps nobody waiting, however many keys there are. An entry never changes
// its bucket but when the zone's size changes.
func (z *Memory) Keys(_ context.Context, dst []byte, max int) ([]byte, error) {
	if max < 0 {
		return dst, ErrBadArgument
	}
	if max == 0 {
		max = int(^uint(0) >> 1)
	}
	for i := range z.shards {
		s := &z.shards[i]
		for bucket, more := 0, true; more && max > 0; {
			dst, bucket, more = s.keys(dst, bucket, &max)
		}
	}
	return dst, nil
}

// keys appends the keys in some buckets, from one on, and answers the next.
func (s *shard) keys(dst []byte, bucket int, max *int) (_ []byte, next int, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.zone.clock()
	for work := 0; bucket < len(s.index) && work < 4*batch; bucket++ {
		work++
		for id := s.index[bucket]; id != 0; work += 4 {
			e := s.entry(id)
			if id = e.chain; e.expires != 0 && e.expires <= now {
				continue
			}
			if *max == 0 {
				return dst, bucket, false
			}
			*max--
			dst = binary.LittleEndian.AppendUint32(dst, uint32(e.keySize()))
			dst = s.read(dst, e, 0, e.keySize())
		}
	}
	return dst, bucket, bucket < len(s.index)
}
