package server

import (
	"bytes"
	"encoding/binary"
)

// fields is what the field lines of a head say about the message: how it is
// framed, where it wants to go, and what becomes of the connection. That is the
// same for requests, whose lines scan reads, and for the responses of peers. The
// values are views into the head, without the spaces around them.
type fields struct {
	size        int // of all lines, the empty one at the end included
	lines       int
	lengths     int // how many lines have that name
	codings     int
	hosts       int
	expects     int
	length      []byte // Content-Length, of the last such line, as below
	coding      []byte // Transfer-Encoding
	host        []byte
	expect      []byte
	close       bool // Connection says so
	keepAlive   bool
	connections bool // Connection says more than that
	underscores bool // a name has one
}

// malformed is why a head is refused.
type malformed string

func (m malformed) Error() string { return string(m) }

const (
	errNoEnd       malformed = "the head has no end"
	errBareLF      malformed = "a header line ends in a bare line feed"
	errFolded      malformed = "a header goes on in the next line"
	errFieldName   malformed = "a header's name is no token"
	errFieldValue  malformed = "a header's value has a control character"
	errFramedTwice malformed = "both Content-Length and Transfer-Encoding frame the body"
	errLength      malformed = "Content-Length is not one plain number"
	errCoding      malformed = "Transfer-Encoding does not end in one chunked"
	errOtherCoding malformed = "Transfer-Encoding names a coding other than chunked"
)

// scan reads field lines up to the empty line that ends them. It is strict
// where servers are known to disagree (RFC 9112, sections 2.2, 5 and 11.2):
// every line ends in CRLF, none is folded, and names and values have no bytes
// but those that may be there.
func (f *fields) scan(b []byte) error {
	for at := 0; ; f.lines++ {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			return errNoEnd
		}
		line := b[at : at+end]
		at += end + 1
		if end == 0 || line[end-1] != '\r' {
			return errBareLF
		}
		if end == 1 {
			f.size = at
			return nil
		}
		line = line[:end-1]
		name, kinds := 0, byte(0)
		for ; name < len(line); name++ {
			kind := nameBytes[line[name]]
			if kind == 0 {
				break
			}
			kinds |= kind
		}
		switch {
		case name == len(line) || name == 0 || line[name] != ':':
			if line[0] == ' ' || line[0] == '\t' {
				return errFolded
			}
			return errFieldName
		case hasControl(line[name+1:]):
			return errFieldValue
		}
		if kinds&underscore != 0 {
			f.underscores = true
		}
		f.note(line[:name], line[name+1:])
	}
}

// note keeps a line that is of interest. Most names are not as long as one.
func (f *fields) note(name, value []byte) {
	switch len(name) {
	case len("Host"):
		if isName(name, "host") {
			f.hosts, f.host = f.hosts+1, trimSpaces(value)
		}
	case len("Expect"):
		if isName(name, "expect") {
			f.expects, f.expect = f.expects+1, trimSpaces(value)
		}
	case len("Connection"):
		if isName(name, "connection") {
			f.noteConnection(trimSpaces(value))
		}
	case len("Content-Length"):
		if isName(name, "content-length") {
			f.lengths, f.length = f.lengths+1, trimSpaces(value)
		}
	case len("Transfer-Encoding"):
		if isName(name, "transfer-encoding") {
			f.codings, f.coding = f.codings+1, trimSpaces(value)
		}
	}
}

func (f *fields) noteConnection(value []byte) {
	switch {
	case isName(value, "keep-alive"):
		f.keepAlive = true
	case isName(value, "close"):
		f.close = true
	default:
		f.connections = true
		for option := range options(value) {
			f.keepAlive = f.keepAlive || isName(option, "keep-alive")
			f.close = f.close || isName(option, "close")
		}
	}
}

// framing tells how the body is framed: its length, -1 for chunks, or -2 where
// nothing says. What leaves doubt is an error: two servers that decide it in
// two ways see different messages (RFC 9112, section 6.3).
func (f *fields) framing() (length int64, err error) {
	switch {
	case f.codings > 0 && f.lengths > 0:
		return 0, errFramedTwice
	case f.codings > 0:
		return -1, f.checkCoding()
	case f.lengths == 0:
		return -2, nil
	case f.lengths > 1 || len(f.length) == 0 || len(f.length) > 18 || f.length[0] == '0' && len(f.length) > 1:
		return 0, errLength
	}
	for _, c := range f.length {
		if c < '0' || c > '9' {
			return 0, errLength
		}
		length = 10*length + int64(c-'0')
	}
	return length, nil
}

// checkCoding accepts the one coding that every recipient understands.
func (f *fields) checkCoding() error {
	if f.codings > 1 {
		return errCoding
	}
	if isName(f.coding, "chunked") {
		return nil
	}
	chunked, last := 0, false
	for coding := range options(f.coding) {
		if last = isName(coding, "chunked"); last {
			chunked++
		}
	}
	if len(f.coding) == 0 || chunked > 1 || chunked == 1 && !last {
		return errCoding
	}
	return errOtherCoding
}

// options are the elements of a list (RFC 9110, section 5.6.1), empty ones
// left out.
func options(list []byte) func(yield func(option []byte) bool) {
	return func(yield func([]byte) bool) {
		for len(list) > 0 {
			option := list
			if i := bytes.IndexByte(list, ','); i >= 0 {
				option, list = list[:i], list[i+1:]
			} else {
				list = nil
			}
			if option = bytes.Trim(option, " \t"); len(option) > 0 && !yield(option) {
				return
			}
		}
	}
}

// isName compares with a text in lower case.
func isName(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// isOneOf tells whether a name is one of these, in whatever case.
func isOneOf(name []byte, names [][]byte) bool {
	for _, n := range names {
		if len(n) == len(name) && bytes.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// trimSpaces leaves tabs: in front of what frames a message not all servers
// pass over them.
func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// hasControl tells whether b has a control character other than tab. It looks
// at eight bytes at a time: those below 32 borrow from their upper bit, and 127
// is 0 once its bits are turned around.
func hasControl(b []byte) bool {
	const each, upper = 0x0101010101010101, 0x8080808080808080
	for len(b) >= 8 {
		word := binary.LittleEndian.Uint64(b)
		turned := word ^ 0x7f*each
		if ((word-0x20*each)&^word|(turned-each)&^turned)&upper != 0 && oneIsControl(b[:8]) {
			return true
		}
		b = b[8:]
	}
	return oneIsControl(b)
}

func oneIsControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}

// nameBytes are what a header's name may have (RFC 9110, section 5.6.2).
var nameBytes = func() (t [256]byte) {
	for c := '0'; c <= '9'; c++ {
		t[c] = 1
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = 1, 1
	}
	for _, c := range "!#$%&'*+-.^`|~" {
		t[c] = 1
	}
	t['_'] = underscore
	return t
}()

const underscore = 2

func isToken(b []byte) bool {
	for _, c := range b {
		if nameBytes[c] == 0 {
			return false
		}
	}
	return len(b) > 0
}
