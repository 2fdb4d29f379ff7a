package redis

import (
	"bytes"
	"errors"
)

// values follows the values of RESP that go in one direction of a connection,
// in whatever pieces they come, and checks what the library takes for granted:
// it makes room for as many elements as a server says that it sends, and calls
// itself for those within others.
//
// Of a value that is larger than most it leaves only where it begins, as an error
// whose text is the number that stands there: "$99999999" is "-99999999" then,
// and what belongs to it is dropped. Within a list that is so from where the list
// becomes too large.
//
// What servers do not send it takes for an error: texts and aggregates whose
// length is not known at their beginning. And it drops pushes within other
// values, which stand in the place of no element: Redis 6 sends such
// (github.com/redis/redis/issues/8935).
type values struct {
	state   state
	kind    byte // of the value that is being read
	minus   bool // before its number
	ended   bool // the number has ended, its line has not
	digits  int
	number  int64
	left    int64 // bytes of a text, and what ends it
	nested  []aggregate
	dropped int   // how deep the push stands that is dropped, from 1 on; 0 for none
	cost    int64 // of the outermost value

	most  int64 // that an outermost value but a push may have, in bytes, with eight for each element; 0: nothing bounds it
	size  int64 // that it has
	whole bool  // the beginning of the value that is being read lies in one piece
	cut   int   // how deep the value stands whose content is dropped, from 1 on; 0 for none

	outer  byte      // kind of the outermost value
	length int64     // how many elements it has, less than 0 for a nil of RESP 2
	words  [2][]byte // how its text begins, or those of its first elements
	spaces int       // in the text of its third element
}

// aggregate is a value of others.
type aggregate struct {
	left      int64 // elements that are still to come
	attribute bool  // it stands before a value, and is none
}

type state byte

const (
	atKind   state = iota
	inNumber       // a length, or an integer
	inLine         // a text that ends with its line
	inText         // a text of known length
)

const (
	// maxNested is above what a script can answer: Lua's stack ends at 8000.
	maxNested = 10000
	// maxWire is how large a reply may be before the connection is given up, in
	// bytes, with elementCost for each element. Redis' longest text is 512 MiB.
	maxWire     = 640 << 20
	elementCost = 64
	elementSize = 8
	// maxWord is more than the words have that matter.
	maxWord = 24
)

var (
	errNotRESP = errors.New("what the server sends is not Redis' protocol")
	errTooDeep = errors.New("the server sends values within values without end")
	errTooMuch = errors.New("the server sends a reply that is much too large")
)

// scan follows p, and calls complete when an outermost value is. It drops what
// is to be dropped and answers how much of p is left.
func (v *values) scan(p []byte, complete func() error) (kept int, err error) {
	v.whole = false
	for at, begin := 0, 0; at < len(p); {
		dropped := v.dropped > 0 || v.cut > 0
		if v.state == atKind {
			v.whole, begin = true, kept
		}
		n, leaf, err := v.step(p[at:])
		if err != nil {
			return 0, err
		}
		if !dropped && v.dropped == 0 {
			if kept != at {
				copy(p[kept:], p[at:at+n])
			}
			kept += n
			if v.cut > 0 {
				p[begin] = '-'
			}
		}
		at += n
		if leaf && v.leaf() {
			if err := complete(); err != nil {
				return 0, err
			}
		}
	}
	return kept, nil
}

// step reads what belongs together. leaf tells that a value ends with it that
// has no elements.
func (v *values) step(p []byte) (n int, leaf bool, err error) {
	switch v.state {
	case atKind:
		return 1, false, v.begin(p[0])
	case inNumber:
		for i, c := range p {
			switch {
			case c >= '0' && c <= '9' && !v.ended && v.digits < 19:
				v.number, v.digits = v.number*10+int64(c-'0'), v.digits+1
			case c == '-' && v.digits == 0 && !v.minus:
				v.minus = true
			case c == '\r' && v.digits > 0 && !v.ended:
				v.ended = true
			case c == '\n' && v.ended:
				leaf, err = v.head()
				return i + 1, leaf, err
			default:
				return 0, false, errNotRESP
			}
		}
		return len(p), false, nil
	case inLine:
		end := bytes.IndexByte(p, '\n')
		n = end + 1
		if end < 0 {
			n = len(p)
		}
		if v.left += int64(n); end >= 0 && v.left < 2 {
			return 0, false, errNotRESP
		}
		v.say(p[:n])
		if at := v.place(); end >= 0 && at >= 0 && at < len(v.words) {
			v.words[at] = v.words[at][:min(int64(len(v.words[at])), v.left-2)] // without the line's end
		}
		return n, end >= 0, v.pay(int64(n))
	}
	n = int(min(v.left, int64(len(p))))
	if text := v.left - 2; text > 0 {
		v.say(p[:min(int64(n), text)])
	}
	v.left -= int64(n)
	return n, v.left == 0, nil
}

