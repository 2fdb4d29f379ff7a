package memory

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hot is how many bytes of written pages a space keeps and copies back. The
// next request writes mostly the same ones again, and to copy a page costs a
// fraction of the page fault that follows where it was dropped. A stock Go
// guest writes 1 to 70 pages a request. Where there are more, all are dropped,
// and with them those that only a rare request writes.
const hot = 1 << 20

// pagemap is the kernel's table of the process's pages: it tells which pages
// of a private mapping have been written to. Where the kernel can look for
// these itself, from Linux 6.7 on, it does; else the entries of all pages are
// read.
// See https://docs.kernel.org/admin-guide/mm/pagemap.html.
type pagemap struct {
	file  *os.File
	scans bool
}

// pagemapBuffer is room for what the kernel says, a part at a time.
type pagemapBuffer struct {
	scan    scanArguments
	regions [64]pageRegion
	entries [2048]byte // 8 bytes a page
}

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
	p := &pagemap{file: file}
	page := mapping[:os.Getpagesize()]
	var buffer pagemapBuffer
	mapping[0]++
	p.scans = p.finds(page, &buffer, (*pagemap).scan)
	ok := p.scans || p.finds(page, &buffer, (*pagemap).read)
	mapping[0]--
	if !ok {
		p.close()
		return nil
	}
	return p
}

func (p *pagemap) close() { p.file.Close() }

// finds tells whether a way to look for pages finds the one that there is.
func (p *pagemap) finds(page []byte, buffer *pagemapBuffer, look lookForWritten) bool {
	found := 0
	ok := look(p, page, buffer, func(first, last int) bool { found += last - first; return true })
	return ok && found == len(page)
}

// lookForWritten is a way to look for the pages of a mapping that have been
// written to: it calls found with where one or several begin and end, for as
// long as that answers true. It answers false where the kernel does not tell,
// or found does not go on.
type lookForWritten func(p *pagemap, mapping []byte, buffer *pagemapBuffer, found func(first, last int) bool) bool

// copyBack copies the image over the pages of a private mapping of it that
// have been written to. It answers false where it cannot, or where these are
// too many.
func (p *pagemap) copyBack(mapping, image []byte, buffer *pagemapBuffer) bool {
	if p == nil {
		return false
	}
	left := hot
	copyPages := func(first, last int) bool {
		if left -= last - first; left < 0 {
			return false
		}
		copy(mapping[first:last], image[first:last])
		return true
	}
	if p.scans {
		return p.scan(mapping, buffer, copyPages)
	}
	return p.read(mapping, buffer, copyPages)
}

// scanArguments and pageRegion are struct pm_scan_arg and struct page_region of
// <linux/fs.h>.
type (
	scanArguments struct {
		size, flags, start, end, walkEnd uint64
		vec, vecLen, maxPages            uint64
		inverted, mask, anyOf, returned  uint64
	}
	pageRegion struct{ start, end, _ uint64 } // and categories
)

// PAGEMAP_SCAN and categories of pages.
const (
	pagemapScan  = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)
	categoryFile = 1 << 2
	categoryHere = 1<<3 | 1<<4 // present, or swapped out
)

// scan has the kernel look for the pages. See lookForWritten.
func (p *pagemap) scan(mapping []byte, buffer *pagemapBuffer, found func(first, last int) bool) bool {
	begin := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mapping))))
	end := begin + uint64(len(mapping))
	buffer.scan = scanArguments{
		size: uint64(unsafe.Sizeof(buffer.scan)), start: begin, end: end,
		vec: uint64(uintptr(unsafe.Pointer(&buffer.regions))), vecLen: uint64(len(buffer.regions)),
		inverted: categoryFile, mask: categoryFile, anyOf: categoryHere, returned: categoryHere,
	}
	for buffer.scan.start < end {
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, p.file.Fd(), pagemapScan, uintptr(unsafe.Pointer(&buffer.scan)))
		if errno != 0 {
			return false
		}
		for _, r := range buffer.regions[:n] {
			if !found(int(r.start-begin), int(r.end-begin)) {
				return false
			}
		}
		if buffer.scan.walkEnd <= buffer.scan.start {
			return false // it would not end
		}
		buffer.scan.start = buffer.scan.walkEnd
	}
	return true
}

// read reads the entries of all pages. See lookForWritten.
func (p *pagemap) read(mapping []byte, buffer *pagemapBuffer, found func(first, last int) bool) bool {
	page := os.Getpagesize()
	for at := 0; at < len(mapping); {
		entries := buffer.entries[:min(len(buffer.entries), (len(mapping)-at)/page*8)]
		address := int64(uintptr(unsafe.Pointer(&mapping[at])))
		if _, err := p.file.ReadAt(entries, address/int64(page)*8); err != nil {
			return false
		}
		for ; len(entries) > 0; entries = entries[8:] {
			if written(entries) && !found(at, at+page) {
				return false
			}
			at += page
		}
	}
	return true
}

// written tells from an entry whether a page differs from its file's.
func written(entry []byte) bool {
	e := binary.NativeEndian.Uint64(entry)
	return e&(pagePresent|pageSwapped) != 0 && e&pageIsFiles == 0
}
