package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// send sends the request to the peer: its head, and its body as far as it is
// here already. The rest of the body a sender sends meanwhile.
func (s *passing) send() error {
	x, b := s.x, &s.x.body
	s.out = s.appendHead(s.out[:0])
	if _, err := s.conn.W.Write(s.out); err != nil {
		return err
	}
	if b.read > int64(len(b.kept)) && !b.whole() {
		return errBodyGone
	}
	if len(b.kept) > 0 {
		if err := b.write(s.conn.W, b.kept); err != nil {
			return err
		}
	}
	if b.whole() {
		return s.conn.W.Flush()
	}
	if !b.awaited && b.length > 0 && b.length-b.read <= int64(x.conn.r.Buffered()) {
		if err := b.copyRest(s.conn.W, x, nil); err != nil {
			return err
		}
		return s.conn.W.Flush()
	}
	if err := b.sayContinue(x); err != nil {
		return errors.Join(errClientBody, err)
	}
	x.StepAside()
	s.sender = startSender(s)
	return nil
}

// appendHead appends the request's head as the peer gets it.
func (s *passing) appendHead(dst []byte) []byte {
	x := s.x
	h := &x.request.Header
	dst = append(append(dst, h.Method()...), ' ')
	dst = append(s.appendTarget(dst), " HTTP/1.1\r\nHost: "...)
	switch name := s.proxy.config.Host; {
	case name == "client" && len(h.Host()) > 0:
		dst = append(dst, h.Host()...)
	case name == "client", name == "peer": // HTTP/1.0 may do without a host, but nginx as a peer refuses an empty one
		dst = append(dst, s.peer.Host()...)
	default:
		dst = append(dst, name...)
	}
	dst = append(dst, "\r\n"...)
	upgrade := x.upgrade()
	for name, value := range h.All() {
		if !s.passesOn(name) {
			continue
		}
		dst = appendField(dst, name, value)
	}
	if len(upgrade) > 0 {
		dst = appendField(append(dst, "Connection: Upgrade\r\n"...), upgradeName, upgrade)
	}
	if b := &x.body; b.whole() && len(b.kept) > 0 || b.length >= 0 && !b.replaced && s.hasBodyLength() {
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, b.size(), 10), "\r\n"...)
	} else if b.isChunked() {
		dst = s.appendAnnouncement(append(dst, "Transfer-Encoding: chunked\r\n"...))
	}
	dst = x.appendForwarded(dst, s.proxy.config.Forwarded)
	return append(dst, "\r\n"...)
}

var upgradeName = []byte(fasthttp.HeaderUpgrade)

func appendField(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// hasBodyLength tells whether the client has said how long the body is, if only
// that there is none.
func (s *passing) hasBodyLength() bool {
	return len(s.x.request.Header.PeekBytes(contentLengthName)) > 0
}

var contentLengthName = []byte(fasthttp.HeaderContentLength)

// notPassedOn are the headers that concern the client's connection (RFC 9110,
// section 7.6.1), or that the proxy writes itself.
var notPassedOn = [][]byte{
	[]byte("Host"), []byte("Connection"), []byte("Keep-Alive"), []byte("Proxy-Connection"), []byte("Te"), []byte("Trailer"),
	[]byte("Transfer-Encoding"), []byte("Upgrade"), []byte("Content-Length"), []byte("Expect"), []byte("Http2-Settings"),
}

// passesOn tells whether the peer gets a header of the request's.
func (s *passing) passesOn(name []byte) bool {
	return !isOneOf(name, notPassedOn) && !isForwarding(name)
}

// appendTarget appends what the peer is asked for: the target with the path in
// its canonical form, which the routes and plugins have seen as well.
func (s *passing) appendTarget(dst []byte) []byte {
	target := s.x.request.Header.RequestURI()
	if s.proxy.path == nil {
		return append(dst, target...)
	}
	dst = appendPath(dst, s.proxy.path)
	if rest, open := s.x.params.Rest(); open {
		if len(rest) > 0 && rest[0] == '/' && dst[len(dst)-1] == '/' {
			rest = rest[1:]
		}
		dst = appendPath(dst, rest)
	}
	if query := bytes.IndexByte(target, '?'); query >= 0 {
		dst = append(dst, target[query:]...)
	}
	return dst
}

// appendPath appends a decoded path as it stands in a request target (RFC 3986,
// section 3.3).
func appendPath(dst, path []byte) []byte {
	for _, c := range path {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', bytes.IndexByte(inPaths, c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

var inPaths = []byte("/-._~!$&'()*+,;=:@")

// upgrade is the protocol that the client wants the connection to be for,
// empty where it does not (RFC 9110, section 7.8). HTTP/2 is none of them: who
// speaks it to a peer by way of a tunnel gets past all plugins.
func (x *exchange) upgrade() []byte {
	h := &x.request.Header
	if !h.ConnectionUpgrade() || !h.IsHTTP11() || !h.IsGet() || !x.body.empty() {
		return nil
	}
	protocol := h.PeekBytes(upgradeName)
	if len(protocol) >= 2 && isName(protocol[:2], "h2") || bytes.ContainsAny(protocol, ",") {
		return nil
	}
	return protocol
}

// The request's body as a proxy sees it.

// empty tells whether there is no body.
func (b *body) empty() bool {
	return b.whole() && len(b.kept) == 0 && !b.isChunked()
}

// whole tells whether all of the body is in kept.
func (b *body) whole() bool {
	return b.replaced || b.ended && b.read == int64(len(b.kept))
}

// isChunked tells whether the client has sent chunks, and nothing has taken
// their place that has a length.
func (b *body) isChunked() bool { return b.length == -1 && !b.whole() }

// size is the body's length in bytes.
func (b *body) size() int64 {
	if b.whole() {
		return int64(len(b.kept))
	}
	return b.length
}

// write writes a piece of the body to a peer, as a chunk where it goes in
// chunks.
func (b *body) write(w *bufio.Writer, piece []byte) error {
	if !b.isChunked() {
		_, err := w.Write(piece)
		return err
	}
	w.Write(append(strconv.AppendUint(w.AvailableBuffer(), uint64(len(piece)), 16), lineEnd...))
	w.Write(piece)
	_, err := w.Write(lineEnd) // a bufio.Writer keeps its first error
	return err
}

// pieces are buffers for what is copied of a body at a time.
var pieces = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copyRest copies what is still on the wire, until stopped, which may be nil,
// says so. Its errors tell whose they are: see isClients.
func (b *body) copyRest(w *bufio.Writer, x *exchange, stopped func() bool) error {
	buffer := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	for !b.ended && (stopped == nil || !stopped()) {
		n, err := b.next(x, buffer[:], time.Time{})
		if n > 0 {
			if err := b.write(w, buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil && err != io.EOF {
			if b.tooLarge {
				return err
			}
			return errors.Join(errClientBody, err)
		}
		if !b.ended && x.conn.r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
	if b.length == -1 {
		return x.passing.writeEnd(w)
	}
	return nil
}
