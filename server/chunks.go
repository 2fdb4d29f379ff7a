package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// chunks finds the way through a chunked body (RFC 9112, section 7.1), a
// request's or a peer's response's, as strictly as heads are read. The fields
// behind it, the trailer, are never merged into the headers: there they would
// get past plugins that have looked at those already.
type chunks struct {
	left    int64 // of the current chunk's data; who takes some off counts it
	begun   bool  // a chunk has: a line end follows its data
	padded  bool  // blanks may follow a chunk's size, as some servers write them
	extra   int   // bytes of extensions that data does not outweigh, and of the trailer
	fields  int   // of the trailer
	limits  trailerLimits
	trailer []byte // the fields that may go on, as they stand on the wire
}

// trailerLimits bound what may come beside the data: in bytes, and fields.
type trailerLimits struct{ size, fields int }

var errChunk = errors.New("the body is not properly chunked")

// begin begins a body. The trailer of the one before is no longer valid.
func (c *chunks) begin(limits trailerLimits) {
	*c = chunks{limits: limits, trailer: c.trailer[:0]}
}

// next goes on to the next chunk's data, when none is left of the current
// one's. io.EOF comes once the last line has been read.
func (c *chunks) next(r *bufio.Reader) error {
	if c.begun {
		switch line, err := chunkLine(r); {
		case err != nil:
			return err
		case len(line) > 0:
			return errChunk
		}
	}
	c.begun = true
	line, err := chunkLine(r)
	if err != nil {
		return err
	}
	digits := 0
	for ; digits < len(line) && digits < 16; digits++ {
		d := hexDigit(line[digits])
		if d < 0 {
			break
		}
		c.left = c.left<<4 | int64(d)
	}
	extension := line[digits:]
	if c.padded {
		extension = bytes.TrimLeft(extension, " \t")
	}
	if digits == 0 || c.left < 0 || len(extension) > 0 && extension[0] != ';' || hasControl(extension) {
		return errChunk
	}
	c.extra += int(max(0, int64(len(extension))-c.left))
	if c.extra > c.limits.size {
		return errChunk
	}
	if c.left > 0 {
		return nil
	}
	return c.readTrailer(r)
}

// readTrailer reads the lines behind the last chunk.
func (c *chunks) readTrailer(r *bufio.Reader) error {
	for ; ; c.fields++ {
		line, err := chunkLine(r)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		name, value, found := bytes.Cut(line, []byte{':'})
		c.extra += len(line)
		if !found || !isToken(name) || hasControl(value) || c.extra > c.limits.size || c.fields == c.limits.fields {
			return errChunk
		}
		if !isOneOf(name, notInTrailers) {
			c.trailer = append(append(c.trailer, line...), lineEnd...)
		}
	}
}

// chunkLine reads a line, a view without its end, which is CRLF and nothing
// else.
func chunkLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		return nil, errChunk
	case err != nil:
		return nil, unexpectedEnd(err)
	case len(line) < 2 || line[len(line)-2] != '\r':
		return nil, errChunk
	}
	return line[:len(line)-2], nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// notInTrailers are the fields that only have a meaning ahead of the body: they
// frame it, route it, say who asks or what is to be done with it (RFC 9110,
// section 6.5.1).
var notInTrailers = [][]byte{
	[]byte("Authorization"), []byte("Cache-Control"), []byte("Connection"), []byte("Content-Encoding"), []byte("Content-Length"),
	[]byte("Content-Range"), []byte("Content-Type"), []byte("Cookie"), []byte("Expect"), []byte("Host"), []byte("Keep-Alive"),
	[]byte("Location"), []byte("Max-Forwards"), []byte("Proxy-Authenticate"), []byte("Proxy-Authorization"), []byte("Proxy-Connection"),
	[]byte("Range"), []byte("Set-Cookie"), []byte("TE"), []byte("Trailer"), []byte("Transfer-Encoding"), []byte("Upgrade"), []byte("WWW-Authenticate"),
}
