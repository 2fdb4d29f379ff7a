package zone

import (
	"math"
	"sync"
	"sync/atomic"
)

// shard is a part of a zone with a lock of its own.
type shard struct {
	zone   *Memory
	number int // among the zone's shards
	mu     sync.Mutex

	index    []uint32 // the first entry of each bucket
	segments []*[segmentLen]cell
	fresh    uint32 // the first cell that has never been used
	free     uint32 // free cells, linked
	garbage  uint32 // entries and elements that wait to be taken apart, linked by older

	newest, oldest uint32 // the order of use
	due            []due  // the entries that expire, the next first

	large     [][]byte // keys and texts on the heap
	freeLarge []uint32 // free places there

	entries   int64
	bytes     int64 // what is counted for all, garbage included
	dead      int64 // what is counted for garbage
	hits      uint64
	misses    uint64
	evictions uint64 // of entries that had not expired
	changes   uint64 // of what Content has

	soonest atomic.Int64 // when the first entry expires; readable without the lock
	_       [64]byte     // keeps the locks of two shards off one cache line
}

func (s *shard) init(z *Memory, number, buckets int) {
	s.zone, s.number = z, number
	s.index = make([]uint32, buckets)
	s.soonest.Store(math.MaxInt64)
}

func (s *shard) bucket(hash uint32) *uint32 { return &s.index[hash&uint32(len(s.index)-1)] }

// find is the entry of a key, expired or not, or 0.
func (s *shard) find(hash uint32, key []byte) (uint32, *entry) {
	for id := *s.bucket(hash); id != 0; {
		e := s.entry(id)
		if e.hash == hash && s.hasKey(e, key) {
			return id, e
		}
		id = e.chain
	}
	return 0, nil
}

// live is the entry of a key that has not expired, or 0.
func (s *shard) live(hash uint32, key []byte) (uint32, *entry) {
	id, e := s.find(hash, key)
	if id == 0 || s.zone.expired(e) {
		return 0, nil
	}
	return id, e
}

// insert makes an entry for a key that has none. The caller writes its value.
func (s *shard) insert(hash uint32, key []byte) (uint32, *entry) {
	s.recycle(1)
	id := s.take()
	e := s.entry(id)
	bucket := s.bucket(hash)
	*e = entry{hash: hash, key: uint16(len(key) - 1), chain: *bucket}
	*bucket = id
	s.pushNewest(id, e)
	s.entries++
	return id, e
}

// unlink takes an entry out of everything that leads to it.
func (s *shard) unlink(id uint32, e *entry) {
	link := s.bucket(e.hash)
	for *link != id {
		link = &s.entry(*link).chain
	}
	*link = e.chain
	s.leave(e)
	s.cancel(e)
	s.entries--
}

// remove deletes an entry. The elements of a list wait to be taken apart.
func (s *shard) remove(id uint32, e *entry) {
	s.changes++
	s.unlink(id, e)
	if e.kind == list {
		s.dead += s.head(uint32(e.number)).bytes
	}
	s.takeApart(id, e)
}

// takeApart gives back all that an entry or an element has that nothing leads
// to any more. The elements of a list become garbage.
func (s *shard) takeApart(id uint32, e *entry) {
	s.uncount(e.cost())
	if e.kind == list {
		s.discard(s.head(uint32(e.number)))
		s.give(uint32(e.number))
	}
	s.drop(e)
	s.give(id)
}

// discard puts a list's elements among the garbage.
func (s *shard) discard(h *head) {
	if h.left != 0 {
		s.entry(h.right).older = s.garbage
		s.garbage = h.left
	}
}

// recycle takes up to n pieces of garbage apart, and tells whether there were
// any.
func (s *shard) recycle(n int) bool {
	any := s.garbage != 0
	for ; n > 0 && s.garbage != 0; n-- {
		id := s.garbage
		e := s.entry(id)
		s.garbage = e.older
		s.dead -= e.cost()
		s.takeApart(id, e)
	}
	return any
}

// flush makes garbage of all entries and answers how many there were.
func (s *shard) flush() int {
	n := s.entries
	if n == 0 {
		return 0
	}
	s.changes++
	s.entry(s.oldest).older = s.garbage
	s.garbage = s.newest
	s.newest, s.oldest, s.entries = 0, 0, 0
	s.dead = s.bytes // the elements of lists included
	clear(s.index)
	s.due = s.due[:0]
	s.soonest.Store(math.MaxInt64)
	return int(n)
}

// pushNewest puts an entry at the front of the order of use.
func (s *shard) pushNewest(id uint32, e *entry) {
	e.newer, e.older = 0, s.newest
	if s.newest != 0 {
		s.entry(s.newest).newer = id
	} else {
		s.oldest = id
	}
	s.newest = id
}

// leave takes an entry out of the order of use.
func (s *shard) leave(e *entry) {
	if e.newer != 0 {
		s.entry(e.newer).older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != 0 {
		s.entry(e.older).newer = e.newer
	} else {
		s.oldest = e.newer
	}
}

// touch makes an entry the one used last.
func (s *shard) touch(id uint32, e *entry) {
	if s.newest != id {
		s.leave(e)
		s.pushNewest(id, e)
	}
}
