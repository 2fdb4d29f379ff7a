package meter

import "fmt"

// Opcodes that the rewriter looks at or writes; see the WebAssembly core
// specification 2.0, appendix "Index of Instructions". Those behind a prefix
// are prefix<<8 | opcode.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opI32Load      = 0x28 // the first that loads
	opI32Load8U    = 0x2d
	opI64Load32U   = 0x35 // the last
	opI32Store     = 0x36 // the first that stores
	opI64Store     = 0x37
	opI64Store32   = 0x3e // the last
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32GtS       = 0x4a
	opI32GtU       = 0x4b
	opI32LeS       = 0x4c
	opI32LeU       = 0x4d
	opI64GtU       = 0x56
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32Or        = 0x72
	opI32ShrU      = 0x76
	opI64Add       = 0x7c
	opI64Shl       = 0x86
	opI32WrapI64   = 0xa7
	opI64ExtendI32 = 0xad // unsigned
	opRefNull      = 0xd0
	opRefFunc      = 0xd2

	prefixMisc = 0xfc
	prefixSIMD = 0xfd

	opMemoryInit  = prefixMisc<<8 | 8
	opDataDrop    = prefixMisc<<8 | 9
	opMemoryCopy  = prefixMisc<<8 | 10
	opMemoryFill  = prefixMisc<<8 | 11
	opTableInit   = prefixMisc<<8 | 12
	opElementDrop = prefixMisc<<8 | 13
	opTableCopy   = prefixMisc<<8 | 14
	opTableGrow   = prefixMisc<<8 | 15
	opTableFill   = prefixMisc<<8 | 17
)

// noType is the block type of a block that takes and leaves nothing.
const noType = -64

// instruction is one decoded instruction. Labels is valid until the next one
// is read.
type instruction struct {
	start, end int
	op         uint16
	index      uint32   // of what it names: a label, function, local, global, table, data segment
	value      int64    // of a constant; the type of a block and of what is called by a table
	labels     []uint32 // of br_table, the default last
}

// next reads an instruction.
func (r *reader) next(in *instruction) {
	in.start = r.pos
	in.op = uint16(r.byte())
	switch op := in.op; op {
	case opBlock, opLoop, opIf:
		in.value = r.s64()
	case opBr, opBrIf, opCall, opLocalGet, opLocalSet, opLocalTee, opGlobalGet, opGlobalSet,
		opTableGet, opTableSet, opRefFunc, opMemorySize, opMemoryGrow:
		in.index = r.u32()
	case opBrTable:
		in.labels = in.labels[:0]
		for range r.count() + 1 {
			in.labels = append(in.labels, r.u32())
		}
	case opCallIndirect:
		in.value = int64(r.u32())
		in.index = r.u32()
	case opSelectTyped:
		r.bytes(r.u32())
	case opI32Const, opI64Const:
		in.value = r.s64()
	case opF32Const:
		r.bytes(4)
	case opF64Const:
		r.bytes(8)
	case opRefNull:
		r.s64()
	case prefixMisc:
		r.misc(in)
	case prefixSIMD:
		r.simd()
		in.op <<= 8
	default:
		switch {
		case op >= 0x28 && op <= 0x3e: // loads and stores
			r.u32()
			r.u32()
		case op <= 0x01, op == opElse, op == opEnd, op == opReturn, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
		default:
			r.fail(fmt.Errorf("instruction 0x%02x is unknown", op))
		}
	}
	in.end = r.pos
}

func (r *reader) misc(in *instruction) {
	sub := r.u32()
	in.op = prefixMisc<<8 | uint16(sub)
	switch {
	case sub <= 7: // saturating conversions
	case sub == 8: // memory.init
		in.index = r.u32()
		r.memoryIndex()
	case sub == 10: // memory.copy
		r.memoryIndex()
		r.memoryIndex()
	case sub == 11: // memory.fill
		r.memoryIndex()
	case sub == 12, sub == 14: // table.init, table.copy
		r.u32()
		r.u32()
	case sub <= 17:
		in.index = r.u32()
	default:
		r.fail(fmt.Errorf("instruction 0xfc %d is unknown", sub))
	}
}

// memoryIndex reads a byte for the memory's number: there is but one.
func (r *reader) memoryIndex() {
	if index := r.byte(); index != 0 {
		r.fail(fmt.Errorf("memory %d does not exist", index))
	}
}

// simd skips what follows the prefix of vector instructions.
func (r *reader) simd() {
	switch sub := r.u32(); {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		r.u32()
		r.u32()
	case sub == 12, sub == 13: // v128.const, i8x16.shuffle
		r.bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		r.byte()
	case sub >= 84 && sub <= 91: // loads and stores of a lane
		r.u32()
		r.u32()
		r.byte()
	case sub > 255:
		r.fail(fmt.Errorf("instruction 0xfd %d is unknown", sub))
	}
}
