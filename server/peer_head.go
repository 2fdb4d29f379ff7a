package server

import (
	"bytes"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"
)

// peerHead is what the head of a peer's response says about the response and
// the connection. The rest of it goes into the exchange's response.
type peerHead struct {
	fields
	status  int
	length  int64 // of the body, or lengthChunked, or lengthUntilEnd
	closes  bool  // the connection ends with the response
	upgrade []byte
	named   []byte // by Connection, beside what it is for
}

// parse takes a head apart (RFC 9112, sections 4 and 5) and adds its fields to
// h, but for those that concern the connection, that the server writes itself,
// and that plugins have set (own). It answers how long the head is. What others
// may understand in another way is refused. It is strict where a lenient reader
// could be fooled about where the response ends, and takes lines that end in a
// bare LF, as nginx does: the head is written anew.
func (p *peerHead) parse(head []byte, h *fasthttp.ResponseHeader, own []byte) (size int, err error) {
	*p = peerHead{upgrade: p.upgrade[:0], named: p.named[:0]}
	line, rest := cutLine(head)
	version, err := p.parseStatus(line, h)
	if err != nil {
		return 0, err
	}
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || !isToken(line[:colon]) {
			return 0, badHead("%.50q is no field", line)
		}
		name, value := line[:colon], line[colon+1:]
		if hasControl(value) {
			return 0, badHead("the value of %.50q has control characters", name)
		}
		p.note(name, value)
		p.take(name, bytes.Trim(value, " \t"), h, own)
	}
	for names := p.named; len(names) > 0; {
		var name []byte
		name, names, _ = bytes.Cut(names, []byte{','})
		h.DelBytes(name)
	}
	if p.length, err = p.framing(); err != nil {
		return 0, badHead("%w", err)
	}
	if p.codings > 0 && version == '0' {
		return 0, badHead("HTTP/1.0 has no chunks")
	}
	p.closes = p.fields.close || version == '0' && !p.keepAlive
	return len(head) - len(rest), nil
}

// parseStatus parses the first line.
func (p *peerHead) parseStatus(line []byte, h *fasthttp.ResponseHeader) (version byte, err error) {
	const least = len("HTTP/1.1 200")
	if len(line) < least || string(line[:7]) != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		len(line) > least && line[least] != ' ' {
		return 0, badHead("%.50q is no status line", line)
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return 0, badHead("%.50q is no status line", line)
		}
		p.status = p.status*10 + int(c-'0')
	}
	if p.status < 100 || p.status > 599 {
		return 0, badHead("status %d", p.status)
	}
	h.SetStatusCode(p.status)
	if len(line) > least+1 {
		reason := line[least+1:]
		if hasControl(reason) {
			return 0, badHead("the reason of status %d has control characters", p.status)
		}
		if string(reason) != fasthttp.StatusMessage(p.status) {
			h.SetStatusMessage(reason)
		}
	}
	return line[7], nil
}

// notTaken are the fields of a response that concern the connection to the peer
// (RFC 9110, section 7.6.1), or that the server writes itself, as nginx does.
var notTaken = [][]byte{
	[]byte("Connection"), []byte("Keep-Alive"), []byte("Proxy-Connection"), []byte("TE"), []byte("Trailer"), []byte("Upgrade"),
	[]byte("Content-Length"), []byte("Transfer-Encoding"), []byte("Date"), []byte("Server"),
}

// take adds a field to h, where it is one for the client.
func (p *peerHead) take(name, value []byte, h *fasthttp.ResponseHeader, own []byte) {
	if isOneOf(name, notTaken) {
		switch {
		case isName(name, "upgrade"):
			p.upgrade = append(p.upgrade[:0], value...)
		case isName(name, "connection"):
			p.connection(value)
		}
		return
	}
	if len(own) == 0 || !isOwn(own, name) {
		h.AddBytesKV(name, value)
	}
}

// connection takes what Connection lists beside what becomes of the connection:
// the names of fields that are for it alone (RFC 9110, section 7.6.1).
func (p *peerHead) connection(list []byte) {
	for option := range options(list) {
		switch {
		case isName(option, "upgrade"), isName(option, "content-type"), isName(option, "close"), isName(option, "keep-alive"):
		default:
			p.named = append(append(p.named, option...), ',')
		}
	}
}

// cutLine cuts the first line off, without its end.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return nil, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

// badHead is the error of a peer whose answer is malformed.
func badHead(format string, args ...any) error {
	return fmt.Errorf("the peer's answer is malformed: "+format, args...)
}

// unexpectedEnd is the error of a connection that ends within a message.
func unexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
