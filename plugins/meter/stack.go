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
// it goes through its stack frames upwards, computes most addresses in them
// apart, and moves the stack pointer to put a return address below the frame:
//
//	                               local.get $sp
//	                               i32.const 8
//	                               i32.sub
//	                               local.tee $low
//	                               i32.load8_u offset=…  ;; the frame's highest
//	                               drop
//	local.get $sp                  local.get $low
//	i64.extend_i32_u
//	i64.const 16
//	i64.add
//	i32.wrap_i64              →
//	…                              …
//	i64.store                      i64.store offset=24
//	local.get $sp                  local.get $sp
//	i32.const 8                    i32.const 8
//	i32.sub                        i32.sub
//	local.tee $sp                  local.tee $sp
//	global.set 0                   global.set 0
//	local.get $sp                  local.get $low
//	i64.const …                    i64.const …
//	i64.store                      i64.store
//	call …                         call …
//
// So all become accesses from one address, after a look at the highest, where that
// saves a check; elsewhere the compiler makes better code of it as it is. What the
// look loads nobody needs, and the compiler leaves out all of it but the check.
//
// All of a frame is memory, and no address in it is below 8 or beyond 4 GiB: that
// is sure of Go's own compiler, and nobody else's code is touched.

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
	sp, low  uint32    // locals: the stack pointer, and 8 below it
	operands []operand // the last ones, as far as they are known
	pushing  int       // how many instructions of push have come
	touches  []touch
	edits    []edit
}

// operand is what is known of a value on WebAssembly's stack.
type operand struct {
	kind   operandKind
	offset int64   // of a constant its value
	get    stretch // the code that gets the stack pointer
	add    stretch // the code that adds the offset to it
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
	kind    touchKind
	address operand
	code    stretch // the access
	offset  uint64  // from the stack pointer
	end     uint64  // behind the last byte
}

type touchKind byte

const (
	access touchKind = iota
	joined           // code that is reached from elsewhere, too
	moved            // the stack pointer has become another
	pushed           // an access right below the frame, after a move
)

// push is how a return address is put on the stack.
var push = [...]uint16{opLocalGet, opI32Const, opI32Sub, opLocalTee, opGlobalSet, opLocalGet, opI64Const, opI64Store}

// below is how far the address that all are counted from is below the stack
// pointer: a return address is as long.
const below = 8

// edit puts other code in the place of some.
type edit struct {
	stretch
	code []byte
}

// rewrite answers the function with the accesses to its frame rewritten.
func (f *frames) rewrite(params, body []byte) []byte {
	r := reader{b: body}
	f.low = uint32(len(params) + r.locals(nil))
	code := r.pos
	f.operands, f.touches, f.edits, f.pushing = f.operands[:0], f.touches[:0], f.edits[:0], 0
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
		f.follow(&in)
	}
	if r.err != nil {
		return body // scan says what is wrong
	}
	f.plan(body)
	return f.apply(body, code)
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

// follow counts how much of a push has come.
func (f *frames) follow(in *instruction) {
	var fits bool
	switch in.op {
	case opLocalGet, opLocalTee:
		fits = in.index == f.sp
	case opI32Const:
		fits = in.value == below
	case opGlobalSet:
		fits = in.index == 0
	default:
		fits = true
	}
	switch {
	case fits && f.pushing < len(push) && in.op == push[f.pushing]:
		f.pushing++
	case fits && in.op == push[0]:
		f.pushing = 1
	default:
		f.pushing = 0
	}
}

func (f *frames) see(body []byte, in *instruction) {
	switch op := in.op; {
	case op == opLocalGet && in.index == f.sp:
		f.push(operand{kind: pointer, get: stretch{in.start, in.end}})
	case op == opI64Const && in.value >= 0 && in.value <= math.MaxInt32:
		f.push(operand{kind: constant, offset: in.value})
	case op == opLocalGet, op == opGlobalGet, op == opI32Const, op == opI64Const, op == opF32Const, op == opF64Const:
		f.push(operand{})
	case op == opI64ExtendI32:
		f.turn(pointer, wide, in)
	case op == opI32WrapI64:
		f.turn(wideSum, sum, in)
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
			f.touches = append(f.touches, touch{kind: moved})
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
			f.touches = append(f.touches, touch{kind: joined})
		}
	}
}

