package memory

import (
	"bytes"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// native is the empty snapshot in the best way that the system has.
func native() snapshot { return &mapped{} }

// mapped is a snapshot in a memfd, of which each space is a private mapping:
// the kernel copies a page when it is first written to.
type mapped struct {
	file    *os.File // nil when the snapshot is empty
	content []byte   // the file's, read only
	written *pagemap // nil where the kernel does not tell which pages a space has written
}

// newMapped takes a snapshot of content.
func newMapped(content []byte) (*mapped, error) {
	m := &mapped{}
	if len(content) == 0 {
		return m, nil
	}
	var err error
	if m.file, err = newMemfd(); err != nil {
		return nil, err
	}
	if err := m.fill(content); err != nil {
		m.free()
		return nil, err
	}
	return m, nil
}

// newMemfd makes a file that lies in memory only.
func newMemfd() (*os.File, error) {
	const name, flags = "plugin-memory", unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// fill writes content into the file, which never changes again, and maps it.
// Pages of zeros are left out: they take no memory until somebody reads them.
func (m *mapped) fill(content []byte) error {
	if err := m.file.Truncate(int64(len(content))); err != nil {
		return err
	}
	zeros := make([]byte, os.Getpagesize())
	for at := 0; at < len(content); at += len(zeros) {
		if page := content[at : at+len(zeros)]; !bytes.Equal(page, zeros) {
			if _, err := m.file.WriteAt(page, int64(at)); err != nil {
				return err
			}
		}
	}
	if err := m.seal(); err != nil {
		return fmt.Errorf("cannot seal the memfd: %w", err)
	}
	start, err := m.mapAt(nil, len(content))
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	m.content = unsafe.Slice((*byte)(start), len(content))
	m.written = openPagemap(m.content)
	if err := unix.Mprotect(m.content, unix.PROT_READ); err != nil {
		return fmt.Errorf("mprotect: %w", err)
	}
	return nil
}

// sealTries is how often the kernel is asked to seal a file. On a busy machine it
// may have pages in hand that were just written, for longer than the tenth of a
// second for which it waits itself.
const sealTries = 20

// seal has the file never change again.
func (m *mapped) seal() (err error) {
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	for range sealTries {
		if _, err = unix.FcntlInt(m.file.Fd(), unix.F_ADD_SEALS, seals); err != unix.EBUSY {
			break
		}
	}
	return err
}

// mapAt maps the file's first size bytes, to be read and written, there or
// where the kernel likes.
func (m *mapped) mapAt(at unsafe.Pointer, size int) (unsafe.Pointer, error) {
	flags := unix.MAP_PRIVATE | unix.MAP_NORESERVE
	if at != nil {
		flags |= unix.MAP_FIXED
	}
	return unix.MmapPtr(int(m.file.Fd()), 0, at, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, flags)
}

func (m *mapped) size() uint64 { return uint64(len(m.content)) }

func (m *mapped) free() {
	if m.content != nil {
		unmap(m.content)
	}
	if m.written != nil {
		m.written.close()
	}
	if m.file != nil {
		m.file.Close()
	}
}

func (m *mapped) reserve(limit uint64) (space, error) {
	size := max(limit, pageSize) // a mapping of nothing is an error, a memory of nothing is not
	start, err := closeAt(nil, size)
	if err != nil {
		return nil, err
	}
	s := &mappedSpace{image: m, all: unsafe.Slice((*byte)(start), size)}
	if m.file != nil {
		if _, err := m.mapAt(start, len(m.content)); err != nil {
			unmap(s.all)
			return nil, err
		}
	}
	return s, nil
}

// closeAt maps addresses that cannot be accessed, there or where the kernel
// likes. What was mapped there is gone.
func closeAt(at unsafe.Pointer, size uint64) (unsafe.Pointer, error) {
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	if at != nil {
		flags |= unix.MAP_FIXED
	}
	return unix.MmapPtr(-1, 0, at, uintptr(size), unix.PROT_NONE, flags)
}

// unmap takes a whole range of addresses out of the process. That fails only
// at vm.max_map_count, where it would split a mapping that the kernel has
// joined with a neighbour's; then at least the pages go.
func unmap(b []byte) {
	if unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))) != nil {
		_ = unix.Madvise(b, unix.MADV_DONTNEED)
	}
}

// mappedSpace is a reservation with the snapshot mapped over its beginning.
type mappedSpace struct {
	image  *mapped
	all    []byte
	buffer pagemapBuffer
}

func (s *mappedSpace) bytes() []byte { return s.all }

func (s *mappedSpace) grow(from, to uint64) error {
	return unix.Mprotect(s.all[from:to], unix.PROT_READ|unix.PROT_WRITE)
}

func (s *mappedSpace) reset(size uint64) error {
	if image := s.image.size(); size > image {
		// One call takes pages and access away, and leaves one mapping with the
		// part behind it.
		if _, err := closeAt(unsafe.Pointer(&s.all[image]), size-image); err != nil {
			return err
		}
		size = image
	}
	if size == 0 || s.image.written.copyBack(s.all[:size], s.image.content, &s.buffer) {
		return nil
	}
	return unix.Madvise(s.all[:size], unix.MADV_DONTNEED)
}

func (s *mappedSpace) free() { unmap(s.all) }

func (s *mappedSpace) freeze(size uint64) (snapshot, error) { return newMapped(s.all[:size]) }
