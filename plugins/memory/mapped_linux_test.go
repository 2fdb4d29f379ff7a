package memory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappings counts the process's mappings that lie in a memory's range.
func mappings(t *testing.T, m *Memory) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	begin := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.space.bytes()))))
	n := 0
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			t.Fatal(err)
		}
		if from < begin+m.max && to > begin {
			n++
		}
	}
	return n
}

// The process may have 65,530 mappings in all.
func TestFewMappings(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	first := k.memory(t, plenty(), nil, 8, 64)
	pattern(all(first), 1)
	if n := mappings(t, first); n > 2 {
		t.Errorf("without an image it takes %d", n)
	}
	m := k.memory(t, plenty(), k.imageOf(t, first), 8, 64)
	for range 3 {
		if n := mappings(t, m); n > 2 {
			t.Errorf("with an image it takes %d", n)
		}
		for pages := uint64(9); pages < 20; pages++ {
			pattern(grow(t, m, pages), 2)
			if n := mappings(t, m); n > 3 {
				t.Errorf("grown to %d pages it takes %d", pages, n)
			}
		}
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
	}
}

func faults(access func()) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() != nil }()
	access()
	return false
}

func TestAccessToWhatIsClosedFaults(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	first := k.memory(t, plenty(), nil, 2, 8)
	image := k.imageOf(t, first)
	m := k.memory(t, plenty(), image, 2, 8)
	whole := m.space.bytes()
	read := func(at int) func() { return func() { _ = bytes.IndexByte(whole[at:at+1], 1) } }
	if !faults(read(2*pageSize)) || !faults(read(8*pageSize-1)) {
		t.Error("behind the image is no fault")
	}
	grow(t, m, 4)
	if faults(read(4*pageSize-1)) || !faults(read(4*pageSize)) {
		t.Error("growing opens too little or too much")
	}
	if err := m.Reset(); err != nil {
		t.Fatal(err)
	}
	if faults(read(2*pageSize-1)) || !faults(read(2*pageSize)) {
		t.Error("a reset closes too little or too much")
	}
	if !faults(func() { image.content.(*mapped).content[0] = 1 }) {
		t.Error("the image can be written to")
	}
}

func TestImageIsSealed(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	m := k.memory(t, plenty(), nil, 1, 1)
	file := k.imageOf(t, m).content.(*mapped).file
	if _, err := file.WriteAt([]byte{1}, 0); err == nil {
		t.Error("it can be written to")
	}
	if file.Truncate(0) == nil || file.Truncate(1<<20) == nil {
		t.Error("its size can be changed")
	}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, 0); err == nil {
		t.Error("its seals can be changed")
	}
}

// Zeros take no room in the file.
func TestImageIsSparse(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	m := k.memory(t, plenty(), nil, 64, 64)
	all(m)[40*pageSize] = 1
	image := k.imageOf(t, m)
	info, err := image.content.(*mapped).file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// The one that is written, and the first, where the pagemap is tried out.
	if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; taken > 2*int64(os.Getpagesize()) {
		t.Errorf("it takes %d bytes", taken)
	}
}

// What the kernel finds when it scans is what its table says, wherever the
// written pages are.
func TestScanFindsWhatIsWritten(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	const size = 16
	first := k.memory(t, plenty(), nil, size, size)
	pattern(all(first), 1)
	m := k.memory(t, plenty(), k.imageOf(t, first), size, size)
	content, table, page := all(m), m.image.content.(*mapped).written, os.Getpagesize()
	if !table.scans {
		t.Skip("the kernel does not scan: it is older than Linux 6.7")
	}
	for every := range 5 { // more regions than fit in the buffer, too
		for at := every; at < len(content)/page; at += 2 + every {
			content[at*page]++
		}
		content[len(content)-1]++
		var looks [2][]int
		for i, look := range []lookForWritten{(*pagemap).scan, (*pagemap).read} {
			if !look(table, content, &pagemapBuffer{}, func(first, last int) bool {
				for ; first < last; first += page {
					looks[i] = append(looks[i], first)
				}
				return true
			}) {
				t.Fatal("the kernel does not tell")
			}
		}
		if !slices.Equal(looks[0], looks[1]) || len(looks[0]) == 0 {
			t.Errorf("a scan finds %v, the table says %v", looks[0], looks[1])
		}
		if err := unix.Madvise(content, unix.MADV_DONTNEED); err != nil {
			t.Fatal(err)
		}
	}
}

// writtenPages counts the pages of a memory's image that are its own.
func writtenPages(t *testing.T, m *Memory) int {
	t.Helper()
	table, content := m.image.content.(*mapped).written, all(m)
	if table == nil {
		t.Fatal("the kernel does not tell which pages were written")
	}
	n := 0
	if !table.read(content, &pagemapBuffer{}, func(first, last int) bool { n += (last - first) / os.Getpagesize(); return true }) {
		t.Fatal("cannot read the page table")
	}
	return n
}

