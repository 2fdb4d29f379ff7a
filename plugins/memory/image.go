package memory

import "sync"

// Image is what a memory held when it was taken. It never changes and is safe
// for concurrent use.
type Image struct {
	content snapshot

	mu     sync.Mutex
	users  int // the memories made from it and, until Close, its owner
	closed bool
}

func newImage(content snapshot) *Image { return &Image{content: content, users: 1} }

// Size is how many bytes the image has.
func (i *Image) Size() uint64 { return i.content.size() }

// Close ends the image for its owner: no further memory can be made from it.
// Those that were keep it until they are freed. Further calls do nothing.
func (i *Image) Close() {
	i.mu.Lock()
	again := i.closed
	i.closed = true
	i.mu.Unlock()
	if !again {
		i.release()
	}
}

// use keeps the content for one more memory, unless the image is closed.
func (i *Image) use() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return false
	}
	i.users++
	return true
}

// release ends one use. The last one frees the content.
func (i *Image) release() {
	i.mu.Lock()
	i.users--
	last := i.users == 0
	i.mu.Unlock()
	if last {
		i.content.free()
	}
}
