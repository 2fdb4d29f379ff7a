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
	x.unparsed = true
	head, status := x.conn.awaitHead()
	if status != 0 {
		x.line = firstLine(head)
		return status
	}
	limits := &x.generation.config.Server.Limits
	// A header line has four bytes at least: most heads need no counting.
	if len(head) > 4*limits.Headers && headers(head) > limits.Headers {
		x.line = firstLine(head)
		return fasthttp.StatusRequestHeaderFieldsTooLarge
	}
	if err := x.request.Header.Read(x.conn.r); err != nil {
		x.line = firstLine(head)
		return fasthttp.StatusBadRequest
	}
	x.unparsed = false
	if len(x.request.URI().PathOriginal()) == 0 {
		return fasthttp.StatusBadRequest // fasthttp could not parse the target
	}
	if int64(x.request.Header.ContentLength()) > int64(limits.Body) {
		return fasthttp.StatusRequestEntityTooLarge
	}
	return 0
}

// maxEmpty is how many bytes of empty lines before a request line are passed
// over, as RFC 9112, section 2.2, asks: two lines.
const maxEmpty = 4

// awaitHead reads until at least one whole head stands in the reader's buffer
// and returns what stands there, still unread. With a status other than 0 the
// head never became whole.
func (c *conn) awaitHead() (head []byte, status int) {
	scanned, empty, waiting := 0, 0, false
	for {
		head, _ = c.r.Peek(c.r.Buffered())
		for ; len(head) > 0 && (head[0] == '\r' || head[0] == '\n'); empty++ {
			if empty == maxEmpty {
				return head, fasthttp.StatusBadRequest
			}
			c.r.Discard(1)
			head = head[1:]
		}
		// The end may begin in what was scanned already.
		if hasEnd(head[max(0, scanned-2):]) {
			return head, 0
		}
		if scanned = len(head); scanned == c.r.Size() {
			return head, tooLarge(head)
		}
		if !waiting {
			waiting = true
			// Answers to earlier requests must not wait for this one. The time
			// limit holds for the whole head.
			if c.w.Flush() != nil {
				return head, -1
			}
			c.readWithin(time.Duration(c.config.Server.Timeouts.Header))
		}
		if _, err := c.r.Peek(scanned + 1); err != nil {
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				return head, tooLarge(head)
			case (scanned > 0 || empty > 0) && errors.Is(err, os.ErrDeadlineExceeded):
				return head, fasthttp.StatusRequestTimeout
			}
			return head, -1
		}
	}
}

// hasEnd tells whether a head ends in b. Most often b is one head.
func hasEnd(b []byte) bool {
	return bytes.HasSuffix(b, endOfHead) || bytes.Contains(b, endOfHead) || bytes.Contains(b, bareEndOfHead)
}

// headers counts the header lines of the first head in b.
func headers(b []byte) int {
	if i := bytes.Index(b, endOfHead); i >= 0 {
		b = b[:i]
	}
	return bytes.Count(b, newline)
}

var (
	newline       = []byte("\n")
	endOfHead     = []byte("\n\r\n")
	bareEndOfHead = []byte("\n\n")
)

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
