package server

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// stream is one request of HTTP/2 and its response, as the connection of an
// exchange: it is read as if the request's head came over HTTP/1.1, so that the
// same parser and the same checks hold for it. The body is not part of that,
// nor is the response's head: they pass without framing.
type stream struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	request *http.Request
	head    bytes.Reader
	reading patience
	writing patience
	done    chan struct{} // closed when the response is whole, or has failed
	failed  bool          // valid once done is closed

	mu    sync.Mutex
	ended bool // writer and request belong to nobody any more
}

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	s := &stream{writer: w, control: http.NewResponseController(w), request: r, done: make(chan struct{})}
	s.head.Reset(appendRequestHead(nil, r))
	past := time.Unix(1, 0)
	s.reading.expire = func() { s.unlessEnded(func() { s.control.SetReadDeadline(past) }) }
	s.writing.expire = func() { s.unlessEnded(func() { s.control.SetWriteDeadline(past) }) }
	return s
}

func (s *stream) unlessEnded(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		do()
	}
}

// appendRequestHead appends a request's head as it would stand on a wire of
// HTTP/1.1. Names and values cannot hold a line's end: net/http has looked.
func appendRequestHead(dst []byte, r *http.Request) []byte {
	if strings.ContainsAny(r.Method, " \t") || strings.ContainsAny(r.RequestURI, " \t") {
		// It would be another request there. This is none, and will be refused.
		return append(dst, strings.NewReplacer(" ", "%20", "\t", "%09").Replace(r.Method+r.RequestURI)+"\r\n\r\n"...)
	}
	dst = append(append(append(append(dst, r.Method...), ' '), r.RequestURI...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, r.Host...), "\r\n"...)
	for i, host := range r.Header["Host"] {
		if i > 0 || !sameAuthority(host, r.Host) {
			dst = append(append(append(dst, "Host: "...), host...), "\r\n"...) // one of the two lies, and will be refused
		}
	}
	if r.ContentLength < 0 {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	for _, length := range r.Header["Content-Length"] {
		if dst = append(append(append(dst, "Content-Length: "...), length...), "\r\n"...); length != strconv.FormatInt(r.ContentLength, 10) {
			dst = append(dst, "Content-Length: \r\n"...) // it is not the body's: likewise
		}
	}
	if r.ContentLength < 0 && len(r.Trailer) > 0 {
		names := slices.Sorted(maps.Keys(r.Trailer))
		dst = append(append(append(dst, "Trailer: "...), strings.Join(names, ", ")...), "\r\n"...)
	}
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection":
			continue // said already
		}
		for _, value := range values {
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// appendTrailer appends the fields behind a body that has been read, as they
// would stand on a wire of HTTP/1.1. net/http has only those that were
// announced.
func (s *stream) appendTrailer(dst []byte) []byte {
	for name, values := range s.request.Trailer {
		for _, value := range values {
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
		}
	}
	return dst
}

// Read reads the request's head.
func (s *stream) Read(p []byte) (int, error) { return s.head.Read(p) }

// Write sends a part of the response's body.
func (s *stream) Write(p []byte) (int, error) {
	if s.ended { // only the goroutine that writes ends it
		return 0, os.ErrClosed
	}
	s.writing.begin()
	defer s.writing.end()
	return s.writer.Write(p)
}

// flush sends what has been written.
func (s *stream) flush() error {
	if s.ended {
		return os.ErrClosed
	}
	s.writing.begin()
	defer s.writing.end()
	return s.control.Flush()
}

// sendHead begins the response, and answers about how many bytes its head has.
func (s *stream) sendHead(h *fasthttp.ResponseHeader) (size int) {
	s.writer.Header()["Content-Type"] = nil // else it would be guessed
	size = s.setHeader(h)
	status := h.StatusCode()
	if status < 200 || status > 999 { // an answer that would be followed by another
		status = fasthttp.StatusInternalServerError
	}
	s.writer.WriteHeader(status)
	return size
}

// sendInterim sends an interim answer (RFC 9110, section 15.2), with as many bytes
// about.
func (s *stream) sendInterim(h *fasthttp.ResponseHeader) (size int) {
	s.writing.begin()
	defer s.writing.end()
	size = s.setHeader(h)
	s.writer.WriteHeader(h.StatusCode())
	clear(s.writer.Header())
	return size
}

// setHeader gives the response a head's fields, and answers about how many bytes
// they have.
func (s *stream) setHeader(h *fasthttp.ResponseHeader) (size int) {
	header := s.writer.Header()
	for name, value := range h.All() {
		switch string(name) {
		case fasthttp.HeaderConnection, fasthttp.HeaderTransferEncoding, fasthttp.HeaderTrailer, fasthttp.HeaderUpgrade, "Keep-Alive", "Proxy-Connection":
			continue // not in HTTP/2 (RFC 9113, section 8.2.2)
		}
		header[string(name)] = append(header[string(name)], string(value))
		size += len(name) + len(value)
	}
	return size
}

// sendTrailer has fields follow the body, which are as they stand on a wire of
// HTTP/1.1.
func (s *stream) sendTrailer(fields []byte) {
	for len(fields) > 0 {
		var line []byte
		line, fields = cutLine(fields)
		name, value, _ := bytes.Cut(line, []byte{':'})
		// Of two spellings of a name net/http would keep the fields of one.
		s.writer.Header().Add(http.TrailerPrefix+http.CanonicalHeaderKey(string(name)), string(bytes.Trim(value, " \t")))
	}
}

// finish ends the stream: the client has the whole response then, or sees that
// it is broken. What net/http still has to send of it the client must take in that
// time. Only the first call counts.
func (s *stream) finish(failed bool, within time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.reading.stop()
	s.writing.stop()
	if s.failed = failed; !failed {
		s.control.SetWriteDeadline(time.Now().Add(within))
	}
	close(s.done)
}

// gone tells whether the client has reset the stream, or closed the connection.
func (s *stream) gone() bool { return !s.ended && s.request.Context().Err() != nil }

// streamBody is the request's body. The first read asks a client that waits for
// it to go on.
type streamBody struct{ *stream }

func (b streamBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, os.ErrClosed
	}
	b.reading.begin()
	defer b.reading.end()
	return b.request.Body.Read(p)
}

var _ io.Reader = streamBody{}

func (s *stream) Close() error                       { return nil }
func (s *stream) LocalAddr() net.Addr                { return nil }
func (s *stream) RemoteAddr() net.Addr               { return nil }
func (s *stream) SetReadDeadline(t time.Time) error  { s.reading.set(t); return nil }
func (s *stream) SetWriteDeadline(t time.Time) error { s.writing.set(t); return nil }
func (s *stream) SetDeadline(t time.Time) error {
	s.reading.set(t)
	s.writing.set(t)
	return nil
}

// patience is how long a read or a write may wait. Those of net/http
// end a stream whether anybody waits or not; a socket's, like these, only hold
// for those who do.
type patience struct {
	expire func() // ends what waits

	mu       sync.Mutex
	deadline time.Time // zero for none
	waits    bool
	timer    *time.Timer
	due      time.Time // when the timer fires, zero while it does not run
}

func (p *patience) set(deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = deadline
	if p.waits && !deadline.IsZero() && (p.due.IsZero() || deadline.Before(p.due)) {
		p.run()
	}
}

// begin is called when something begins to wait.
func (p *patience) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = true
	if p.deadline.IsZero() || !p.due.IsZero() && !p.deadline.Before(p.due) {
		return // the timer sees then that there is time left
	}
	p.run()
}

// run has the timer fire at the deadline.
func (p *patience) run() {
	p.due = p.deadline
	if left := time.Until(p.deadline); p.timer == nil {
		p.timer = time.AfterFunc(left, p.fire)
	} else {
		p.timer.Reset(left)
	}
}

func (p *patience) fire() {
	p.mu.Lock()
	p.due = time.Time{}
	over := p.waits && !p.deadline.IsZero()
	if over && time.Now().Before(p.deadline) {
		p.run()
		over = false
	}
	p.mu.Unlock()
	if over {
		p.expire()
	}
}

func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = false
}

func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waits = false; p.timer != nil {
		p.timer.Stop()
	}
}
