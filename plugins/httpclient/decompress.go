package httpclient

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// decompress is a response's body without gzip, and its head is like it.
func (x *exchange) decompress(resp *http.Response) (io.Reader, error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
	default:
		return resp.Body, nil
	}
	if resp.Body == http.NoBody { // such as to HEAD
		return resp.Body, nil
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	d := &decompressed{compressed: compressed{work: &x.work, body: resp.Body, began: time.Now()}}
	var err error
	d.zip, err = gzip.NewReader(&d.compressed)
	if err == io.EOF { // there is none after all
		return resp.Body, nil
	}
	return d, err
}

// work is what decompressing a body takes.
type work struct {
	took  atomic.Int64 // nanoseconds
	bytes atomic.Int64 // compressed and decompressed
	told  int64        // belongs to who asks
}

// perByte is the most that a byte takes. The clock also counts while others
// have the core.
const perByte = 50 * time.Nanosecond

// more is what has been added since it was asked last.
func (w *work) more() time.Duration {
	all := min(w.took.Load(), w.bytes.Load()*int64(perByte))
	more := max(0, all-w.told)
	w.told += more
	return time.Duration(more)
}

// decompressed is a body without gzip. It counts the time in which it does not
// wait for more of it.
type decompressed struct {
	compressed
	zip *gzip.Reader
}

// Read implements io.Reader.
func (d *decompressed) Read(p []byte) (int, error) {
	d.began = time.Now()
	n, err := d.zip.Read(p)
	d.pause(n)
	return n, err
}

// compressed is the body as it comes.
type compressed struct {
	work  *work
	body  io.Reader
	began time.Time // when decompressing went on
}

// Read implements io.Reader.
func (c *compressed) Read(p []byte) (int, error) {
	c.pause(0)
	n, err := c.body.Read(p)
	c.work.bytes.Add(int64(n))
	c.began = time.Now()
	return n, err
}

// pause notes what was done until now, and how much that has made.
func (c *compressed) pause(bytes int) {
	c.work.bytes.Add(int64(bytes))
	c.work.took.Add(int64(time.Since(c.began)))
}
