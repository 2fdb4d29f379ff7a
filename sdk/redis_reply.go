package sdk

import (
	"math"
	"strconv"
	"strings"
)

// RedisError is an error that Redis has answered, such as "WRONGTYPE Operation
// against a key holding the wrong kind of value".
type RedisError string

// Error is the error's text.
func (e RedisError) Error() string { return string(e) }

// RedisKind is the kind of a reply, its type in RESP3.
type RedisKind byte

// Kinds of replies.
const (
	RedisNil       RedisKind = '_'
	RedisString    RedisKind = '$' // simple strings such as OK are strings as well
	RedisErr       RedisKind = '-'
	RedisInt       RedisKind = ':'
	RedisDouble    RedisKind = ','
	RedisBool      RedisKind = '#'
	RedisBigNumber RedisKind = '(' // decimal digits
	RedisVerbatim  RedisKind = '='
	RedisArray     RedisKind = '*'
	RedisSet       RedisKind = '~'
	RedisMap       RedisKind = '%'
)

// Reply is what Redis has answered. It is the plugin's own and stays valid. The
// zero value is nil. What asks for another kind than it is answers the zero
// value.
type Reply struct{ raw string }

// Kind is the reply's kind.
func (r Reply) Kind() RedisKind {
	if r.raw == "" {
		return RedisNil
	}
	return RedisKind(r.raw[0])
}

// IsNil tells whether Redis has answered nil: no such key, for example.
func (r Reply) IsNil() bool { return r.Kind() == RedisNil }

// Err is the [RedisError] that the reply is, or nil.
func (r Reply) Err() error {
	if r.Kind() != RedisErr {
		return nil
	}
	return RedisError(r.text())
}

// Str is the reply as a string: a string, a big number, a verbatim string
// without its format, an integer or a double in decimal digits.
func (r Reply) Str() string {
	switch r.Kind() {
	case RedisString, RedisBigNumber:
		return r.text()
	case RedisVerbatim:
		text := r.text()
		return text[min(len("txt:"), len(text)):]
	case RedisInt:
		return strconv.FormatInt(r.Int(), 10)
	case RedisDouble:
		return strconv.FormatFloat(r.Float(), 'g', -1, 64)
	}
	return ""
}

// Int is the reply as an integer, or as what a string says in decimal digits.
func (r Reply) Int() int64 {
	switch r.Kind() {
	case RedisInt:
		return int64(r.number())
	case RedisString:
		if n, err := strconv.ParseInt(r.text(), 10, 64); err == nil {
			return n
		}
	}
	return 0
}

// Float is the reply as a floating-point number: a double, an integer, or what
// a string says.
func (r Reply) Float() float64 {
	switch r.Kind() {
	case RedisDouble:
		return math.Float64frombits(r.number())
	case RedisInt:
		return float64(r.Int())
	case RedisString:
		if f, err := strconv.ParseFloat(r.text(), 64); err == nil {
			return f
		}
	}
	return 0
}

// Bool is the reply as a boolean; an integer is true where it is not 0.
func (r Reply) Bool() bool {
	switch r.Kind() {
	case RedisBool:
		return len(r.raw) > 1 && r.raw[1] != 0
	case RedisInt:
		return r.Int() != 0
	}
	return false
}

// Len is the number of elements of an array or a set, and of pairs of a map.
func (r Reply) Len() int {
	switch r.Kind() {
	case RedisArray, RedisSet, RedisMap:
		return r.length()
	}
	return 0
}

// Slice are the elements of an array or a set; of a map key, value, key,
// value, ….
func (r Reply) Slice() []Reply {
	n := r.Len()
	if r.Kind() == RedisMap {
		n *= 2
	}
	if n == 0 {
		return nil
	}
	rest := r.raw[5:]
	all := make([]Reply, 0, min(n, len(rest)))
	for range n {
		size := replySize(rest)
		if size == 0 {
			break // cut short
		}
		all = append(all, Reply{rest[:size]})
		rest = rest[size:]
	}
	return all
}

// Strings are the elements of an array or a set as strings.
func (r Reply) Strings() []string {
	var all []string
	for _, element := range r.Slice() {
		all = append(all, element.Str())
	}
	return all
}

// Map are the pairs of a map, or of an array of keys and values. Keys that are
// no strings are as Str has them.
func (r Reply) Map() map[string]Reply {
	elements := r.Slice()
	if r.Kind() == RedisSet || len(elements) < 2 {
		return nil
	}
	pairs := make(map[string]Reply, len(elements)/2)
	for i := 0; i+1 < len(elements); i += 2 {
		pairs[elements[i].Str()] = elements[i+1]
	}
	return pairs
}

// HasPrefix tells whether a Redis error is of a kind, its first word:
// err.HasPrefix("WRONGTYPE").
func (e RedisError) HasPrefix(kind string) bool { return strings.HasPrefix(string(e), kind) }

// length is the number that stands behind the type.
func (r Reply) length() int {
	if len(r.raw) < 5 {
		return 0
	}
	n := uint32(r.raw[1]) | uint32(r.raw[2])<<8 | uint32(r.raw[3])<<16 | uint32(r.raw[4])<<24
	return int(min(n, math.MaxInt32))
}

// text is what stands behind the length.
func (r Reply) text() string {
	if len(r.raw) < 5 {
		return ""
	}
	return r.raw[5:]
}

func (r Reply) number() (n uint64) {
	if len(r.raw) < 9 {
		return 0
	}
	for i := range 8 {
		n |= uint64(r.raw[1+i]) << (8 * i)
	}
	return n
}

// replySize is how long the reply at the beginning is, 0 where it is cut short.
func replySize(raw string) int {
	size := 0
	for left := 1; left > 0; left-- {
		if size >= len(raw) {
			return 0
		}
		first := Reply{raw[size:]}
		switch first.Kind() {
		case RedisNil:
			size++
		case RedisBool:
			size += 2
		case RedisInt, RedisDouble:
			size += 9
		case RedisArray, RedisSet:
			size, left = size+5, left+first.length()
		case RedisMap:
			size, left = size+5, left+2*first.length()
		default:
			size += 5 + first.length()
		}
	}
	if size > len(raw) {
		return 0
	}
	return size
}
