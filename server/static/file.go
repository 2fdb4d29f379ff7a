package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// index is the file that stands for its directory.
const index = "index.html"

var (
	errDirectory = errors.New("is a directory")
	errNoIndex   = errors.New("directory has no " + index)
)

// A file is a regular file, chosen to answer a request: a small one's bytes,
// which many answers may use at once, or a larger one that is open.
type file struct {
	*os.File           // nil for a small one
	content     []byte // of a small one
	opened      time.Time
	size        int64
	modified    time.Time
	contentType string
	encoding    string // a content coding, or "" for the file as it is
	varies      bool   // whether Accept-Encoding has a say in the choice
}

// find opens the file for path, compressed if the request accepts that, or
// takes one that is kept.
func (d *Dir) find(req *fasthttp.Request, path []byte) (*file, error) {
	accepted := acceptedBy(req)
	if f := d.kept.get(path, accepted); f != nil {
		return f, nil
	}
	name, ok := localName(path)
	if !ok {
		return nil, fs.ErrNotExist
	}
	slash := endsInSlash(req.URI().Path())
	if len(path) == 0 && slash {
		return d.findIndex(name, accepted)
	}
	find := d.findFile
	if endsInSlash(path) {
		find = d.findIndex
	}
	f, err := find(name, accepted)
	if err == nil && f.File == nil {
		d.kept.put(string(path), accepted, f)
	}
	if slash && errors.Is(err, errDirectory) {
		return d.findIndex(name, accepted) // a redirect would lead here again
	}
	return f, err
}

// findIndex opens the index of the directory of that name.
func (d *Dir) findIndex(name string, accepted codings) (*file, error) {
	f, err := d.findFile(name+"/"+index, accepted)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errDirectory) {
		if info, statErr := d.root.Stat(name); statErr == nil && info.IsDir() {
			return nil, errNoIndex
		}
	}
	return nil, err
}

// findFile opens the regular file of that name, or its compressed neighbour.
func (d *Dir) findFile(name string, accepted codings) (*file, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	f.contentType, f.varies = mediaType(name)
	if f.varies {
		f = d.compressed(f, name, accepted)
	}
	if f.size > smallBody {
		return f, nil
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
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

// Close closes a file that is open.
func (f *file) Close() error {
	if f.File == nil {
		return nil
	}
	return f.File.Close()
}

// open opens the regular file of that name.
func (d *Dir) open(name string) (*file, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for a writer.
	now := time.Now()
	opened, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
		return &file{File: opened, opened: now, size: info.Size(), modified: info.ModTime()}, nil
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
	case errors.Is(err, fs.ErrClosed), errors.Is(err, io.EOF), errors.As(err, &errno):
		return fasthttp.StatusInternalServerError
	}
	// Not from the operating system: os.Root found a link that leads outside.
	return fasthttp.StatusForbidden
}
