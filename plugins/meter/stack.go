package meter

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Each access to memory of compiled code comes with a check of its bounds, which
// is a line of code in the processor's cache. The compiler leaves out those that
// follow a higher one from the same address. Stock Go's code gives it no chance:
// it goes through its stack frames upwards, and computes most addresses in them
// apart:
//
//	local.get $sp                  local.get $sp
//	i64.extend_i32_u               i32.load8_u offset=…  ;; the frame's highest
//	i64.const 16                   drop
//	i64.add                        local.get $sp
//	i32.wrap_i64              →    …
//	…                              i64.store offset=16
//	i64.store
//
// So frames become accesses from one address, after a look at the highest. What
// that look loads nobody needs, and the compiler leaves out all of it but the
// check.
//
// All of a frame is memory, and no address in it is beyond 4 GiB: that is sure of
// Go's own compiler, and nobody else's code is touched.

// isGo tells whether stock Go has made the module, so that its first global is
// the stack pointer.
func (m *module) isGo() bool {
	if len(m.importedGlobals) > 0 || len(m.globals) == 0 || m.globals[0].valueType != typeI32 {
		return false
	}
	return slices.ContainsFunc(m.customs, func(custom []byte) bool {
		return strings.HasPrefix(string(custom), "\x09producers") && strings.Contains(string(custom), "Go cmd/compile")
	})
}

// frames rewrites the accesses to functions' stack frames.
type frames struct {
	sp       uint32    // the local that holds the stack pointer
	operands []operand // the last ones, as far as they are known
	touches  []touch
	edits    []edit
}

// operand is what is known of a value on WebAssembly's stack.
type operand struct {
	kind       operandKind
	offset     int64 // of a constant its value
	start, end int   // of the code that adds the offset to the stack pointer
}

type operandKind byte

const (
	unknown  operandKind = iota
	constant             // in 64 bits
	pointer              // the stack pointer
	wide                 // the stack pointer in 64 bits
	wideSum              // it and an offset
	sum                  // in 32 bits
)

// touch is an access to the frame, or what ends the knowledge of those before.
type touch struct {
	kind touchKind
	at   int
	end  uint64 // of an access: how far from the stack pointer it reaches
}

type touchKind byte

const (
	access touchKind = iota
	joined           // code that is reached from elsewhere, too
	moved            // the stack pointer has become another
)

// edit puts an instruction in the place of a part of the code, or nothing.
type edit struct {
	start, end int
	op         byte // 0: none
	offset     uint64
}

// rewrite answers the function with the accesses to its frame rewritten.
func (f *frames) rewrite(body []byte) []byte {
	r := reader{b: body}
	r.locals(nil)
	f.operands, f.touches, f.edits = f.operands[:0], f.touches[:0], f.edits[:0]
	var in instruction
	if r.next(&in); in.op != opGlobalGet || in.index != 0 {
		return body
	}
	if r.next(&in); in.op != opLocalSet {
		return body
	}
	f.sp = in.index
	for !r.done() {
		r.next(&in)
		f.see(body, &in)
	}
	if r.err != nil {
		return body // scan says what is wrong
	}
	f.look()
	return f.apply(body)
}

func (f *frames) push(o operand) { f.operands = append(f.operands, o) }

// pop takes the operand off, which is unknown where it came before what is
// known.
func (f *frames) pop() (o operand) {
	if n := len(f.operands); n > 0 {
		o = f.operands[n-1]
		f.operands = f.operands[:n-1]
	}
	return o
}

func (f *frames) touch(kind touchKind, at int, end uint64) {
	f.touches = append(f.touches, touch{kind, at, end})
}

