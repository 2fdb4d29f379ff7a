package zone

import "unsafe"

const (
	cellSize    = 64
	segmentBits = 8
	segmentLen  = 1 << segmentBits
	inlineSize  = 16
	blockSize   = cellSize - 4
	maxInCells  = 4 << 10 // a longer key and text stand on the heap

	// EntryOverhead is what an entry counts beside its key and text: its cell
	// and its places in the index and among the expiry times.
	EntryOverhead = cellSize + 16
)

// cell is what entries, blocks and list heads are made of.
type cell [cellSize / 8]uint64

// entry is a key with its value, or an element of a list.
type entry struct {
	expires int64  // in nanoseconds of the zone's clock, 0 never
	number  uint64 // of an Int, Float or Bool; a list's head's cell
	hash    uint32
	chain   uint32 // the next in the index's bucket
	newer   uint32 // neighbours in the order of use, or in a list
	older   uint32
	due     uint32 // the place among the expiry times, from 1; 0 where it never expires
	more    uint32 // the first block, or the place among the large
	size    uint32 // of the text
	key     uint16 // the key's length less one
	kind    Kind
	form    form
	inline  [inlineSize]byte
}

// form says how to read an entry.
type form uint8

const (
	largeForm   form = 1 << iota // key and text stand on the heap
	elementForm                  // of a list: it has no key
)

// block is what follows the inline part of key and text.
type block struct {
	next uint32
	data [blockSize]byte
}

// head is where a list begins and ends, and how much its elements count.
type head struct {
	left, right uint32
	count       int64
	bytes       int64
}

// The three fit a cell, or this does not compile.
var (
	_ [cellSize - unsafe.Sizeof(entry{})]byte
	_ [cellSize - unsafe.Sizeof(block{})]byte
	_ [cellSize - unsafe.Sizeof(head{})]byte
)

func (s *shard) cell(id uint32) *cell   { return &s.segments[id>>segmentBits][id%segmentLen] }
func (s *shard) entry(id uint32) *entry { return (*entry)(unsafe.Pointer(s.cell(id))) }
func (s *shard) block(id uint32) *block { return (*block)(unsafe.Pointer(s.cell(id))) }
func (s *shard) head(id uint32) *head   { return (*head)(unsafe.Pointer(s.cell(id))) }

// take is a free cell. Its content is left from before.
func (s *shard) take() uint32 {
	if id := s.free; id != 0 {
		s.free = s.block(id).next
		return id
	}
	id := s.fresh
	if id>>segmentBits == uint32(len(s.segments)) {
		s.segments = append(s.segments, new([segmentLen]cell))
		if id == 0 {
			id = 1 // 0 is none
		}
	}
	s.fresh = id + 1
	return id
}

// give makes a cell free.
func (s *shard) give(id uint32) {
	s.block(id).next = s.free
	s.free = id
}

// cost is what an entry counts whose key and text have that many bytes.
func cost(bytes int) int64 {
	switch {
	case bytes > maxInCells:
		return int64(EntryOverhead + bytes)
	case bytes > inlineSize:
		return int64(EntryOverhead + (bytes-inlineSize+blockSize-1)/blockSize*cellSize)
	}
	return EntryOverhead
}

// store writes key and text of an entry that has none.
func (s *shard) store(e *entry, key, text []byte) {
	if len(key)+len(text) > maxInCells {
		e.form |= largeForm
		both := append(append(make([]byte, 0, len(key)+len(text)), key...), text...)
		if n := len(s.freeLarge); n > 0 {
			e.more = s.freeLarge[n-1]
			s.freeLarge = s.freeLarge[:n-1]
			s.large[e.more] = both
		} else {
			e.more = uint32(len(s.large))
			s.large = append(s.large, both)
		}
		return
	}
	room := e.inline[:]
	link := &e.more
	for _, part := range [2][]byte{key, text} {
		for {
			n := copy(room, part)
			room, part = room[n:], part[n:]
			if len(part) == 0 {
				break
			}
			id := s.take()
			b := s.block(id)
			*link, link, room = id, &b.next, b.data[:]
		}
	}
	*link = 0
}

// drop gives back what store has taken.
func (s *shard) drop(e *entry) {
	if e.form&largeForm != 0 {
		s.large[e.more] = nil
		s.freeLarge = append(s.freeLarge, e.more)
	} else {
		for id := e.more; id != 0; {
			next := s.block(id).next
			s.give(id)
			id = next
		}
	}
	e.form, e.more = e.form&^largeForm, 0
}

// hasKey tells whether the entry's key is this one.
func (s *shard) hasKey(e *entry, key []byte) bool {
	if int(e.key)+1 != len(key) {
		return false
	}
	if e.form&largeForm != 0 {
		return string(s.large[e.more][:len(key)]) == string(key)
	}
	n := min(len(key), inlineSize)
	if string(e.inline[:n]) != string(key[:n]) {
		return false
	}
	for id := e.more; n < len(key); {
		b := s.block(id)
		size := min(len(key)-n, blockSize)
		if string(b.data[:size]) != string(key[n:n+size]) {
			return false
		}
		n, id = n+size, b.next
	}
	return true
}

// read appends size bytes of key and text, without the first skip ones.
func (s *shard) read(dst []byte, e *entry, skip, size int) []byte {
	if e.form&largeForm != 0 {
		return append(dst, s.large[e.more][skip:skip+size]...)
	}
	if skip < inlineSize {
		n := min(size, inlineSize-skip)
		dst = append(dst, e.inline[skip:skip+n]...)
		skip, size = 0, size-n
	} else {
		skip -= inlineSize
	}
	for id := e.more; size > 0; {
		b := s.block(id)
		if skip < blockSize {
			n := min(size, blockSize-skip)
			dst = append(dst, b.data[skip:skip+n]...)
			skip, size = 0, size-n
		} else {
			skip -= blockSize
		}
		id = b.next
	}
	return dst
}

// value is an entry's value. A large text is handed out, others are appended
// to dst.
func (s *shard) value(dst []byte, e *entry) Value {
	if e.kind != Text {
		return Value{Kind: e.kind, number: e.number}
	}
	return TextOf(s.text(dst, e))
}

func (s *shard) text(dst []byte, e *entry) []byte {
	skip := e.keySize()
	if e.form&largeForm != 0 {
		return s.large[e.more][skip:len(s.large[e.more]):len(s.large[e.more])]
	}
	return s.read(dst, e, skip, int(e.size))
}

// keySize is the length of an entry's key, 0 of an element.
func (e *entry) keySize() int {
	if e.form&elementForm != 0 {
		return 0
	}
	return int(e.key) + 1
}

// cost is what the entry counts, without the elements of a list.
func (e *entry) cost() int64 {
	if e.kind == list {
		return cost(e.keySize()) + cellSize
	}
	return cost(e.keySize() + int(e.size))
}