// begin begins a value.
func (v *values) begin(kind byte) error {
	if len(v.nested) == 0 {
		v.outer, v.length, v.cost, v.size, v.spaces = kind, 0, 0, 0, 0
		v.words[0], v.words[1] = v.words[0][:0], v.words[1][:0]
	}
	v.kind, v.minus, v.ended, v.digits, v.number, v.left = kind, false, false, 0, 0, 0
	switch kind {
	case '$', '!', '=', ':', '*', '%', '~', '|':
		v.state = inNumber
	case '>':
		v.state = inNumber
		if len(v.nested) > 0 && v.dropped == 0 {
			v.dropped = len(v.nested)
		}
	case '+', '-', ',', '(':
		v.state = inLine
	case '#':
		v.state, v.left = inText, int64(len("t\r\n"))
	case '_':
		v.state, v.left = inText, int64(len("\r\n"))
	default:
		return errNotRESP
	}
	return nil
}

// head ends the line with a value's number.
func (v *values) head() (leaf bool, err error) {
	n := v.number
	if v.kind == ':' {
		return true, nil
	}
	if v.minus {
		if n == 1 && (v.kind == '$' || v.kind == '*') { // nil, as RESP 2 has it
			if len(v.nested) == 0 {
				v.length = -1
			}
			return true, nil
		}
		return false, errNotRESP
	}
	if v.digits > 10 {
		return false, errTooMuch
	}
	switch v.kind {
	case '$', '!', '=':
		v.state, v.left = inText, n+2
		if err := v.bound(n); err != nil {
			return false, err
		}
		return false, v.pay(n)
	case '%', '|':
		n *= 2
	}
	if err := v.pay(n * elementCost); err != nil {
		return false, err
	}
	if err := v.bound(n * elementSize); err != nil {
		return false, err
	}
	if len(v.nested) == 0 {
		v.length = n
	}
	v.state = atKind
	if n == 0 {
		return v.kind != '|', nil
	}
	if len(v.nested) == maxNested {
		return false, errTooDeep
	}
	v.nested = append(v.nested, aggregate{n, v.kind == '|'})
	return false, nil
}

// pay counts what an outermost value takes.
func (v *values) pay(n int64) error {
	if v.cost += n; v.cost > maxWire {
		return errTooMuch
	}
	return nil
}

// bound cuts a value where the outermost is too large with it. One whose
// beginning has been read in part by then stays as it is, or is an error where it
// is too large by itself.
func (v *values) bound(n int64) error {
	if v.most == 0 || v.dropped > 0 || v.cut > 0 || v.outer == '>' || v.kind == '|' {
		return nil
	}
	switch v.size += n; {
	case v.size <= v.most:
	case v.whole:
		v.cut = len(v.nested) + 1
	case n > v.most:
		return errTooMuch
	}
	return nil
}

// leaf ends a value, and those that end with it. It tells whether the outermost
// does.
func (v *values) leaf() bool {
	v.state = atKind
	for {
		deep := len(v.nested)
		if v.cut == deep+1 {
			v.cut = 0
		}
		if deep == 0 {
			return true
		}
		if v.dropped == deep {
			v.dropped = 0
			return false
		}
		last := &v.nested[deep-1]
		if last.left--; last.left > 0 {
			return false
		}
		attribute := last.attribute
		if v.nested = v.nested[:deep-1]; attribute {
			return false
		}
	}
}

// place is where a text that is being read stands among the elements of the
// outermost value, 0 where it is that value; less than 0 for any other.
func (v *values) place() int {
	switch {
	case v.kind == '#', v.kind == '_', len(v.nested) > 1:
		return -1
	case len(v.nested) == 0:
		return 0
	case v.nested[0].attribute:
		return -1
	}
	return int(v.length - v.nested[0].left)
}

// say keeps what matters of such a text.
func (v *values) say(text []byte) {
	switch at := v.place(); at {
	case 0, 1:
		v.words[at] = append(v.words[at], text[:min(len(text), maxWord-len(v.words[at]))]...)
	case 2:
		v.spaces += bytes.Count(text, []byte(" "))
	}
}
