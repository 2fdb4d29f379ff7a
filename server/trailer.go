package server

import (
	"bufio"
	"bytes"
)

// The trailer of a request goes on to a peer only as far as the request's
// Trailer header announces it. That header plugins see, and may change or
// remove, before the trailer itself has come: no field gets past them
// unnoticed to a peer that takes trailers for headers.

// appendAnnouncement appends the Trailer header for the peer, and keeps the
// names in it.
func (s *passing) appendAnnouncement(dst []byte) []byte {
	s.announced = s.announced[:0]
	for _, name := range s.x.request.Header.PeekTrailerKeys() {
		if isOneOf(name, notInTrailers) || isForwarding(name) || !s.x.generation.config.Server.Underscores && bytes.IndexByte(name, '_') >= 0 {
			continue
		}
		if len(s.announced) > 0 {
			s.announced = append(s.announced, ", "...)
		}
		s.announced = append(s.announced, name...)
	}
	if len(s.announced) == 0 {
		return dst
	}
	return appendField(dst, trailerName, s.announced)
}

var trailerName = []byte("Trailer")

// writeEnd writes what stands behind a chunked body's data, all of which has
// been read: the last chunk, and what was announced of the trailer.
func (s *passing) writeEnd(w *bufio.Writer) error {
	w.Write(lastChunk[:3])
	c := &s.x.body.chunks.chunks
	if stream := s.x.conn.stream; stream != nil && len(s.announced) > 0 {
		c.trailer = stream.appendTrailer(c.trailer[:0])
	}
	for lines := c.trailer; len(lines) > 0; {
		name, _, size := cutField(lines)
		if isAnnounced(name, s.announced) {
			w.Write(lines[:size])
		}
		lines = lines[size:]
	}
	_, err := w.Write(lineEnd) // a bufio.Writer keeps its first error
	return err
}

func isAnnounced(name, announced []byte) bool {
	for option := range options(announced) {
		if bytes.EqualFold(option, name) {
			return true
		}
	}
	return false
}
