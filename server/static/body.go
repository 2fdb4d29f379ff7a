package static

import (
	"io"

	"github.com/valyala/fasthttp"
)

// smallBody is the size in bytes up to which a file is read at once.
const smallBody = 16 << 10

// setBody makes part of the file the response's body, or for HEAD only its
// length. The file is closed, or will be along with the body stream.
func (f *file) setBody(req *fasthttp.Request, resp *fasthttp.Response, part byteRange) error {
	resp.ResetBody()
	switch {
	case req.Header.IsHead():
		resp.SkipBody = true
		resp.Header.SetContentLength(int(part.length))
	case f.File == nil:
		resp.SetBodyRaw(f.content[part.start:][:part.length]) // nobody writes to it
	default:
		resp.SetBodyStream(&Part{f, part, part.length == f.size}, int(part.length))
		return nil
	}
	return f.Close()
}

// Part is a body of a fixed number of bytes out of an open file, which others may
// be sending as well: it reads from where it is, whatever they do. It ends where
// it should even if the file grows meanwhile, or the rest would run into the next
// response on the connection. If the file gets shorter, so does the body.
type Part struct {
	file  *file
	rest  byteRange
	whole bool // it began as the whole file
}

// Read implements io.Reader.
func (p *Part) Read(b []byte) (int, error) {
	if p.rest.length == 0 {
		return 0, io.EOF
	}
	n, err := p.file.ReadAt(b[:min(int64(len(b)), p.rest.length)], p.rest.start)
	p.Skip(int64(n))
	if n > 0 {
		err = nil
	}
	return n, err
}

// Rest is where what has not been read is, for those who have the kernel read it,
// and say so by Skip. The descriptor is valid until the part is closed.
func (p *Part) Rest() (descriptor int, start, length int64) {
	return p.file.descriptor, p.rest.start, p.rest.length
}

// Skip goes on by n bytes.
func (p *Part) Skip(n int64) {
	p.rest.start += n
	p.rest.length -= n
	if p.whole && p.rest.length == 0 {
		p.file.read.Store(true)
	}
}

// InMemory tells whether all of the file was read a moment ago, so that nobody has
// to wait for a disk.
func (p *Part) InMemory() bool { return p.file.read.Load() }

// Close ends the use of the file.
func (p *Part) Close() error {
	f := p.file
	if f == nil {
		return nil
	}
	p.file = nil
	return f.Close()
}
