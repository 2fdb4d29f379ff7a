package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// Body is the body of a peer's response, read as it arrives. It is for one
// goroutine.
type Body struct {
	conn    *Conn
	left    int64 // of the body, or of the chunk
	chunked bool
	inChunk bool // behind the bytes of a chunk its end is due
	open    bool // it ends with the connection
	ended   bool
	trailer []byte
}

// Lengths of bodies that have none in their head.
const (
	Chunked  = -1
	UntilEnd = -2 // of the connection
)

// errBadChunk is that of a peer whose chunks are none.
var errBadChunk = errors.New("the peer's chunks are malformed")

// What of a chunked body is not content is bounded, in bytes.
const (
	maxChunkLine = 512
	maxTrailer   = 8 << 10
)

// Begin begins the body of the response whose head has been read from the
// connection: its length, Chunked or UntilEnd.
func (b *Body) Begin(c *Conn, length int) {
	*b = Body{conn: c, left: int64(length), ended: length == 0, trailer: b.trailer[:0]}
	switch length {
	case Chunked:
		b.chunked, b.left = true, 0
	case UntilEnd:
		b.open, b.left = true, math.MaxInt64
	}
}

// Ended tells whether all of the body has been read.
func (b *Body) Ended() bool { return b.ended }

// Waits tells whether Next would have to wait for the peer.
func (b *Body) Waits() bool {
	if b.ended {
		return false
	}
	ahead, _ := b.conn.R.Peek(b.conn.R.Buffered())
	if b.left > 0 {
		return len(ahead) == 0
	}
	if b.inChunk { // its end comes first
		ahead = ahead[min(2, len(ahead)):]
	}
	end := bytes.IndexByte(ahead, '\n') // of the line before a chunk
	return end < 0 || end == len(ahead)-1
}

// Trailer is the fields behind a chunked body that has ended, as they stand on
// the wire: lines that end in CRLF. It is valid until the next Begin.
func (b *Body) Trailer() []byte { return b.trailer }

// Next is the next piece of the body, in the connection's buffer: it is valid
// until Discard, which takes it off. The error is io.EOF at the end.
func (b *Body) Next() ([]byte, error) {
	for !b.ended {
		if b.left == 0 {
			if err := b.nextChunk(); err != nil {
				return nil, unexpected(err)
			}
			continue
		}
		r := b.conn.R
		if r.Buffered() == 0 {
			if _, err := r.Peek(1); err == io.EOF && b.open {
				b.ended = true
				continue
			} else if err != nil {
				return nil, unexpected(err)
			}
		}
		return r.Peek(int(min(b.left, int64(r.Buffered()))))
	}
	return nil, io.EOF
}

// Discard takes n bytes off, at most those that Next has shown.
func (b *Body) Discard(n int) {
	b.conn.R.Discard(n)
	if !b.open {
		b.left -= int64(n)
		b.ended = b.left == 0 && !b.chunked
	}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	piece, err := b.Next()
	n := copy(p, piece)
	b.Discard(n)
	return n, err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// nextChunk reads what stands between two chunks, or behind the last (RFC 9112,
// section 7.1).
func (b *Body) nextChunk() error {
	if b.inChunk {
		if line, err := b.line(); err != nil || len(line) > 0 {
			return orBadChunk(err)
		}
	}
	line, err := b.line()
	if err != nil {
		return err
	}
	size, _, _ := bytes.Cut(line, []byte{';'}) // extensions mean nothing here
	if b.left, err = parseHex(bytes.TrimRight(size, " \t")); err != nil {
		return err
	}
	b.inChunk = true
	if b.left > 0 {
		return nil
	}
	for {
		if line, err = b.line(); err != nil || len(line) == 0 {
			b.ended = err == nil
			return err
		}
		if err := b.addTrailer(line); err != nil {
			return err
		}
	}
}

// line reads a line without its end.
func (b *Body) line() ([]byte, error) {
	line, err := b.conn.R.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok || len(text) > maxChunkLine || bytes.ContainsAny(text, "\x00\r\n") {
		return nil, errBadChunk
	}
	return text, nil
}

// addTrailer keeps a field behind the body, but for those that only have a
// meaning ahead of it (RFC 9110, section 6.5.1).
func (b *Body) addTrailer(line []byte) error {
	name, _, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\"(),/;<=>?@[\\]{}") {
		return fmt.Errorf("%w: a trailer field is none", errBadChunk)
	}
	if len(b.trailer)+len(line) > maxTrailer {
		return fmt.Errorf("%w: the trailer is too long", errBadChunk)
	}
	for _, not := range notInTrailer {
		if bytes.EqualFold(name, not) {
			return nil
		}
	}
	b.trailer = append(append(b.trailer, line...), '\r', '\n')
	return nil
}

var notInTrailer = [][]byte{
	[]byte("Content-Length"), []byte("Transfer-Encoding"), []byte("Host"), []byte("Connection"), []byte("Trailer"), []byte("TE"),
	[]byte("Keep-Alive"), []byte("Upgrade"), []byte("Set-Cookie"), []byte("Content-Encoding"), []byte("Content-Type"),
	[]byte("Content-Range"), []byte("Authorization"), []byte("Location"), []byte("Cache-Control"),
}

// parseHex parses the size of a chunk.
func parseHex(s []byte) (n int64, err error) {
	if len(s) == 0 || len(s) > 15 {
		return 0, errBadChunk
	}
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, errBadChunk
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

func orBadChunk(err error) error {
	if err == nil {
		err = errBadChunk
	}
	return err
}
