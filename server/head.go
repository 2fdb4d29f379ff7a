package server

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
)

// requestHead is a head as it stands in the connection's buffer, and what
// follows from it. All of it are views, good until the connection is read again.
type requestHead struct {
	fields
	line       int // how long the request line is
	method     []byte
	target     []byte
	http11     bool
	rareMethod bool // one that a route must name
	proxied    bool // the target is a whole URL
	asterisk   bool // it is *: the server as a whole is meant
	pathPlain  bool // the target's path is in canonical form
	length     int64
}

// scan reads a head, strictly: what two servers could understand in two ways
// is refused, so that nobody can slip a request past the one in front. The
// result is 0 or the status to refuse it with.
func (h *requestHead) scan(b []byte) int {
	*h = requestHead{}
	if status := h.scanLine(b); status != 0 {
		return status
	}
	if err := h.fields.scan(b[h.line:]); err != nil {
		return fasthttp.StatusBadRequest
	}
	switch length, err := h.framing(); {
	case err == errOtherCoding && h.http11:
		return fasthttp.StatusNotImplemented
	case err != nil || length == -1 && !h.http11: // HTTP/1.0 has no chunks (RFC 9112, section 6.1)
		return fasthttp.StatusBadRequest
	default:
		h.length = length
	}
	switch {
	case h.hosts > 1 || h.hosts == 0 && h.http11 || h.hosts == 1 && len(h.host) == 0:
		return fasthttp.StatusBadRequest
	case h.expects > 1 || h.expects == 1 && !isName(h.expect, "100-continue"):
		return fasthttp.StatusExpectationFailed
	case h.connections && !h.checkConnections(b):
		return fasthttp.StatusBadRequest
	}
	return 0
}

// scanLine reads the request line: method, target and version, one space
// between them (RFC 9112, section 3).
func (h *requestHead) scanLine(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	h.line = end + 1
	const version = "HTTP/1.1"
	if end < len(" "+version+"\r") || b[end-1] != '\r' {
		return fasthttp.StatusBadRequest
	}
	line := b[:end-1]
	space, last := bytes.IndexByte(line, ' '), len(line)-len(version)-1
	if space <= 0 || space >= last || line[last] != ' ' {
		return fasthttp.StatusBadRequest
	}
	h.method, h.target = line[:space], line[space+1:last]
	switch v := line[last+1:]; {
	case string(v) == version:
		h.http11 = true
	case string(v) == "HTTP/1.0":
	case bytes.HasPrefix(v, []byte("HTTP/")) && isDigit(v[5]) && v[6] == '.' && isDigit(v[7]):
		return fasthttp.StatusHTTPVersionNotSupported
	default:
		return fasthttp.StatusBadRequest
	}
	if !isUsual(h.method) {
		if !isToken(h.method) {
			return fasthttp.StatusBadRequest
		}
		h.rareMethod = true
	}
	return h.scanTarget()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isUsual tells whether routes that name no method mean this one. TRACE shows
// a client what it should not see, CONNECT asks for a tunnel, and what others
// do only who names them knows.
func isUsual(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return true
	}
	return false
}

// scanTarget finds out which of its forms the target has (RFC 9112, section
// 3.2).
func (h *requestHead) scanTarget() int {
	path, query := h.target, []byte(nil)
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i+1:]
	}
	h.pathPlain = host.IsCanonicalPath(path)
	if !h.pathPlain && !isTargetText(path) || !isTargetText(query) {
		return fasthttp.StatusBadRequest
	}
	switch {
	case len(path) > 0 && path[0] == '/':
	case len(h.target) == 1 && h.target[0] == '*' && string(h.method) == fasthttp.MethodOptions:
		h.asterisk = true
	case schemeLength(h.target) > 0:
		h.proxied = true
	case string(h.method) == fasthttp.MethodConnect:
		return fasthttp.StatusNotImplemented
	default:
		return fasthttp.StatusBadRequest
	}
	return 0
}

// isTargetText tells whether b has neither blanks nor control characters nor
// a fragment, which is no part of a request.
func isTargetText(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// schemeLength is how long the scheme of a whole URL is, "://" included, or 0.
func schemeLength(target []byte) int {
	i := bytes.IndexByte(target, ':')
	if i < 0 || !bytes.HasPrefix(target[i:], []byte("://")) || !isName(target[:i], "http") && !isName(target[:i], "https") {
		return 0
	}
	return i + len("://")
}

// split divides a target that is a whole URL into its authority and the rest.
func (h *requestHead) split() (authority, rest []byte) {
	b := h.target[schemeLength(h.target):]
	if i := bytes.IndexAny(b, "/?"); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// checkConnections tells whether what Connection lists are names, and none of
// those that a client must not take out of others' sight.
func (h *requestHead) checkConnections(b []byte) bool {
	for lines := b[h.line:][:h.size-len(lineEnd)]; len(lines) > 0; {
		name, value, size := cutField(lines)
		lines = lines[size:]
		if !isName(name, "connection") {
			continue
		}
		for option := range options(value) {
			if !isToken(option) || isName(option, "host") || isName(option, "content-length") ||
				isName(option, "transfer-encoding") || isName(option, "authorization") {
				return false
			}
		}
	}
	return true
}

// cutField takes the first of field lines that scan has found good, and tells
// how long it is.
func cutField(lines []byte) (name, value []byte, size int) {
	size = bytes.IndexByte(lines, '\n') + 1
	name, value, _ = bytes.Cut(lines[:size-len(lineEnd)], []byte{':'})
	return name, value, size
}

// drop takes out of a head the lines that nobody after us may see: those that
// Connection lists, which are meant for us alone (RFC 9110, section 7.6.1),
// and, unless underscores are wanted, those with one in their name: X_User and
// X-User are the same to CGI and to many frameworks. What stays is moved
// towards the end of the head. The result is how many bytes at the beginning
// are void.
func (h *requestHead) drop(b []byte, underscores bool) (void int) {
	if !h.connections && (underscores || !h.underscores) {
		return 0
	}
	to, end := h.line, h.line+h.size-len(lineEnd)
	for at := h.line; at < end; {
		name, _, size := cutField(b[at:end])
		drop := !underscores && bytes.IndexByte(name, '_') >= 0
		if h.connections && !drop {
			// Connection itself stays, so it is still there to look at.
			drop = isListed(name, b[h.line:to]) || isListed(name, b[at:end])
		}
		if !drop {
			copy(b[to:], b[at:at+size])
			to += size
		}
		at += size
	}
	void = end - to
	copy(b[void:], b[:to])
	return void
}

// isListed tells whether a Connection line among these lists a field that is
// therefore to be dropped.
func isListed(name, lines []byte) bool {
	for len(lines) > 0 {
		other, value, size := cutField(lines)
		lines = lines[size:]
		if !isName(other, "connection") {
			continue
		}
		for option := range options(value) {
			if bytes.EqualFold(option, name) && !isHopByHop(name) {
				return true
			}
		}
	}
	return false
}

// isHopByHop tells whether a field has a meaning for us that its being listed
// in Connection does not take away.
func isHopByHop(name []byte) bool {
	return isName(name, "connection") || isName(name, "upgrade") || isName(name, "te") || isName(name, "keep-alive") || isName(name, "close")
}