// turn makes an operand of one kind one of another.
func (f *frames) turn(from, to operandKind, in *instruction) {
	o := f.pop()
	if o.kind != from {
		f.push(operand{})
		return
	}
	if from == pointer {
		o.add.start = in.start
	}
	o.kind, o.add.end = to, in.end
	f.push(o)
}

// access notes an access to memory.
func (f *frames) access(body []byte, in *instruction, address operand) {
	if address.kind != pointer && address.kind != sum {
		return
	}
	r := reader{b: body, pos: in.start + 1}
	r.u32()
	t := touch{address: address, code: stretch{in.start, in.end}, offset: uint64(r.u32()) + uint64(address.offset)}
	if t.end = t.offset + accessSize[in.op-opI32Load]; t.end > math.MaxInt32 {
		return
	}
	if f.pushing == len(push)-1 && in.op == opI64Store && t.offset == 0 {
		t.kind = pushed
	}
	f.touches = append(f.touches, t)
}

// accessSize is how many bytes an access reads or writes.
var accessSize = [...]uint64{4, 8, 4, 8, 1, 1, 2, 2, 1, 1, 2, 2, 4, 4, 4, 8, 4, 8, 1, 2, 1, 2, 4}

// plan decides what becomes of the accesses, stretch of code by stretch.
func (f *frames) plan(body []byte) {
	highest := make([]uint64, len(f.touches)) // from here to where the stack pointer moves
	for i, end := len(f.touches)-1, uint64(0); i >= 0; i-- {
		if t := &f.touches[i]; t.kind == moved {
			end = 0
		} else {
			end = max(end, t.end)
		}
		highest[i] = end
	}
	for first := 0; first < len(f.touches); {
		last, checks := f.stretch(first)
		if checks > 1 {
			f.look(body, f.touches[first:last], highest[first])
		}
		first = max(last, first+1)
	}
}

// stretch is where the accesses end that begin with the first one and that
// nobody can come in between of, and how many checks they need as they are.
func (f *frames) stretch(first int) (last, checks int) {
	highest := uint64(0)
	for last = first; last < len(f.touches) && f.touches[last].kind == access; last++ {
		if t := &f.touches[last]; t.end > highest {
			highest = t.end
			checks++
		}
	}
	if last > first && last+1 < len(f.touches) && f.touches[last].kind == moved && f.touches[last+1].kind == pushed {
		return last + 2, checks + 1
	}
	return last, checks
}

// look puts a look at the highest access before all of them, and has them count
// from the address that it leaves.
func (f *frames) look(body []byte, accesses []touch, highest uint64) {
	start := len(body)
	for i := range accesses {
		switch t := &accesses[i]; t.kind {
		case access:
			start = min(start, t.address.get.start)
			f.fold(body, t, below)
		case pushed:
			f.fold(body, t, 0)
		}
	}
	code := appendU32([]byte{opLocalGet}, f.sp)
	code = appendU32(append(code, opI32Const, below, opI32Sub, opLocalTee), f.low)
	code = appendU32(append(code, opI32Load8U, 0), uint32(highest-1+below))
	f.edits = append(f.edits, edit{stretch{start, start}, append(code, opDrop)})
}

// fold has an access count from low, which is so far below what it counted from.
func (f *frames) fold(body []byte, t *touch, distance uint64) {
	f.edits = append(f.edits, edit{t.address.get, appendU32([]byte{opLocalGet}, f.low)})
	if t.address.kind == sum {
		f.edits = append(f.edits, edit{t.address.add, nil})
	}
	if offset := t.offset + distance; t.address.kind == sum || distance > 0 {
		r := reader{b: body, pos: t.code.start + 1}
		code := appendU32([]byte{body[t.code.start]}, r.u32()) // the alignment stays
		f.edits = append(f.edits, edit{t.code, appendU32(code, uint32(offset))})
	}
}

// apply writes the function anew.
func (f *frames) apply(body []byte, code int) []byte {
	if len(f.edits) == 0 {
		return body
	}
	slices.SortFunc(f.edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	out := make([]byte, 0, len(body)+8*len(f.edits))
	r := reader{b: body}
	out = appendU32(out, r.u32()+1)
	out = append(append(out, body[r.pos:code]...), 1, typeI32)
	copied := code
	for _, e := range f.edits {
		out = append(append(out, body[copied:e.start]...), e.code...)
		copied = e.end
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
