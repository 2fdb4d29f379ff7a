package zone

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"
)

// Kind is the type of a value, and its first byte where it is encoded.
type Kind uint8

// Kinds of values.
const (
	None  Kind = iota // no value
	Text              // bytes
	Int               // an int64
	Float             // a float64
	Bool
	list // of an entry, never of a Value
)

// Value is a text, a number, a boolean, or nothing: the zero Value. It is small
// enough for the processor's registers, which a slice in it would keep it out
// of: an increment takes a third less time for it.
type Value struct {
	Kind   Kind
	number uint64 // of Kind Text its length
	text   *byte  // of Kind Text its first byte
}

// TextOf is b as a value, not copied.
func TextOf(b []byte) Value { return Value{Text, uint64(len(b)), unsafe.SliceData(b)} }

// Text is the text of a value, not copied; empty where it is none.
func (v Value) Text() []byte {
	if v.Kind != Text {
		return nil
	}
	return unsafe.Slice(v.text, v.number)
}

// IntOf is n as a value.
func IntOf(n int64) Value { return Value{Kind: Int, number: uint64(n)} }

// FloatOf is f as a value.
func FloatOf(f float64) Value { return Value{Kind: Float, number: math.Float64bits(f)} }

// BoolOf is b as a value.
func BoolOf(b bool) Value {
	if b {
		return Value{Kind: Bool, number: 1}
	}
	return Value{Kind: Bool}
}

// Int is the number of a value of Kind Int.
func (v Value) Int() int64 { return int64(v.number) }

// Float is the number of a value of Kind Int or Float.
func (v Value) Float() float64 {
	if v.Kind == Int {
		return float64(int64(v.number))
	}
	return math.Float64frombits(v.number)
}

// Bool is the truth of a value of Kind Bool.
func (v Value) Bool() bool { return v.number != 0 }

// Equal tells whether two values have the same kind and the same bits.
func (v Value) Equal(w Value) bool {
	return v.Kind == w.Kind && v.number == w.number && bytes.Equal(v.Text(), w.Text())
}

func (v Value) isNumber() bool { return v.Kind == Int || v.Kind == Float }

// Plus is the sum of two numbers. It is an Int where both are and it does not
// overflow.
func (v Value) Plus(w Value) Value {
	if v.Kind == Int && w.Kind == Int {
		a, b := v.Int(), w.Int()
		if sum := a + b; (sum > a) == (b > 0) {
			return IntOf(sum)
		}
	}
	return FloatOf(v.Float() + w.Float())
}

// Size is the length of the encoded value.
func (v Value) Size() int {
	switch v.Kind {
	case None:
		return 0
	case Text:
		return 1 + int(v.number)
	case Bool:
		return 2
	default:
		return 9
	}
}

// Append appends the encoded value to dst: its kind in one byte; then the
// text, the number as 8 bytes, little-endian, or 1 or 0 in one byte. No value
// is no bytes.
func (v Value) Append(dst []byte) []byte {
	if v.Kind == None {
		return dst
	}
	dst = append(dst, byte(v.Kind))
	switch v.Kind {
	case Text:
		return append(dst, v.Text()...)
	case Bool:
		return append(dst, byte(v.number))
	default:
		return binary.LittleEndian.AppendUint64(dst, v.number)
	}
}

// Parse reads an encoded value; its text is part of b. It answers false where
// b is none.
func Parse(b []byte) (Value, bool) {
	if len(b) == 0 {
		return Value{}, true
	}
	kind, rest := Kind(b[0]), b[1:]
	switch {
	case kind == Text:
		return TextOf(rest), true
	case kind == Bool && len(rest) == 1 && rest[0] <= 1:
		return BoolOf(rest[0] == 1), true
	case (kind == Int || kind == Float) && len(rest) == 8:
		return Value{Kind: kind, number: binary.LittleEndian.Uint64(rest)}, true
	}
	return Value{}, false
}
