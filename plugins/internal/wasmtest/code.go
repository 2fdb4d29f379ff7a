package wasmtest

import (
	"encoding/binary"
	"math"
	"slices"
)

// Instructions that need no number.
var (
	Unreachable = []byte{0x00}
	Return      = []byte{0x0f}
	Drop        = []byte{0x1a}
	I32Eqz      = []byte{0x45}
	I32Add      = []byte{0x6a}
	I32Sub      = []byte{0x6b}
	I32DivS     = []byte{0x6d}
	I32RemU     = []byte{0x70}
	I32Mul      = []byte{0x6c}
	I32And      = []byte{0x71}
	I64GtS      = []byte{0x55}
	F64Sqrt     = []byte{0x9f}
	F64Store    = []byte{0x39, 3, 0} // pops a value and an address
	MemorySize  = []byte{0x3f, 0}
	MemoryGrow  = []byte{0x40, 0}
	I32Load     = []byte{0x28, 2, 0} // pops an address
	I32Store    = []byte{0x36, 2, 0} // pops a value and an address
	MemoryCopy  = []byte{0xfc, 10, 0, 0}
	MemoryFill  = []byte{0xfc, 11, 0}
	RefNull     = []byte{0xd0, typeFuncRef}
	RefIsNull   = []byte{0xd1}
)

const (
	opEnd  = 0x0b
	noType = 0x40 // of a block: it takes and leaves nothing
)

// Block, Loop and If are blocks that take and leave nothing; If also pops the
// condition.
func Block(body ...[]byte) []byte { return block(0x02, body) }

// Loop is a loop without parameters and results.
func Loop(body ...[]byte) []byte { return block(0x03, body) }

// If runs a body where what is on the stack is not 0.
func If(body ...[]byte) []byte { return block(0x04, body) }

func block(op byte, body [][]byte) []byte {
	return slices.Concat([]byte{op, noType}, slices.Concat(body...), []byte{opEnd})
}

// LoopOf is a loop of a type: it takes what a function of that type takes.
func (m *Module) LoopOf(s Signature, body ...[]byte) []byte {
	return slices.Concat([]byte{0x03}, m.typeOf(s), slices.Concat(body...), []byte{opEnd})
}

// Br and BrIf branch to the label-th block outwards, BrIf where what it pops
// is not 0.
func Br(label int) []byte { return append([]byte{0x0c}, number(label)...) }

// BrIf branches to a label where what is on the stack is not 0.
func BrIf(label int) []byte { return append([]byte{0x0d}, number(label)...) }

// BrTable branches to the label that it pops the number of, the last one where
// there are not so many.
func BrTable(labels ...int) []byte {
	b := append([]byte{0x0e}, number(len(labels)-1)...)
	for _, label := range labels {
		b = append(b, number(label)...)
	}
	return b
}

// I32Const pushes a constant.
func I32Const(n int32) []byte { return append([]byte{0x41}, signed(int64(n))...) }

// I64Const pushes a constant.
func I64Const(n int64) []byte { return append([]byte{0x42}, signed(n)...) }

// F64Const pushes a constant.
func F64Const(x float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(x))
}

// LocalGet pushes a parameter or local variable.
func LocalGet(i int) []byte { return append([]byte{0x20}, number(i)...) }

// LocalSet pops into a local variable.
func LocalSet(i int) []byte { return append([]byte{0x21}, number(i)...) }

// LocalTee sets a local variable and leaves its value.
func LocalTee(i int) []byte { return append([]byte{0x22}, number(i)...) }

// GlobalGet pushes a global.
func GlobalGet(i int) []byte { return append([]byte{0x23}, number(i)...) }

// GlobalSet pops into a global.
func GlobalSet(i int) []byte { return append([]byte{0x24}, number(i)...) }

// MemoryInit writes of a data segment, DataDrop empties it.
func MemoryInit(segment int) []byte { return append(append([]byte{0xfc, 8}, number(segment)...), 0) }

// DataDrop drops a data segment.
func DataDrop(segment int) []byte { return append([]byte{0xfc, 9}, number(segment)...) }

// TableInit writes of an element segment into the first table, ElemDrop
// empties the segment.
func TableInit(segment int) []byte { return append(append([]byte{0xfc, 12}, number(segment)...), 0) }

// ElemDrop drops an element segment.
func ElemDrop(segment int) []byte { return append([]byte{0xfc, 13}, number(segment)...) }

// TableGet, TableSet and TableGrow are of the table with that number.
func TableGet(table int) []byte { return append([]byte{0x25}, number(table)...) }

// TableSet writes an entry of table 0.
func TableSet(table int) []byte { return append([]byte{0x26}, number(table)...) }

// TableGrow makes table 0 larger.
func TableGrow(table int) []byte { return append([]byte{0xfc, 15}, number(table)...) }

// RefFunc pushes a reference to a function, which an element segment has to
// name.
func RefFunc(f int) []byte { return append([]byte{0xd2}, number(f)...) }

// Call calls a function.
func Call(f int) []byte { return append([]byte{0x10}, number(f)...) }

// CallIndirect calls the function at the table's entry on the stack, as one
// of type () → ().
func (m *Module) CallIndirect() []byte {
	return slices.Concat([]byte{0x11}, m.typeOf(Void), []byte{0})
}

// Times runs a body n times, counting down in an i32 local variable.
func Times(n int32, counter int, body ...[]byte) []byte {
	return slices.Concat(I32Const(n), LocalSet(counter), []byte{0x03, 0x40}, slices.Concat(body...),
		LocalGet(counter), I32Const(1), I32Sub, []byte{0x22}, number(counter), []byte{0x0d, 0, opEnd})
}

// signed is n as signed LEB128.
func signed(n int64) (b []byte) {
	for {
		low := byte(n & 0x7f)
		n >>= 7
		if n == 0 && low&0x40 == 0 || n == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
