package redis

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Types of replies, as in RESP3 (github.com/redis/redis-specifications,
// protocol/RESP3.md). Redis' simple strings and bulk strings are one type, and
// so are its two kinds of errors; attributes and pushes do not reach guests.
const (
	typeString   = '$'
	typeError    = '-'
	typeInteger  = ':'
	typeNil      = '_'
	typeDouble   = ','
	typeBoolean  = '#'
	typeNumber   = '(' // too big for an integer, in decimal digits
	typeVerbatim = '=' // three letters of format, a colon and the text
	typeArray    = '*'
	typeSet      = '~'
	typeMap      = '%' // its length counts pairs
)

// AppendReply appends a reply as guests get it. A reply is its type, a byte
// as in RESP3, and then
//
//   - for an integer its 8 bytes, for a double those of its IEEE 754 form
//   - for a boolean one byte, 0 or 1
//   - for nil nothing
//   - for strings, errors, big numbers and verbatim strings: the length in
//     bytes, a u32, and the text
//   - for arrays and sets: the number of elements, a u32, and the elements
//   - for maps: the number of pairs, a u32, and key, value, key, value, …
//
// Numbers are little-endian. Replies are elements, so they nest.
func AppendReply(dst []byte, m *rueidis.RedisMessage) []byte {
	dst, _ = appendWhole(dst, m)
	return dst
}

// appendWhole is AppendReply, and tells whether all of the reply was there.
func appendWhole(dst []byte, m *rueidis.RedisMessage) (reply []byte, whole bool) {
	switch {
	case m.IsNil():
		return append(dst, typeNil), true
	case m.IsString():
		s, _ := m.ToString()
		return appendText(dst, typeString, s), true
	case m.IsInt64():
		n, _ := m.ToInt64()
		return appendInteger(dst, n), true
	}
	// For the rest the library's own form tells the types that its methods do
	// not: seven bytes of its cache's, and then values.
	const head = 7
	value := m.CacheMarshal(nil)[head:]
	dst, rest := appendValue(slices.Grow(dst, len(value)), value)
	return dst, rest != nil
}

// MaxReply is how large a reply may be, in bytes: all replies to a pipeline
// together, each element with eight bytes for its length.
const MaxReply = 16 << 20

// ErrTooLarge is the error of a reply that is larger than MaxReply. The command
// has run.
var ErrTooLarge = errors.New("the reply is too large")

// bounded is AppendReply for replies that the caller keeps: one that is too
// large is dropped before anybody copies it. The library has had no more of it in
// memory than a little above MaxReply.
func bounded(dst []byte, m *rueidis.RedisMessage) ([]byte, error) {
	if len(dst)+m.CacheSize() > MaxReply {
		return dst, ErrTooLarge
	}
	reply, whole := appendWhole(dst, m)
	if !whole {
		return dst, ErrTooLarge
	}
	return reply, nil
}

// appendValue translates one value of the library's form: its type, eight
// bytes, big-endian, that are a number or a length, and the content. It answers
// what follows, or nil where the connection's guard has cut a part off.
func appendValue(dst, value []byte) (reply, rest []byte) {
	kind, n, rest := value[0], binary.BigEndian.Uint64(value[1:9]), value[9:]
	switch kind {
	case '_', '.':
		return append(dst, typeNil), rest
	case ':':
		return appendInteger(dst, int64(n)), rest
	case '#':
		return append(dst, typeBoolean, byte(n)), rest
	case '*', '~', '%', '>':
		count := int(n)
		switch kind {
		case '%':
			dst = appendHead(dst, typeMap, count/2)
		case '~':
			dst = appendHead(dst, typeSet, count)
		default:
			dst = appendHead(dst, typeArray, count)
		}
		for range count {
			if dst, rest = appendValue(dst, rest); rest == nil {
				return dst, nil
			}
		}
		return dst, rest
	}
	text, rest := rest[:n], rest[n:]
	switch kind {
	case ',':
		return appendDouble(dst, string(text)), rest
	case '-', '!':
		if _, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return dst, nil
		}
		return appendText(dst, typeError, text), rest
	case '=':
		return appendText(dst, typeVerbatim, text), rest
	case '(':
		return appendText(dst, typeNumber, text), rest
	}
	return appendText(dst, typeString, text), rest
}

func appendHead(dst []byte, kind byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, kind), uint32(n))
}

func appendText[T string | []byte](dst []byte, kind byte, text T) []byte {
	return append(appendHead(dst, kind, len(text)), text...)
}

func appendInteger(dst []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, typeInteger), uint64(n))
}

// appendDouble reads what Redis writes: digits, or inf, -inf or nan.
func appendDouble(dst []byte, text string) []byte {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		f = math.NaN()
	}
	return binary.LittleEndian.AppendUint64(append(dst, typeDouble), math.Float64bits(f))
}

// isError tells whether a reply is an error of that kind.
func isError(reply []byte, kind string) bool {
	return len(reply) > 5 && reply[0] == typeError && strings.HasPrefix(string(reply[5:]), kind+" ")
}
