package wasmtest

import "slices"

// Instructions that need no number.
var (
	Unreachable = []byte{0x00}
	Drop        = []byte{0x1a}
	I32Eqz      = []byte{0x45}
	I32Add      = []byte{0x6a}
	I32Sub      = []byte{0x6b}
	I32DivS     = []byte{0x6d}
	MemorySize  = []byte{0x3f, 0}
	MemoryGrow  = []byte{0x40, 0}
	I32Load     = []byte{0x28, 2, 0} // pops an address
	I32Store    = []byte{0x36, 2, 0} // pops a value and an address
)

const opEnd = 0x0b

// I32Const pushes a constant.
func I32Const(n int32) []byte { return append([]byte{0x41}, signed(int64(n))...) }

// I64Const pushes a constant.
func I64Const(n int64) []byte { return append([]byte{0x42}, signed(n)...) }

// LocalGet pushes a parameter or local variable.
func LocalGet(i int) []byte { return append([]byte{0x20}, number(i)...) }

// LocalSet pops into a local variable.
func LocalSet(i int) []byte { return append([]byte{0x21}, number(i)...) }

// GlobalGet pushes a global.
func GlobalGet(i int) []byte { return append([]byte{0x23}, number(i)...) }

// GlobalSet pops into a global.
func GlobalSet(i int) []byte { return append([]byte{0x24}, number(i)...) }

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
