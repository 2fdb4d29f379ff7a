package memory

import "bytes"

// copied is a snapshot for any operating system: a slice, of which each space
// has a copy.
type copied []byte

func (c copied) size() uint64 { return uint64(len(c)) }
func (c copied) free()        {}

func (c copied) reserve(limit uint64) (space, error) {
	s := &copiedSpace{image: c, all: make([]byte, limit)}
	copy(s.all, c)
	return s, nil
}

// copiedSpace is a slice of the whole range, behind the image all zeros but for
// what is open.
type copiedSpace struct {
	image copied
	all   []byte
}

func (s *copiedSpace) bytes() []byte              { return s.all }
func (s *copiedSpace) grow(from, to uint64) error { return nil }
func (s *copiedSpace) free()                      {}

func (s *copiedSpace) reset(size uint64) error {
	clear(s.all[min(s.image.size(), size):size])
	copy(s.all[:size], s.image)
	return nil
}

func (s *copiedSpace) freeze(size uint64) (snapshot, error) {
	return copied(bytes.Clone(s.all[:size])), nil
}
