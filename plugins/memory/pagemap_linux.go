package memory

import (
	"encoding/binary"
	"os"
	"unsafe"
)

// hot is how many bytes of written pages a space keeps and copies back. The
// next request writes mostly the same ones again, and to copy a page costs a
// fraction of the page fault that follows where it was dropped. A stock Go
// guest writes 1 to 70 pages a request. Where there are more, all are dropped,
// and with them those that only a rare request writes.
const hot = 1 << 20

// pagemap is the kernel's table of the process's pages: it tells which pages
// of a private mapping have been written to.
// See https://docs.kernel.org/admin-guide/mm/pagemap.html.
type pagemap struct{ file *os.File }

// pagemapEntries is a buffer for a part of the table: 8 bytes a page.
type pagemapEntries [4096]byte

// An entry's bits. A page of the mapping's file is the file's until it is
// written to; from then on it is anonymous, in memory or swapped out.
const (
	pageIsFiles = 1 << 61
	pageSwapped = 1 << 62
	pagePresent = 1 << 63
)

// openPagemap opens the table. It answers nil where there is none, as in a
// process that may not be traced, or where it does not show that a private
// mapping of a file has been written to: that is tried out at the mapping's
// first byte, which keeps its value.
func openPagemap(mapping []byte) *pagemap {
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil
	}
	p := &pagemap{file}
	var entries pagemapEntries
	mapping[0]++
	ok := p.read(entries[:8], mapping) && written(entries[:8])
	mapping[0]--
	if !ok {
		p.close()
		return nil
	}
	return p
}

func (p *pagemap) close() { p.file.Close() }

// read reads the entries of the first pages of b.
func (p *pagemap) read(entries, b []byte) bool {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	_, err := p.file.ReadAt(entries, int64(address)/int64(os.Getpagesize())*8)
	return err == nil
}

// written tells from an entry whether a page differs from its file's.
func written(entry []byte) bool {
	e := binary.NativeEndian.Uint64(entry)
	return e&(pagePresent|pageSwapped) != 0 && e&pageIsFiles == 0
}

// copyBack copies the image over the pages of a private mapping of it that
// have been written to. It answers false where it cannot, or where these are
// too many.
func (p *pagemap) copyBack(mapping, image []byte, buffer *pagemapEntries) bool {
	if p == nil {
		return false
	}
	page := os.Getpagesize()
	left := hot / page
	for len(mapping) > 0 {
		entries := buffer[:min(len(buffer), len(mapping)/page*8)]
		if !p.read(entries, mapping) {
			return false
		}
		for ; len(entries) > 0; entries = entries[8:] {
			if written(entries) {
				if left == 0 {
					return false
				}
				left--
				copy(mapping[:page], image)
			}
			mapping, image = mapping[page:], image[page:]
		}
	}
	return true
}
