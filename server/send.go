package server

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/server/static"
)

// errCutOff ends a response that fails after its head has been sent. The
// client sees the connection close before the body is whole.
var errCutOff = errors.New("response cut off")

// send sends the response, or what is left of it after flushes.
func (x *exchange) send() {
	if x.sendErr != nil {
		return // nobody is there
	}
	x.filterHead()
	if x.passing.upgraded {
		if x.failure == 0 && x.response.StatusCode() == fasthttp.StatusSwitchingProtocols {
			x.passing.tunnel()
			return
		}
		x.keep = false // a filter has refused it; what the client has sent meanwhile may be for the tunnel
	}
	switch {
	case x.headSent:
		x.endFlushed()
	case x.response.IsBodyStream():
		x.sendStream()
	default:
		x.sendWhole()
	}
}

// sendWhole sends a response whose body is in memory.
func (x *exchange) sendWhole() {
	h := &x.response.Header
	body := x.response.Body()
	// The answer to HEAD may name the length of a body that it does not have.
	lengthOnly := x.response.SkipBody && len(body) == 0 && h.ContentLength() > 0
	if x.filters() {
		x.filtered = x.filtered[:0]
		switch filtered := x.filterPieces(body, true, (*exchange).collect); {
		case filtered && lengthOnly:
			x.beginChunks() // nobody knows how long the body would have become
			return
		case filtered:
			body = x.filtered
		default:
			body, lengthOnly = x.response.Body(), false // the error's
		}
	}
	if !lengthOnly {
		h.SetContentLength(len(body))
	}
	h.SetNoDefaultContentType(len(body) == 0)
	x.sendHead()
	if !x.noBody {
		x.write(body)
	}
}

func (x *exchange) collect(b []byte) { x.filtered = append(x.filtered, b...) }

// sendStream sends a body that is read as it is sent.
func (x *exchange) sendStream() {
	defer x.response.CloseBodyStream()
	length := x.response.Header.ContentLength()
	if x.filters() || length < 0 {
		x.sendStreamChunked()
		return
	}
	x.sendHead()
	if x.noBody || x.sendErr != nil {
		return
	}
	n, err := x.sendBody(x.response.BodyStream())
	x.BodySent += n
	if err == nil && n != int64(length) {
		err = fmt.Errorf("%w: the body has %d bytes, not %d", errCutOff, n, length)
	}
	x.sendErr = err
}

// sendBody sends all that a stream has.
func (x *exchange) sendBody(stream io.Reader) (sent int64, err error) {
	file, ok := stream.(*static.Part)
	if !ok {
		return io.Copy((*outlet)(x.conn), stream)
	}
	if sent, err = x.conn.sendFile(file); !errors.Is(err, errors.ErrUnsupported) {
		return sent, err
	}
	x.filtered = slices.Grow(x.filtered[:0], chunkSize)
	n, err := io.CopyBuffer((*outlet)(x.conn), file, x.filtered[:chunkSize])
	return sent + n, err
}

// sendStreamChunked sends a stream whose length nobody knows, because there is
// none or because filters may change it.
func (x *exchange) sendStreamChunked() {
	x.beginChunks()
	if x.noBody {
		x.filterPieces(nil, true, (*exchange).writeChunk)
		return
	}
	x.filtered = slices.Grow(x.filtered[:0], chunkSize)
	buf := x.filtered[:chunkSize]
	stream := x.response.BodyStream()
	for x.sendErr == nil {
		if stream == &x.passing {
			if x.sendErr = x.passing.flushBeforeWait(); x.sendErr != nil {
				return
			}
		}
		n, err := stream.Read(buf)
		if err != nil && err != io.EOF {
			x.sendErr = err
			return
		}
		x.filterAndWrite(buf[:n], err == io.EOF)
		if err == io.EOF {
			return
		}
		if x.BodySent >= sendPiece {
			x.conn.stepAside() // others have waited long enough
		}
	}
}

