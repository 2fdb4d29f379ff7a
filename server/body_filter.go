package server

import (
	"phasm/sdk/abi"
)

// chunkSize is the most that a body filter sees at once, in bytes.
const chunkSize = 64 << 10

// filters tells whether the response's body goes through body_filter.
func (x *exchange) filters() bool { return !x.unfiltered && x.route.has(abi.BodyFilter) }

// filterChunk runs one chunk through every body filter. The result is valid
// until the next chunk. False means that a filter has failed.
func (x *exchange) filterChunk(chunk []byte, eof bool) ([]byte, bool) {
	x.Chunk, x.EOF = chunk, eof
	for _, p := range x.route.chains[abi.BodyFilter] {
		x.call(p, abi.BodyFilter)
		if x.unfiltered {
			return nil, false
		}
	}
	return x.Chunk, true
}

// filterPieces runs bytes through the filters, piece by piece, and gives each
// result to out. Where eof is set the last piece, which may be empty, is the
// body's last.
func (x *exchange) filterPieces(b []byte, eof bool, out func(*exchange, []byte)) bool {
	for {
		piece := b[:min(len(b), chunkSize)]
		b = b[len(piece):]
		last := len(b) == 0
		result, ok := x.filterChunk(piece, eof && last)
		if !ok {
			return false
		}
		out(x, result)
		if last {
			return true
		}
	}
}
