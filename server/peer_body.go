package server

import (
	"bytes"
	"io"
	"math"

	"phasm/server/upstream"
)

// peerBody is the body of a peer's response, read as it arrives. It is for one
// goroutine.
type peerBody struct {
	conn    *upstream.Conn
	chunks  // left is the body's, where it is not chunked
	chunked bool
	open    bool // it ends with the connection
	ended   bool
}

// Lengths of bodies that have none in their head, as framing has them.
const (
	lengthChunked  = -1
	lengthUntilEnd = -2 // of the connection
)

// peerTrailer is what a peer may send beside a body's data. Its lines are
// bounded by the connection's buffer as well.
var peerTrailer = trailerLimits{size: 8 << 10, fields: 100}

// begin begins the body of the response whose head has been read from the
// connection: its length, lengthChunked or lengthUntilEnd.
func (b *peerBody) begin(c *upstream.Conn, length int64) {
	b.chunks.begin(peerTrailer)
	*b = peerBody{conn: c, chunks: b.chunks, ended: length == 0}
	b.padded = true
	switch length {
	case lengthChunked:
		b.chunked = true
	case lengthUntilEnd:
		b.open, b.left = true, math.MaxInt64
	default:
		b.left = length
	}
}

// waits tells whether next would have to wait for the peer.
func (b *peerBody) waits() bool {
	if b.ended {
		return false
	}
	ahead, _ := b.conn.R.Peek(b.conn.R.Buffered())
	if b.left > 0 {
		return len(ahead) == 0
	}
	if b.begun { // the chunk's end comes first
		ahead = ahead[min(2, len(ahead)):]
	}
	end := bytes.IndexByte(ahead, '\n') // of the line before a chunk
	return end < 0 || end == len(ahead)-1
}

// next is the next piece of the body, in the connection's buffer: it is valid
// until discard, which takes it off. The error is io.EOF at the end.
func (b *peerBody) next() ([]byte, error) {
	if b.ended {
		return nil, io.EOF
	}
	r := b.conn.R
	if b.left == 0 {
		if err := b.chunks.next(r); err != nil {
			b.ended = err == io.EOF
			return nil, err
		}
	}
	if r.Buffered() == 0 {
		if _, err := r.Peek(1); err == io.EOF && b.open {
			b.ended = true
			return nil, io.EOF
		} else if err != nil {
			return nil, unexpectedEnd(err)
		}
	}
	return r.Peek(int(min(b.left, int64(r.Buffered()))))
}

// discard takes n bytes off, at most those that next has shown.
func (b *peerBody) discard(n int) {
	b.conn.R.Discard(n)
	if !b.open {
		b.left -= int64(n)
		b.ended = b.left == 0 && !b.chunked
	}
}

// finish takes the end of a chunked body off, where it has come together with
// the last of the data: next would tell only when it is asked again.
func (b *peerBody) finish() {
	if !b.chunked || b.ended || b.left > 0 {
		return
	}
	r := b.conn.R
	if ahead, _ := r.Peek(r.Buffered()); bytes.Equal(ahead, endOfChunks) {
		b.next()
	}
}

// endOfChunks is what most often stands behind the data of the last chunk.
var endOfChunks = []byte("\r\n0\r\n\r\n")
