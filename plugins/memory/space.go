package memory

// A snapshot is the content of an image, in the way of one operating system.
// The empty one, of size 0, is where memories without an image come from.
type snapshot interface {
	size() uint64
	// reserve makes a range of limit addresses that shows the snapshot at its
	// beginning. The rest is closed.
	reserve(limit uint64) (space, error)
	// free is called when no space made from it is left.
	free()
}

// A space is the range of addresses of one memory. Who calls it keeps count of
// what is open: the first bytes, at least as many as the snapshot has.
type space interface {
	// bytes is the whole range, of which only what is open may be touched.
	bytes() []byte
	// grow opens a part behind what is open. It shows zeros.
	grow(from, to uint64) error
	// reset undoes all writes to the first size bytes, and closes what of them
	// is behind the snapshot.
	reset(size uint64) error
	// freeze takes a snapshot of the first size bytes.
	freeze(size uint64) (snapshot, error)
	// free gives the range back.
	free()
}
