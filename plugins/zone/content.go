package zone

import (
	"context"
	"math"
	"unicode/utf8"
)

// Content is what of a zone can be kept in a file and edited there: texts that
// are UTF-8, as their keys must be, numbers and booleans, as far as they live
// forever. What expires is not part of it, nor are lists, bytes that are no
// UTF-8, infinities and NaN.
type Content map[string]Value

// Changes counts what may have changed the zone's Content since it was made,
// but for entries that have expired: they were not in it.
func (z *Memory) Changes() (n uint64) {
	for i := range z.shards {
		s := &z.shards[i]
		s.mu.Lock()
		n += s.changes
		s.mu.Unlock()
	}
	return n
}

// Content is a copy of the zone's content, each key as it was at some moment,
// and how many keys it lacks though they live forever. As [Memory.Keys] it
// keeps nobody waiting. Where the zone's size changes meanwhile it may lack
// keys; then Changes has grown.
func (z *Memory) Content() (c Content, lacks int) {
	c = Content{}
	for i := range z.shards {
		s := &z.shards[i]
		for bucket, more := 0, true; more; {
			bucket, more = s.content(c, &lacks, bucket)
		}
	}
	return c, lacks
}

// content puts the entries in some buckets, from one on, into c, and answers
// the next.
func (s *shard) content(c Content, lacks *int, bucket int) (next int, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for work := 0; bucket < len(s.index) && work < 4*batch; bucket++ {
		work++
		for id := s.index[bucket]; id != 0; work += 4 {
			e := s.entry(id)
			if id = e.chain; e.expires != 0 {
				continue
			}
			key := s.read(nil, e, 0, e.keySize())
			if e.kind == list || !utf8.Valid(key) {
				*lacks++
				continue
			}
			if v := s.value(nil, e); v.isContent() {
				c[string(key)] = v
			} else {
				*lacks++
			}
		}
	}
	return bucket, bucket < len(s.index)
}

func (v Value) isContent() bool {
	switch v.Kind {
	case Text:
		return utf8.Valid(v.Text())
	case Float:
		return !math.IsInf(v.Float(), 0) && !math.IsNaN(v.Float())
	}
	return v.Kind != None
}

// Replace makes c the zone's content, key by key. It evicts nothing: what there
// is no room for it deletes from c. What is not Content stays in the zone, but
// for keys that c has.
func (z *Memory) Replace(c Content) {
	ctx := context.Background() // nothing waits
	was, _ := z.Content()
	for key := range was {
		if _, stays := c[key]; !stays {
			_ = z.Delete(ctx, []byte(key)) // valid: it was there
		}
	}
	for key, v := range c {
		if old, there := was[key]; there && old.Equal(v) {
			continue
		}
		if _, err := z.Set(ctx, SafeSet, []byte(key), v, 0); err != nil {
			_ = z.Delete(ctx, []byte(key))
			delete(c, key)
		}
	}
}
