package memory

import (
	"errors"
	"fmt"
	"math"
)

const (
	pageSize = 64 << 10 // the unit of all sizes, in bytes: a page of WebAssembly
	maxSize  = 1 << 32  // what its addresses of 32 bits reach
)

// Memory is the linear memory of one instance; it implements wazero's
// experimental.LinearMemory. It is not safe for concurrent use, and Reset and
// Free ask for more: no code may be using its bytes.
type Memory struct {
	budget *Budget
	image  *Image
	space  space // nil once freed
	max    uint64
	size   uint64
}

// New reserves addresses for a memory of up to max bytes, a multiple of
// 64 KiB. It uses none of the budget: the memory is empty until Reallocate
// grows it, over the image's content first. Without an image, which may be
// nil, all of it is zeros.
func New(b *Budget, image *Image, max uint64) (*Memory, error) {
	if image == nil {
		image = newImage(native())
	}
	if max%pageSize != 0 || max > maxSize || max > math.MaxInt {
		return nil, fmt.Errorf("cannot make a memory of up to %d bytes: it must be a multiple of %d that the machine can address", max, pageSize)
	}
	if image.Size() > max {
		return nil, fmt.Errorf("cannot make a memory of up to %d bytes from an image of %d", max, image.Size())
	}
	if !image.use() {
		return nil, errors.New("cannot make a memory from an image that is closed")
	}
	space, err := image.content.reserve(max)
	if err != nil {
		image.release()
		return nil, fmt.Errorf("cannot reserve addresses for a memory of up to %d bytes (the limits are vm.max_map_count and ulimit -v): %w", max, err)
	}
	return &Memory{budget: b, image: image, space: space, max: max}, nil
}

// Reallocate grows the memory to size bytes and returns them, always at the
// same address. It returns nil and changes nothing where size is no multiple
// of 64 KiB, less than the present size, more than the maximum or more than
// the budget or the machine has left.
//
// Bytes below the image's size show the image, also where a module's minimum
// is less than that and the rest comes with a later call; others are zero.
func (m *Memory) Reallocate(size uint64) []byte {
	if m.space == nil || size%pageSize != 0 || size < m.size || size > m.max || !m.budget.take(size-m.size) {
		return nil
	}
	if open := max(m.size, m.image.Size()); size > open && m.space.grow(open, size) != nil {
		m.budget.give(size - m.size)
		return nil
	}
	m.size = size
	return m.space.bytes()[:size:size]
}

// Size is how many bytes the memory has.
func (m *Memory) Size() uint64 { return m.size }

// Image takes an image of the present content and size. It belongs to the
// caller, who closes it.
func (m *Memory) Image() (*Image, error) {
	if m.space == nil {
		return nil, errors.New("cannot take an image of a memory that is freed")
	}
	content, err := m.space.freeze(m.size)
	if err != nil {
		return nil, fmt.Errorf("cannot take an image of a memory of %d bytes: %w", m.size, err)
	}
	return newImage(content), nil
}

// Reset brings back the image's content, and its size where the memory has
// grown beyond it: that part goes back to the budget and to the machine.
// After an error the content is undefined and only Free is left to call.
//
// No code may be using the memory, and afterwards nothing may touch the part
// that is gone: on Linux that ends the process. An engine that keeps the old
// size in its own books must correct it or leave the instance.
func (m *Memory) Reset() error {
	if m.space == nil {
		return errors.New("cannot reset a memory that is freed")
	}
	if err := m.space.reset(m.size); err != nil {
		return fmt.Errorf("cannot reset a memory of %d bytes: %w", m.size, err)
	}
	keep := min(m.size, m.image.Size())
	m.budget.give(m.size - keep)
	m.size = keep
	return nil
}

// Free gives the memory back. No code may be using it, and nothing may touch
// its bytes afterwards: on Linux that ends the process. Further calls do
// nothing.
func (m *Memory) Free() {
	if m.space == nil {
		return
	}
	m.space.free()
	m.image.release()
	m.budget.give(m.size)
	m.space, m.size = nil, 0
}
