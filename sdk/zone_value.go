package sdk

import (
	"math"
	"strconv"
	"unsafe"

	"phasm/sdk/abi"
)

// Value is what a zone keeps under a key: a text, a whole number, a float or a
// boolean. The zero Value is none.
type Value struct {
	kind   abi.ValueKind
	number uint64
	text   string
}

// Text is a text as a zone's value.
func Text(s string) Value { return Value{kind: abi.ValueText, text: s} }

// Int is a whole number as a zone's value.
func Int(n int64) Value { return Value{kind: abi.ValueInt, number: uint64(n)} }

// Float is a float as a zone's value.
func Float(f float64) Value { return Value{kind: abi.ValueFloat, number: math.Float64bits(f)} }

// Bool is a boolean as a zone's value.
func Bool(b bool) Value {
	if b {
		return Value{kind: abi.ValueBool, number: 1}
	}
	return Value{kind: abi.ValueBool}
}

// Kind is the value's type, 0 where there is no value.
func (v Value) Kind() abi.ValueKind { return v.kind }

// Int is a number as a whole one: a float loses what is behind the point, and
// one out of range becomes the nearest in it. What is no number is 0.
func (v Value) Int() int64 {
	if v.kind == abi.ValueInt {
		return int64(v.number)
	}
	switch f := v.Float(); {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	case f != f:
		return 0
	default:
		return int64(f)
	}
}

// Float is a number as a float. What is no number is 0.
func (v Value) Float() float64 {
	switch v.kind {
	case abi.ValueInt:
		return float64(int64(v.number))
	case abi.ValueFloat:
		return math.Float64frombits(v.number)
	}
	return 0
}

// Bool tells whether the value is true. What is no boolean is not.
func (v Value) Bool() bool { return v.kind == abi.ValueBool && v.number != 0 }

// String is a text, or what a number or a boolean is in text.
func (v Value) String() string {
	switch v.kind {
	case abi.ValueText:
		return v.text
	case abi.ValueInt:
		return strconv.FormatInt(int64(v.number), 10)
	case abi.ValueFloat:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case abi.ValueBool:
		return strconv.FormatBool(v.number != 0)
	}
	return ""
}

// whole is a number as it crosses the border, in one piece from its kind on: no
// byte is moved by itself, as it is on the way through a Value.
type whole struct {
	_      [7]byte // so that the number is aligned
	kind   abi.ValueKind
	number int64 // little-endian, as all that runs plugins is
}

// What crosses the border in an increment. There is one of each: a guest has
// one thread.
var (
	step  = whole{kind: abi.ValueInt}
	start = whole{kind: abi.ValueInt}
	sum   whole
)

func (w *whole) bytes() []byte { return (*[9]byte)(unsafe.Pointer(&w.kind))[:] }
func (w *whole) text() string  { return stringOf(w.bytes()) }
func (w *whole) value() Value  { return Value{kind: w.kind, number: uint64(w.number)} }

// values take what crosses the border otherwise.
var values = make([]byte, 0, 256)

// encode puts a value into values.
func encode(v Value) string {
	one, _ := encodeTwo(v, Value{})
	return one
}

// encodeTwo puts two values into values.
func encodeTwo(v, w Value) (string, string) {
	b := v.append(values[:0])
	n := len(b)
	b = w.append(b)
	if cap(b) <= maxScratch {
		values = b
	}
	return stringOf(b[:n]), stringOf(b[n:])
}

// append appends the value as it crosses the border: its kind and its bytes.
//
//go:noinline
func (v Value) append(dst []byte) []byte {
	switch v.kind {
	case 0:
		return dst
	case abi.ValueText:
		return append(append(dst, byte(v.kind)), v.text...)
	case abi.ValueBool:
		return append(dst, byte(v.kind), byte(v.number))
	}
	w := whole{kind: v.kind, number: int64(v.number)}
	return append(dst, w.bytes()...)
}

// valueOf reads a value from what a host function has answered. Its text is
// a string of its own.
func valueOf(b []byte) (v Value, stale bool) {
	if len(b) == 0 {
		return v, false
	}
	stale = b[0]&byte(abi.ValueStale) != 0
	v.kind = abi.ValueKind(b[0]) &^ abi.ValueStale
	if b = b[1:]; v.kind == abi.ValueText {
		v.text = string(b)
		return v, stale
	}
	for i, c := range b {
		v.number |= uint64(c) << (8 * i)
	}
	return v, stale
}
