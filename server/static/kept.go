package static

import (
	"sync"
	"time"
)

// Files that are asked for again and again are kept for a moment, small ones in
// memory and larger ones open, so that most answers need neither open, read nor
// close. nginx has its open_file_cache for that, which keeps for a minute; here a
// change is seen after keepFor.
const (
	keepFor  = 100 * time.Millisecond
	keepMost = 4 << 20 // bytes of a directory
	keepOpen = 128     // files of a directory
	entry    = 1 << 10 // about what one takes beside its bytes
)

// A key is a name and what the client accepts, where that has a say.
type key struct {
	name     string
	accepted codings
}

// kept are the files of a directory that have been served lately. It is safe for
// concurrent use.
type kept struct {
	mu    sync.RWMutex
	files map[key]*file
	bytes int
	open  int // how many of them are open
}

// get returns the file if it was opened no longer than keepFor ago. The caller
// closes it.
func (k *kept) get(name []byte, accepted codings) *file {
	k.mu.RLock()
	f := k.files[key{string(name), accepted}]
	if f != nil {
		f.share()
	}
	k.mu.RUnlock()
	if f == nil || time.Since(f.opened) <= keepFor && (f.File == nil || !f.changed()) {
		return f
	}
	f.Close()
	return nil
}

// put keeps a file that was opened just now.
func (k *kept) put(name string, accepted codings, f *file) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := key{name, accepted}
	k.forget(at)
	if k.bytes+len(f.content)+entry > keepMost {
		k.forgetAll()
	}
	if f.File != nil {
		if k.open == keepOpen {
			return
		}
		k.open++
		f.share()
		time.AfterFunc(keepFor, func() { k.expire(at, f) })
	}
	if k.files == nil {
		k.files = map[key]*file{}
	}
	k.files[at] = f
	k.bytes += len(f.content) + entry
}

// expire forgets a file that would else be open for ever.
func (k *kept) expire(at key, f *file) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.files[at] == f {
		k.forget(at)
	}
}

// forget forgets a file, if it is kept.
func (k *kept) forget(at key) {
	f := k.files[at]
	if f == nil {
		return
	}
	delete(k.files, at)
	k.bytes -= len(f.content) + entry
	if f.File != nil {
		k.open--
	}
	f.Close()
}

func (k *kept) forgetAll() {
	for at := range k.files {
		k.forget(at)
	}
}

// clear forgets all of them.
func (k *kept) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgetAll()
}
