package static

import (
	"bufio"
	"io"
	"os"

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
		resp.AppendBody(f.content[part.start:][:part.length])
	default:
		if _, err := f.Seek(part.start, io.SeekStart); err != nil {
			f.Close()
			return err
		}
		resp.SetBodyStream(&stream{f.File, io.LimitedReader{R: f.File, N: part.length}}, int(part.length))
		return nil
	}
	return f.Close()
}

// A stream is a body of a fixed number of bytes out of a file. The limit holds
// for whole files as well, or one that grows meanwhile would run into the next
// response on the connection. If one gets shorter, fasthttp notices and closes
// the connection.
type stream struct {
	file *os.File
	part io.LimitedReader
}

func (s *stream) Read(p []byte) (int, error) { return s.part.Read(p) }

// Close closes the file.
func (s *stream) Close() error { return s.file.Close() }

// WriteTo shows the connection below w a LimitedReader on an os.File, the one
// reader besides a file itself that it can pass to sendfile. bufio.Writer hands
// a reader down only while it has nothing buffered.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	if b, ok := w.(*bufio.Writer); ok {
		if err := b.Flush(); err != nil {
			return 0, err
		}
		return b.ReadFrom(&s.part)
	}
	return io.Copy(w, &s.part)
}