func (f *frames) see(body []byte, in *instruction) {
	switch op := in.op; {
	case op == opLocalGet && in.index == f.sp:
		f.push(operand{kind: pointer})
	case op == opI64Const && in.value >= 0 && in.value <= math.MaxInt32:
		f.push(operand{kind: constant, offset: in.value})
	case op == opLocalGet, op == opGlobalGet, op == opI32Const, op == opI64Const, op == opF32Const, op == opF64Const:
		f.push(operand{})
	case op == opI64ExtendI32:
		f.follow(pointer, wide, in)
	case op == opI32WrapI64:
		f.follow(wideSum, sum, in)
	case op == opI64Add:
		b, a := f.pop(), f.pop()
		if a.kind == wide && b.kind == constant {
			a.kind, a.offset = wideSum, b.offset
		} else {
			a = operand{}
		}
		f.push(a)
	case op >= opI32Load && op <= opI64Load32U:
		f.access(body, in, f.pop())
		f.push(operand{})
	case op >= opI32Store && op <= opI64Store32:
		f.pop()
		f.access(body, in, f.pop())
	case op == opLocalSet, op == opLocalTee:
		if in.index == f.sp {
			f.operands = f.operands[:0]
			f.touch(moved, in.end, 0)
			return
		}
		if f.pop(); op == opLocalTee {
			f.push(operand{})
		}
	case isUnary(op):
		f.pop()
		f.push(operand{})
	case isBinary(op):
		f.pop()
		f.pop()
		f.push(operand{})
	case op == opNop:
	default:
		f.operands = f.operands[:0]
		if op == opEnd || op == opElse || op == opLoop {
			f.touch(joined, in.end, 0)
		}
	}
}

// follow turns an operand of one kind into one of another.
func (f *frames) follow(from, to operandKind, in *instruction) {
	o := f.pop()
	if o.kind != from {
		f.push(operand{})
		return
	}
	if from == pointer {
		o.start = in.start
	}
	o.kind, o.end = to, in.end
	f.push(o)
}

// access notes an access to memory.
func (f *frames) access(body []byte, in *instruction, address operand) {
	r := reader{b: body, pos: in.start + 1}
	r.u32()
	offset := uint64(r.u32())
	switch address.kind {
	case pointer:
	case sum:
		if offset += uint64(address.offset); offset > math.MaxInt32 {
			return
		}
		f.edits = append(f.edits,
			edit{start: address.start, end: address.end},
			edit{start: in.start, end: in.end, op: byte(in.op), offset: offset})
	default:
		return
	}
	f.touch(access, in.start, offset+accessSize[in.op-opI32Load])
}

// accessSize is how many bytes an access reads or writes.
var accessSize = [...]uint64{4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4}

// look puts a look at the highest access before the first one of each stretch of
// code, where that saves checks.
func (f *frames) look() {
	highest := uint64(0) // up to where the stack pointer moves
	known := false       // in the stretch
	highests := make([]uint64, len(f.touches))
	for i := len(f.touches) - 1; i >= 0; i-- {
		if t := &f.touches[i]; t.kind == moved {
			highest = 0
		} else {
			highest = max(highest, t.end)
		}
		highests[i] = highest
	}
	for i := range f.touches {
		t := &f.touches[i]
		if t.kind != access {
			known = false
		} else if !known {
			known = true
			if f.checks(i) > 1 {
				f.edits = append(f.edits, edit{start: t.at, end: t.at, op: opI32Load8U, offset: highests[i] - 1})
			}
		}
	}
}

// checks is how many checks the accesses of a stretch need without a look.
func (f *frames) checks(first int) (n int) {
	highest := uint64(0)
	for _, t := range f.touches[first:] {
		if t.kind != access {
			break
		}
		if t.end > highest {
			highest = t.end
			n++
		}
	}
	return n
}

// apply writes the function anew.
func (f *frames) apply(body []byte) []byte {
	if len(f.edits) == 0 {
		return body
	}
	slices.SortStableFunc(f.edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	out := make([]byte, 0, len(body)+8*len(f.edits))
	copied := 0
	for _, e := range f.edits {
		out = append(out, body[copied:e.start]...)
		copied = e.end
		switch {
		case e.op == 0:
		case e.start == e.end:
			out = appendU32(append(out, opLocalGet), f.sp)
			out = appendU32(append(out, e.op, 0), uint32(e.offset))
			out = append(out, opDrop)
		default:
			out = append(out, e.op, body[e.start+1]) // the alignment
			out = appendU32(out, uint32(e.offset))
		}
	}
	return append(out, body[copied:]...)
}

// isUnary and isBinary tell of numeric instructions how many operands they have.
func isUnary(op uint16) bool {
	switch {
	case op == opI32Eqz, op == 0x50, op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b,
		op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, op >= 0xa7 && op <= 0xc4:
		return true
	}
	return false
}

func isBinary(op uint16) bool { return op >= 0x46 && op <= 0xa6 && !isUnary(op) }
