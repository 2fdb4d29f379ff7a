package sdk

// Most answers are short strings. The host writes them where they stay, one
// behind the other in a block of memory, so that a string costs neither an
// allocation nor a copy:
//
//	n := imports.RequestPath(room())
//	if fitted(n) {
//		return cut(n)
//	}
//	return text(r.AppendPath(renewed(n)))
//
// A string that is kept keeps its block.
const (
	blockSize = 1 << 10
	maxShort  = blockSize / 4 // what is longer gets memory of its own
)

var (
	block = new([blockSize]byte)
	used  int // of the block
)

// room is what is left of the block.
func room() []byte { return block[used:] }

// fitted tells whether an answer of n bytes, or an error, had room.
func fitted(n int32) bool { return int(n) <= blockSize-used }

// cut is the string of n bytes that has been written into room, the empty one
// for an error.
func cut(n int32) string {
	b := room()[:max(n, 0)]
	used += len(b)
	return stringOf(b)
}

// renewed begins a new block where an answer of n bytes would have deserved
// it, and is the buffer for those that had no room.
//
//go:noinline
func renewed(n int32) []byte {
	if n <= maxShort {
		block, used = new([blockSize]byte), 0
	}
	return scratch
}
