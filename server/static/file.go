package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// index is the file that stands for its directory.
const index = "index.html"

// itself is the path of the directory that is served.
var itself = []byte{'/'}

var (
	errDirectory   = errors.New("is a directory")
	errNoIndex     = errors.New("directory has no " + index)
	errNoDirectory = errors.New("cannot open directory")
)

// A file is a regular file, chosen to answer requests, of which many may use it
// at once: a small one's bytes, or a larger one that is open.
type file struct {
	*os.File                 // nil for a small one
	descriptor  int          // of a larger one
	users       atomic.Int32 // of a larger one, which the last of them closes
	read        atomic.Bool  // all of a larger one has been read since it was opened
	content     []byte       // of a small one
	opened      time.Time
	size        int64
	modified    time.Time
	etag, date  []byte // as in its headers
	contentType string
	encoding    string // a content coding, or "" for the file as it is
	varies      bool   // whether Accept-Encoding has a say in the choice
}

// find opens the file for path, compressed if the request accepts that, or
// takes one that is kept. The caller closes it.
func (d *Dir) find(req *fasthttp.Request, path []byte) (*file, error) {
	accepted := acceptedBy(req)
	if len(path) == 0 && endsInSlash(req.URI().Path()) {
		path = itself
	}
	if f := d.kept.get(path, accepted); f != nil {
		return f, nil
	}
	name, ok := localName(path)
	if !ok {
		return nil, fs.ErrNotExist
	}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	find := findFile
	if endsInSlash(path) {
		find = findIndex
	}
	f, err := find(root, name, accepted)
	if err == nil {
		d.kept.put(string(path), accepted, f)
	}
	if errors.Is(err, errDirectory) && endsInSlash(req.URI().Path()) {
		return findIndex(root, name, accepted) // a redirect would lead here again
	}
	return f, err
}

// findIndex opens the index of the directory of that name.
func findIndex(root *os.Root, name string, accepted codings) (*file, error) {
	f, err := findFile(root, name+"/"+index, accepted)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errDirectory) {
		if info, statErr := root.Stat(name); statErr == nil && info.IsDir() {
			return nil, errNoIndex
		}
	}
	return nil, err
}

// findFile opens the regular file of that name, or its compressed neighbour.
func findFile(root *os.Root, name string, accepted codings) (*file, error) {
	f, err := openFile(root, name)
	if err != nil {
		return nil, err
	}
	f.contentType, f.varies = mediaType(name)
	if f.varies {
		f = compressed(root, f, name, accepted)
	}
	f.etag, f.date = appendETag(nil, f), fasthttp.AppendHTTPDate(nil, f.modified)
	if f.size <= smallBody {
		err = f.load()
	} else if err = f.expose(); err != nil {
		f.Close()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// expose finds out the file's descriptor.
func (f *file) expose() error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f.descriptor = int(fd) })
}

// changed tells whether something was written to an open file since it was
// opened, so that its length and its validators are others.
func (f *file) changed() bool {
	var now unix.Stat_t
	return unix.Fstat(f.descriptor, &now) != nil || now.Size != f.size || !time.Unix(now.Mtim.Unix()).Equal(f.modified)
}

// load reads a small file, and closes it: the client may take its time.
func (f *file) load() error {
	defer func() { f.File.Close(); f.File = nil }()
	f.content = make([]byte, f.size)
	if n, err := f.ReadAt(f.content, 0); n < len(f.content) { // it has become shorter since Stat
		return fmt.Errorf("cannot read %q: %w", f.Name(), err)
	}
	return nil
}

// share is for another user of a file that one has.
func (f *file) share() {
	if f.File != nil {
		f.users.Add(1)
	}
}

// Close ends one's use of a file.
func (f *file) Close() error {
	if f.File == nil || f.users.Add(-1) > 0 {
		return nil
	}
	return f.File.Close()
}

// openFile opens the regular file of that name.
func openFile(root *os.Root, name string) (*file, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for a writer.
	now := time.Now()
	opened, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := opened.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errDirectory
	case !info.Mode().IsRegular():
		err = fs.ErrNotExist
	default:
		f := &file{File: opened, opened: now, size: info.Size(), modified: info.ModTime()}
		f.users.Store(1)
		return f, nil
	}
	opened.Close()
	return nil, err
}

// localName returns the name that path has within the directory, without slashes
// at its ends, and whether it can be the name of a file at all.
func localName(path []byte) (name string, ok bool) {
	name = strings.TrimSuffix(strings.TrimPrefix(string(path), "/"), "/")
	if name == "" {
		return ".", true
	}
	return name, name != "." && fs.ValidPath(name) && !strings.ContainsAny(name, "\x00\\")
}

func endsInSlash(path []byte) bool {
	return len(path) > 0 && path[len(path)-1] == '/'
}

// statusOf returns the status for an error from find.
func statusOf(err error) int {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG),
		errors.Is(err, syscall.ENXIO): // a socket
		return fasthttp.StatusNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ELOOP), errors.Is(err, errNoIndex):
		return fasthttp.StatusForbidden
	case errors.Is(err, errNoDirectory), errors.Is(err, io.EOF), errors.As(err, &errno):
		return fasthttp.StatusInternalServerError
	}
	// Not from the operating system: os.Root found a link that leads outside.
	return fasthttp.StatusForbidden
}
