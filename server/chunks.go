package server

import (
	"bufio"
	"errors"
	"io"
)

// chunks reads a chunked body (RFC 9112, section 7.1), as strictly as heads are
// read. Trailers are checked and dropped: merged into the headers they would
// get past plugins that have looked at those already.
type chunks struct {
	r     *bufio.Reader
	left  int64 // of the current chunk
	begun bool  // a chunk has: a line end follows its data
	extra int   // bytes of extensions and trailers so far
}

// maxExtra bounds what a client may send beside the data.
const maxExtra = 16 << 10

var errChunk = errors.New("the request's body is not properly chunked")

// Read takes data off the wire. io.EOF comes once the last line has been read.
func (c *chunks) Read(p []byte) (int, error) {
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next begins a chunk, or ends the body.
func (c *chunks) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || len(line) > 0 {
			return errors.Join(errChunk, err)
		}
	}
	c.begun = true
	line, err := c.line()
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
	c.extra += len(extension)
	if digits == 0 || c.left < 0 || len(extension) > 0 && extension[0] != ';' || hasControl(extension) || c.extra > maxExtra {
		return errChunk
	}
	if c.left > 0 {
		return nil
	}
	return c.trailers()
}

// trailers reads the lines behind the last chunk.
func (c *chunks) trailers() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		name := 0
		for name < len(line) && nameBytes[line[name]] != 0 {
			name++
		}
		c.extra += len(line)
		if name == 0 || name == len(line) || line[name] != ':' || hasControl(line[name:]) || c.extra > maxExtra {
			return errChunk
		}
	}
}

// line reads one, a view without its end, which is CRLF and nothing else.
func (c *chunks) line() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	switch {
	case err == io.EOF:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
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