// A few written pages stay, for the next request; many go.
func TestResetKeepsFewWrittenPages(t *testing.T) {
	k := kind{"native", native(), (*Memory).Image}
	page := os.Getpagesize()
	first := k.memory(t, plenty(), nil, 2*hot/pageSize, 2*hot/pageSize)
	pattern(all(first), 1)
	m := k.memory(t, plenty(), k.imageOf(t, first), 2*hot/pageSize, 2*hot/pageSize)
	for _, test := range []struct{ write, keep int }{{0, 0}, {1, 1}, {hot / page, hot / page}, {hot/page + 1, 0}, {3, 3}} {
		for i := range test.write {
			all(m)[i*page]++
		}
		if got := writtenPages(t, m); got != test.write {
			t.Fatalf("%d pages are written, want %d", got, test.write)
		}
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		if got := writtenPages(t, m); got != test.keep {
			t.Errorf("of %d written pages %d stay, want %d", test.write, got, test.keep)
		}
		if !bytes.Equal(all(m), all(first)) {
			t.Errorf("after %d written pages it does not hold the image", test.write)
		}
	}
}

func TestPagemapEntries(t *testing.T) {
	for _, test := range []struct {
		name  string
		entry uint64
		want  bool
	}{
		{"never touched", 0, false},
		{"the file's", pagePresent | pageIsFiles, false},
		{"the file's, on the move", pageSwapped | pageIsFiles, false},
		{"its own", pagePresent, true},
		{"its own, with other bits", pagePresent | 1<<56 | 0xfff, true},
		{"its own, swapped out", pageSwapped, true},
	} {
		entry := binary.NativeEndian.AppendUint64(nil, test.entry)
		if got := written(entry); got != test.want {
			t.Errorf("%s: written is %v", test.name, got)
		}
	}
}

// In a shared mapping the table shows no writes, and so must not be trusted.
func TestPagemapIsTriedOut(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags int
		want  bool
	}{{"private", unix.MAP_PRIVATE, true}, {"shared", unix.MAP_SHARED, false}} {
		file, err := newMemfd()
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(pageSize); err != nil {
			t.Fatal(err)
		}
		mapping, err := unix.Mmap(int(file.Fd()), 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, test.flags)
		if err != nil {
			t.Fatal(err)
		}
		mapping[0] = 255
		table := openPagemap(mapping)
		if (table != nil) != test.want || mapping[0] != 255 {
			t.Errorf("%s: trusted is %v, the first byte %d", test.name, table != nil, mapping[0])
		}
		if table != nil {
			table.close()
		}
		unix.Munmap(mapping)
		file.Close()
	}
}

// resident is how many bytes of memory the process takes.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	rollup, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(rollup), "\nRss:")
	var kib int64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatalf("%v in %q", err, rollup)
	}
	return kib << 10
}

func count(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestGrownPartGoesBackToTheKernel(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.name == "copied" {
			return // it is Go's
		}
		const pages = 256
		first := k.memory(t, plenty(), nil, 2, 2+pages)
		m := k.memory(t, plenty(), k.imageOf(t, first), 2, 2+pages)
		before := resident(t)
		pattern(grow(t, m, 2+pages), 1)
		full := resident(t)
		if err := m.Reset(); err != nil {
			t.Fatal(err)
		}
		after := resident(t)
		if full-before < pages*pageSize*9/10 || full-after < pages*pageSize*9/10 {
			t.Errorf("resident are %d bytes, grown %d, reset %d", before, full, after)
		}
	})
}

func TestNothingLeaks(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.name == "copied" {
			return // the garbage collector's matter
		}
		first := k.memory(t, plenty(), nil, 8, 64)
		pattern(all(first), 1)
		image := k.imageOf(t, first)
		m := k.memory(t, plenty(), image, 8, 64)
		round := func(rounds int) {
			for i := range rounds {
				b := grow(t, m, 10)
				b[i%8*pageSize]++
				b[9*pageSize]++
				if err := m.Reset(); err != nil {
					t.Fatal(err)
				}
				if i%10 > 0 {
					continue
				}
				from := image
				if i%100 == 0 {
					from = k.imageOf(t, m)
				}
				other, err := New(plenty(), from, 64*pageSize)
				if err != nil {
					t.Fatal(err)
				}
				b = grow(t, other, 10)
				for at := 0; at < len(b); at += os.Getpagesize() {
					b[at]++
				}
				if from != image {
					from.Close()
				}
				other.Free()
			}
		}
		round(100)
		bytes, files, maps := resident(t), count(t, "/proc/self/fd"), count(t, "/proc/self/map_files")
		round(10_000)
		if grown := resident(t) - bytes; grown > 8<<20 {
			t.Errorf("%d bytes more are resident", grown)
		}
		if now := count(t, "/proc/self/fd"); now != files {
			t.Errorf("%d files are open, %d were", now, files)
		}
		if now := count(t, "/proc/self/map_files"); now != maps {
			t.Errorf("%d files are mapped, %d were", now, maps)
		}
	})
}
