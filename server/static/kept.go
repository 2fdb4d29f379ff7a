package static

import (
	"sync"
	"time"
)

// Small files that are asked for again and again are kept for a moment, so that
// most answers need neither open, stat, read nor close. nginx has its
// open_file_cache for that, which keeps for a minute; here a change is seen
// after keepFor.
const (
	keepFor  = 100 * time.Millisecond
	keepMost = 4 << 20 // bytes of a directory
	entry    = 1 << 10 // about what one takes beside its bytes
)

// A key is a name and what the client accepts, where that has a say.
type key struct {
	name     string
	accepted codings
}

// kept are the small files of a directory that have been served lately. It is
// safe for concurrent use.
type kept struct {
	mu    sync.RWMutex
	files map[key]*file
	bytes int
}

// get returns the file if it was opened no longer than keepFor ago.
func (k *kept) get(name []byte, accepted codings) *file {
	k.mu.RLock()
	f := k.files[key{string(name), accepted}]
	k.mu.RUnlock()
	if f == nil || time.Since(f.opened) > keepFor {
		return nil
	}
	return f
}

// put keeps a file that was opened just now.
func (k *kept) put(name string, accepted codings, f *file) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := key{name, accepted}
	if old := k.files[at]; old != nil {
		k.bytes -= len(old.content) + entry
	}
	k.bytes += len(f.content) + entry
	if k.files == nil || k.bytes > keepMost {
		k.files, k.bytes = map[key]*file{}, len(f.content)+entry
	}
	k.files[at] = f
}

// clear forgets all of them.
func (k *kept) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.files, k.bytes = nil, 0
}
