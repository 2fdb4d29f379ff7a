package meter

import (
	"errors"
	"fmt"
)

// errCut is the error of a module that ends too early.
var errCut = errors.New("it ends in the middle")

// reader reads a part of a module. After the first error everything it reads
// is zero, so that callers look at err once at the end of a loop that cannot
// go on without reading.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.b)
}

func (r *reader) done() bool { return r.pos >= len(r.b) }

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.fail(errCut)
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

// bytes is the next n bytes, a view.
func (r *reader) bytes(n uint32) []byte {
	if uint64(len(r.b)-r.pos) < uint64(n) {
		r.fail(errCut)
		return nil
	}
	b := r.b[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	if r.pos < len(r.b) && r.b[r.pos] < 0x80 { // most are this short
		r.pos++
		return uint32(r.b[r.pos-1])
	}
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		if shift == 28 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.fail(fmt.Errorf("a number at byte %d has more than 32 bits", r.pos))
	return 0
}

// s64 reads a signed LEB128 number of at most 64 bits, which serves for the
// shorter ones as well: whether they fit is checked by the compiler.
func (r *reader) s64() int64 {
	var v int64
	for shift := 0; shift < 70; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if shift < 57 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.fail(fmt.Errorf("a number at byte %d has more than 64 bits", r.pos))
	return 0
}

// name reads a length and as many bytes.
func (r *reader) name() string { return string(r.bytes(r.u32())) }

// count reads how many entries follow. None is shorter than a byte, which
// keeps a forged count from reserving memory.
func (r *reader) count() int {
	n := r.u32()
	if uint64(n) > uint64(len(r.b)-r.pos) {
		r.fail(errCut)
		return 0
	}
	return int(n)
}