// Flush implements host.Wire: it sends the head and what there is of the body.
func (x *exchange) Flush(deadline time.Time) error {
	if x.sendErr != nil {
		return x.sendErr
	}
	x.conn.flushBy = deadline
	defer func() { x.conn.flushBy = time.Time{} }()
	if !x.headSent {
		x.filterHead()
		if x.unfiltered {
			return errCutOff // a header filter has failed: its error is the response
		}
		x.beginChunks()
	}
	if body := x.response.Body(); len(body) > 0 {
		x.filterAndWrite(body, false)
		x.response.ResetBody()
	}
	if x.sendErr == nil {
		x.sendErr = x.conn.flush()
	}
	return x.sendErr
}

// endFlushed sends what was written after the last flush, and the end.
func (x *exchange) endFlushed() {
	if x.sendErr == nil {
		x.filterAndWrite(x.response.Body(), true)
	}
}

// filterAndWrite sends a part of a chunked body.
func (x *exchange) filterAndWrite(b []byte, eof bool) {
	if !x.filters() {
		x.writeChunk(b)
	} else if !x.filterPieces(b, eof, (*exchange).writeChunk) {
		x.sendErr = errCutOff
	}
	if !eof || x.noBody || x.sendErr != nil {
		return
	}
	if x.chunked {
		x.endChunks()
	} else if s := x.conn.stream; s != nil {
		s.sendTrailer(x.passing.body.trailer)
	}
}

// endChunks ends a chunked body, with the fields that a peer has sent behind
// it.
func (x *exchange) endChunks() {
	trailer := x.passing.body.trailer
	if len(trailer) == 0 {
		x.write(lastChunk)
		return
	}
	x.write(lastChunk[:3])
	x.write(trailer)
	x.write(lineEnd)
}

// beginChunks sends the head of a body whose length is not known yet. A client
// of HTTP/1.0 knows no chunks: it reads until the connection closes.
func (x *exchange) beginChunks() {
	h := &x.response.Header
	h.SetNoDefaultContentType(x.passing.x != nil) // a peer's answer stays as it is
	if x.request.Header.IsHTTP11() {
		h.SetContentLength(-1)
		x.chunked = true
	} else {
		h.SetContentLength(-2)
		x.keep = false
	}
	x.sendHead()
}

// sendHead puts the response's head into the connection's buffer.
func (x *exchange) sendHead() {
	h := &x.response.Header
	x.headSent = true
	x.noBody = x.response.SkipBody || bodiless(h.StatusCode())
	if len(h.Server()) == 0 {
		h.SetServer(serverName)
	}
	if s := x.conn.stream; s != nil {
		x.BytesSent += int64(s.sendHead(h))
		return
	}
	x.keep = x.keep && !h.ConnectionClose() && x.body.drainable() && !x.conn.server.draining.Load()
	switch {
	case !x.keep:
		h.SetConnectionClose()
	case !x.request.Header.IsHTTP11():
		h.Set(fasthttp.HeaderConnection, "keep-alive")
	}
	n, err := x.conn.w.Write(h.Header())
	x.BytesSent += int64(n)
	x.sendErr = err
}

// serverName is the Server header of responses that set none.
const serverName = "phasm"

// bodiless tells whether responses with that status end with their head (RFC
// 9110, sections 15.3.5 and 15.4.5).
func bodiless(status int) bool { return status == 204 || status == 304 || status < 200 }

// write sends bytes behind the head. What frames chunks counts as body, as in
// nginx's $body_bytes_sent.
func (x *exchange) write(b []byte) {
	if x.sendErr != nil || len(b) == 0 {
		return
	}
	n, err := (*outlet)(x.conn).Write(b)
	x.BodySent += int64(n)
	x.sendErr = err
}

// writeChunk sends bytes of the body as one chunk (RFC 9112, section 7.1).
func (x *exchange) writeChunk(b []byte) {
	if len(b) == 0 || x.noBody {
		return
	}
	if !x.chunked {
		x.write(b)
		return
	}
	size := strconv.AppendUint(x.conn.w.AvailableBuffer(), uint64(len(b)), 16)
	x.write(append(size, lineEnd...))
	x.write(b)
	x.write(lineEnd)
}

var (
	lineEnd   = []byte("\r\n")
	lastChunk = []byte("0\r\n\r\n")
)

// HeadSent implements host.Wire.
func (x *exchange) HeadSent() bool { return x.headSent }
