package zone

import (
	"context"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// MinSize is the least size of a zone, in bytes.
const MinSize = 64 << 10

// Memory is a zone in this process. Its functions never wait for more than a
// lock, so they look at no context.
type Memory struct {
	capacity atomic.Int64
	used     atomic.Int64
	seed     maphash.Seed
	now      func() int64 // in nanoseconds; nil is the process's monotonic clock
	epoch    time.Time
	shift    int // of a hash, to a shard's number
	shards   []shard
}

var _ Store = (*Memory)(nil)

const (
	shardSize = 1 << 20 // of a zone's size, for each shard
	maxShards = 64
)

// New makes an empty zone of that many bytes, at least MinSize. The package
// comment says what entries count.
func New(size int64) *Memory { return newMemory(size, nil) }

func newMemory(size int64, now func() int64) *Memory {
	size = max(size, MinSize)
	shards := min(maxShards, 1<<(bits.Len64(uint64(max(1, size/shardSize)))-1))
	z := &Memory{
		seed: maphash.MakeSeed(), now: now, epoch: time.Now(),
		shift: 64 - bits.TrailingZeros(uint(shards)), shards: make([]shard, shards),
	}
	z.capacity.Store(size)
	for i := range z.shards {
		z.shards[i].init(z, i, z.buckets())
	}
	return z
}

// buckets is how many buckets each shard's index has: as many as the shard can
// have entries, or up to twice as many.
func (z *Memory) buckets() int {
	entries := z.capacity.Load() / EntryOverhead / int64(len(z.shards))
	return 1 << min(31, bits.Len64(uint64(entries)))
}

// Resize changes the zone's size, to MinSize at least. Where what is there
// does not fit any more it evicts: what has expired first, then what has not
// been used for longest. The number of shards stays. What is evicted leaves
// its memory to later entries, not to the process.
func (z *Memory) Resize(size int64) {
	z.capacity.Store(max(size, MinSize))
	for i := range z.shards {
		z.shards[i].rehash(z.buckets())
	}
	z.makeRoom(0, 0, 0, true)
}

// rehash gives the index another number of buckets.
func (s *shard) rehash(buckets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if buckets == len(s.index) {
		return
	}
	s.changes++ // who goes through the buckets may have missed some
	s.index = make([]uint32, buckets)
	for id := s.newest; id != 0; {
		e := s.entry(id)
		bucket := s.bucket(e.hash)
		e.chain, *bucket = *bucket, id
		id = e.older
	}
}

// clock is the time in nanoseconds, from any beginning.
func (z *Memory) clock() int64 {
	if z.now != nil {
		return z.now()
	}
	return int64(time.Since(z.epoch)) + 1 // 0 means never
}

// deadline is when a TTL ends: 0, never, for 0 and for what is beyond the
// clock. It is rounded up to whole milliseconds.
func (z *Memory) deadline(ttl time.Duration) int64 {
	const unit = int64(time.Millisecond)
	if ttl == 0 {
		return 0
	}
	now := z.clock()
	if int64(ttl) > math.MaxInt64-now-unit {
		return math.MaxInt64
	}
	return now + (int64(ttl)+unit-1)/unit*unit
}

// expired tells whether an entry's time is up.
func (z *Memory) expired(e *entry) bool { return e.expires != 0 && e.expires <= z.clock() }

// shard is where a key belongs, and the part of its hash that counts there.
func (z *Memory) shard(key []byte) (*shard, uint32) {
	hash := maphash.Bytes(z.seed, key)
	return &z.shards[hash>>1>>(z.shift-1)], uint32(hash)
}

func validKey(key []byte) bool { return len(key) > 0 && len(key) <= MaxKey }

// Info implements Store.
func (z *Memory) Info(context.Context) (Info, error) {
	f := z.Figures()
	return Info{Capacity: f.Capacity, Free: max(0, f.Capacity-f.Used), Entries: f.Entries}, nil
}

// Figures are what a zone counts about itself since it was made.
type Figures struct {
	Capacity, Used, Entries int64
	Hits, Misses            uint64 // of Get, GetStale and Incr
	Evictions               uint64 // of entries that had not expired
}

// Figures are the zone's figures so far.
func (z *Memory) Figures() Figures {
	f := Figures{Capacity: z.capacity.Load()}
	for i := range z.shards {
		s := &z.shards[i]
		s.mu.Lock()
		f.Used += s.bytes - s.dead
		f.Entries += s.entries
		f.Hits += s.hits
		f.Misses += s.misses
		f.Evictions += s.evictions
		s.mu.Unlock()
	}
	return f
}
