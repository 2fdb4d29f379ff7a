package server

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
)

// receive waits for a request's head and parses it. The result is 0, or the
// status to refuse the request with before any plugin sees it; -1 means that
// there is nobody left to answer.
func (x *exchange) receive() int {
	x.unparsed = true
	head, status := x.conn.awaitHead()
	if status != 0 {
		x.line = x.firstLine(head)
		return status
	}
	h := &x.head
	if status := h.scan(head); status != 0 {
		x.line = x.firstLine(head)
		return status
	}
	limits := &x.generation.config.Server.Limits
	if h.lines > limits.Headers {
		x.line = x.firstLine(head)
		return fasthttp.StatusRequestHeaderFieldsTooLarge
	}
	// What the server's own plugins put into a subrequest stays.
	if void := h.drop(head, x.conn.parent != nil || x.generation.config.Server.Underscores); void > 0 {
		x.conn.r.Discard(void)
		head = head[void:]
		h.scan(head) // what it points at has moved
	}
	line := head[:h.line]
	if err := x.request.Header.Read(x.conn.r); err != nil {
		x.line = x.firstLine(line)
		return fasthttp.StatusBadRequest
	}
	x.unparsed = false
	if x.conn.stream != nil {
		x.request.Header.SetProtocol(nameHTTP2)
	}
	if status := x.canonicalise(); status != 0 {
		return status
	}
	return x.admissible()
}

// canonicalise gives the request's authority and path the one form that
// everybody sees. The access log has the target as it came.
func (x *exchange) canonicalise() int {
	h := &x.head
	authority, target := h.host, h.target
	if h.proxied {
		authority, target = h.split()
		x.authority, _ = appendAuthority(x.authority[:0], h.host, x.TLS != nil)
		named := len(x.authority)
		var ok bool
		if x.authority, ok = appendAuthority(x.authority, authority, x.TLS != nil); !ok {
			return fasthttp.StatusBadRequest
		}
		if h.hosts > 0 && !bytes.Equal(x.authority[:named], x.authority[named:]) {
			return fasthttp.StatusBadRequest // RFC 9112, section 3.2.2: one of the two lies
		}
	}
	if (h.hosts > 0 || h.proxied) && (h.proxied || !isCanonicalHost(authority)) {
		var ok bool
		if x.authority, ok = appendAuthority(x.authority[:0], authority, x.TLS != nil); !ok {
			return fasthttp.StatusBadRequest
		}
		x.request.Header.SetHostBytes(x.authority)
	}
	if h.close {
		x.request.Header.SetConnectionClose() // fasthttp knows it in lower case and alone
	}
	if h.proxied || !h.pathPlain && !h.asterisk {
		x.target, h.pathPlain = host.AppendTarget(x.target[:0], target)
		if !h.pathPlain {
			return fasthttp.StatusBadRequest
		}
		if !bytes.Equal(x.target, h.target) {
			x.SetURI(x.target)
		}
	}
	if !(h.pathPlain && isPlainAuthority(x.request.Header.Host())) && len(x.request.URI().PathOriginal()) == 0 {
		return fasthttp.StatusBadRequest // fasthttp could not parse the target
	}
	return 0
}

// admissible refuses what the request's route would not have. Most requests
// need no look at it.
func (x *exchange) admissible() int {
	h := &x.head
	if !h.rareMethod && h.length <= x.generation.leastBody {
		return 0
	}
	x.match()
	method, body := x.route.method, x.route.body
	x.route, x.Route = x.generation.fallback, "" // an early error has no route
	switch {
	case h.rareMethod && method != string(h.method):
		return fasthttp.StatusNotImplemented
	case h.length > body:
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
		for ; len(head) > 0 && (head[0] == '\r' || head[0] == '\n' || empty%2 == 1); empty++ {
			if empty == maxEmpty || head[0] != lineEnd[empty%2] {
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
func (x *exchange) firstLine(head []byte) string {
	line, _, _ := bytes.Cut(head, newline)
	text := string(bytes.TrimRight(line[:min(len(line), 200)], "\r"))
	if rest, found := strings.CutSuffix(text, " HTTP/1.1"); found && x.conn.stream != nil {
		return rest + " " + nameHTTP2
	}
	return text
}
