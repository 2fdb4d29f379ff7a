package host

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// header is what the headers of requests and of responses have in common.
type header interface {
	AddBytesKV(name, value []byte)
	DelBytes(name []byte)
}

// removeHeader removes all values of a header; list is what there is, as
// guests get it.
//
// fasthttp's Del fills a gap with the last header. That may put values of that
// one out of their order, which has a meaning (RFC 9110, section 5.3): think
// of X-Forwarded-For. Then all are taken out and put back.
func removeHeader(h header, list, name []byte) {
	if isField(name) || !movesValues(list, name) {
		h.DelBytes(name)
		return
	}
	for other := range pairs(list) {
		if !isField(other) {
			h.DelBytes(other)
		}
	}
	for other, value := range pairs(list) {
		if !isField(other) && !bytes.EqualFold(other, name) {
			h.AddBytesKV(other, value)
		}
	}
}

// movesValues tells whether fasthttp's Del would change the order of another
// header's values.
func movesValues(list, name []byte) bool {
	found := 0
	var last []byte
	for other := range pairs(list) {
		switch {
		case bytes.EqualFold(other, name):
			found++
		case !isField(other):
			last = other
		}
	}
	if found != 1 {
		return found > 1
	}
	behind, ofLast := false, 0
	for other := range pairs(list) {
		switch {
		case bytes.EqualFold(other, name):
			behind = true
		case behind && bytes.Equal(other, last):
			ofLast++
		}
	}
	return ofLast > 1
}

// isField tells whether fasthttp keeps a header in a field of its own, apart
// from the others.
func isField(name []byte) bool {
	for _, field := range fields {
		if isNamed(name, field) {
			return true
		}
	}
	return false
}

// isNamed compares a header's name. Most names differ in their length.
func isNamed(name []byte, other string) bool {
	return len(name) == len(other) && bytes.EqualFold(name, bytesOf(other))
}

var fields = [...]string{
	"Host", "User-Agent", "Content-Type", "Content-Length", "Content-Encoding", "Server", "Connection",
	"Cookie", "Set-Cookie", "Trailer",
}

// pairs are the names and values of a list of our own making.
func pairs(list []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		next := func() []byte {
			end := 4 + binary.LittleEndian.Uint32(list)
			item := list[4:end]
			list = list[end:]
			return item
		}
		for len(list) > 0 {
			if !yield(next(), next()) {
				return
			}
		}
	}
}

// isAbsent tells whether what fasthttp found under a header's name means that
// there is none. The headers that it keeps in fields of their own are empty
// where they are missing, and not nil when they have been used before.
func isAbsent(name, value []byte) bool {
	return len(value) == 0 && (value == nil || isField(name))
}

// isFraming tells whether a header decides where a message's body ends. Those
// are the server's: it alone knows what is on the wire. A guest that could
// change a request's would shift where the connection's next request begins.
func isFraming(name []byte) bool {
	return isNamed(name, "Content-Length") || isNamed(name, "Transfer-Encoding")
}
