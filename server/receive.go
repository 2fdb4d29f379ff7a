package server

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// receive waits for a request's head and parses it. The result is 0, or the
// status to refuse the request with before any plugin sees it; -1 means that
// there is nobody left to answer.
func (x *exchange) receive() int {
	head, status := x.conn.awaitHead()
	if status != 0 {
		x.line = firstLine(head)
		return status
	}
	limits := &x.conn.server.config.Server.Limits
	if bytes.Count(head, newline) > limits.Headers+2 { // the request line and the empty line
		x.line = firstLine(head)
		return fasthttp.StatusRequestHeaderFieldsTooLarge
	}
	if err := x.request.Header.Read(x.conn.r); err != nil {
		x.line = firstLine(head)
		return fasthttp.StatusBadRequest
	}
	if len(x.request.URI().PathOriginal()) == 0 {
		return fasthttp.StatusBadRequest // fasthttp could not parse the target
	}
	if int64(x.request.Header.ContentLength()) > int64(limits.Body) {
		return fasthttp.StatusRequestEntityTooLarge
	}
	return 0
}

var (
	newline     = []byte("\n")
	endOfHead   = []byte("\n\r\n")
	bareHeadEnd = []byte("\n\n")
)

// awaitHead reads until the whole head stands in the reader's buffer and
// returns it, still unread. With a status other than 0 it returns what there
// is.
func (c *conn) awaitHead() (head []byte, status int) {
	c.skipEmptyLines()
	scanned, waiting := 0, false
	for {
		head, _ = c.r.Peek(c.r.Buffered())
		// The end may begin in what was scanned already.
		if n := endIndex(head[max(0, scanned-2):]); n >= 0 {
			return head[:max(0, scanned-2)+n], 0
		}
		if scanned = len(head); scanned == c.r.Size() {
			return head, tooLarge(head)
		}
		if !waiting {
			waiting = true // the deadline holds for the whole head
			if c.w.Flush() != nil {
				return head, -1
			}
			c.readWithin(time.Duration(c.server.config.Server.Timeouts.Header))
		}
		if _, err := c.r.Peek(scanned + 1); err != nil {
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				return head, tooLarge(head)
			case len(head) > 0 && errors.Is(err, os.ErrDeadlineExceeded):
				return head, fasthttp.StatusRequestTimeout
			}
			return head, -1
		}
	}
}

// skipEmptyLines passes over what RFC 9112, section 2.2, asks a server to
// ignore before a request line, two lines of it.
func (c *conn) skipEmptyLines() {
	for range 4 {
		b, _ := c.r.Peek(1)
		if len(b) == 0 || b[0] != '\r' && b[0] != '\n' {
			return
		}
		c.r.Discard(1)
	}
}

// endIndex is where the head ends in b, or -1.
func endIndex(b []byte) int {
	if i := bytes.Index(b, endOfHead); i >= 0 {
		return i + len(endOfHead)
	}
	if i := bytes.Index(b, bareHeadEnd); i >= 0 {
		return i + len(bareHeadEnd)
	}
	return -1
}

// tooLarge tells which part of a head is: the target, where not even the
// request line has ended, or the headers.
func tooLarge(head []byte) int {
	if bytes.IndexByte(head, '\n') < 0 {
		return fasthttp.StatusRequestURITooLong
	}
	return fasthttp.StatusRequestHeaderFieldsTooLarge
}

// firstLine is what the access log shows of a request that was never parsed.
func firstLine(head []byte) string {
	line, _, _ := bytes.Cut(head, newline)
	return string(bytes.TrimRight(line[:min(len(line), 200)], "\r"))
}
