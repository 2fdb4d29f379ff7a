package server

import (
	"bytes"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"

	"phasm/server/upstream"
)

// peerHead is what the head of a peer's response says about the response and
// the connection. The rest of it goes into the exchange's response.
type peerHead struct {
	status  int
	length  int  // of the body, or upstream.Chunked, or upstream.UntilEnd
	closes  bool // the connection ends with the response
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
	*p = peerHead{length: upstream.UntilEnd, upgrade: p.upgrade[:0], named: p.named[:0]}
	line, rest := cutLine(head)
	version, err := p.parseStatus(line, h)
	if err != nil {
		return 0, err
	}
	p.closes = version == '0'
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || !isToken(line[:colon]) {
			return 0, badHead("%.50q is no field", line)
		}
		name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
		if hasControl(value) {
			return 0, badHead("the value of %.50q has control characters", name)
		}
		if err := p.field(name, value, version, h, own); err != nil {
			return 0, err
		}
	}
	for names := p.named; len(names) > 0; {
		var name []byte
		name, names, _ = bytes.Cut(names, []byte{','})
		h.DelBytes(name)
	}
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

// field takes one field.
func (p *peerHead) field(name, value []byte, version byte, h *fasthttp.ResponseHeader, own []byte) error {
	switch len(name) {
	case len("Te"):
		if isName(name, "te") {
			return nil
		}
	case len("Date"):
		if isName(name, "date") { // the server's own, as in nginx
			return nil
		}
	case len("Server"):
		if isName(name, "server") {
			return nil
		}
	case len("Upgrade"):
		if isName(name, "upgrade") {
			p.upgrade = append(p.upgrade[:0], value...)
			return nil
		}
		if isName(name, "trailer") {
			return nil
		}
	case len("Connection"):
		if isName(name, "connection") {
			p.connection(value)
			return nil
		}
		if isName(name, "keep-alive") {
			return nil
		}
	case len("Content-Length"):
		if isName(name, "content-length") {
			return p.contentLength(value)
		}
	case len("Proxy-Connection"):
		if isName(name, "proxy-connection") {
			return nil
		}
	case len("Transfer-Encoding"):
		if isName(name, "transfer-encoding") {
			if p.length != upstream.UntilEnd || version == '0' || !bytes.EqualFold(value, []byte("chunked")) {
				return badHead("Transfer-Encoding %.50q, or beside another length", value)
			}
			p.length = upstream.Chunked
			return nil
		}
	}
	if len(own) > 0 && isOwn(own, name) {
		return nil
	}
	h.AddBytesKV(name, value)
	return nil
}

func (p *peerHead) contentLength(value []byte) error {
	if p.length != upstream.UntilEnd || len(value) == 0 || len(value) > 18 {
		return badHead("Content-Length %.50q, or beside another length", value)
	}
	length := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return badHead("Content-Length %.50q", value)
		}
		length = length*10 + int(c-'0')
	}
	p.length = length
	return nil
}

// connection takes what Connection lists: what becomes of the connection, and
// the names of fields that are for it alone (RFC 9110, section 7.6.1).
func (p *peerHead) connection(list []byte) {
	for len(list) > 0 {
		var option []byte
		option, list, _ = bytes.Cut(list, []byte{','})
		switch option = bytes.Trim(option, " \t"); {
		case len(option) == 0, isName(option, "upgrade"), isName(option, "content-type"):
		case isName(option, "close"):
			p.closes = true
		case isName(option, "keep-alive"):
			p.closes = false
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

// unexpectedEnd is the error of a connection that ends within a head.
func unexpectedEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
