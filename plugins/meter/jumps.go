package meter

import "slices"

// Stock Go's compiler writes neither loops nor branches. It cuts a function into
// pieces, and each jump tells a table at the function's head which one is next:
//
//	loop $dispatch
//	  block … block
//	    local.get $selector
//	    br_table …
//	  end
//	  …                      ;; piece 0
//	  end
//	  …                      ;; piece 1, which may end in
//	  i32.const K
//	  local.set $selector
//	  br $dispatch
//	  end
//	  …
//	end
//
// All ways meet at the table, and WebAssembly's compiler moves all variables
// about for that. But nobody needs it except to resume the function behind a call.
// The pieces that are begun so, and those that several of them lead to, stay with
// the table. All others are written where the piece stands that all ways to them
// come by, with the loops and branches that the jumps mean. How is told in Norman
// Ramsey, "Beyond Relooper" (ICFP 2022): behind a piece stand those that it
// dominates, in the order of a walk through the function, each at the end of a
// block that the branches to it leave.
//
// Where a function is resumed is sure of Go's own compiler (ARESUMEPOINT and
// unwindExitBranches in cmd/internal/obj/wasm), and nobody else's code is touched.

// jumps rewrites the jumps in stock Go's functions.
type jumps struct {
	body       []byte
	head, tail int   // where the dispatch loop begins, and its end
	outer      int   // how many blocks are around it
	table      []int // where the table leads: to which pieces
	told       []int // of each piece what leads there by the table, or -1
	pieces     []piece
	flow       flow

	out    []byte
	around int    // how many blocks of the dispatch loop are around what is written
	open   []open // the blocks and loops around it within these
	at     []int  // of each piece where its label is among them, or -1
}

// piece is a part of a function that jumps lead to.
type piece struct {
	code     stretch
	exits    []exit // the branches out of it, in order
	falls    bool   // its end leads to the next piece
	calls    bool   // it ends in a call, and the function is resumed behind it
	called   bool   // it begins with a call, and may be resumed before it
	selected bool   // it reads what has been told the table
}

// exit is a branch out of a piece.
type exit struct {
	stretch
	op    byte
	depth int   // how many blocks are open in the piece
	outer int   // how many labels its own is behind the dispatch loop's
	to    int   // where that is the dispatch loop's: the piece that it jumps to
	value int64 // what the table is told then
	alone bool  // all that an if does is this jump
}

// open is a block or a loop with the piece that a branch to it leads to.
type open struct {
	piece  int
	before int // where that piece's label was
}

// selector is the local that tells the table: the function's parameter.
const selector = 0

// maxPieces is the most that a function may consist of to be rewritten.
const maxPieces = 4096

// rewrite answers the function with loops and branches where it can do without
// the table.
func (j *jumps) rewrite(params, body []byte) []byte {
	j.body, j.pieces, j.table = body, j.pieces[:0], j.table[:0]
	if len(params) == 0 || params[selector] != typeI32 || !j.read() || !j.flow.find(j.pieces) {
		return body
	}
	j.out = append(make([]byte, 0, len(body)+len(body)/8), body[:j.head]...)
	j.at = slices.Repeat([]int{-1}, len(j.pieces))
	tops := j.flow.children[len(j.pieces)]
	if len(tops) == 1 { // all begins at the first piece
		j.out = append(j.out, opBlock, noType&0x7f)
		j.around = 0
		j.tree(0)
		return append(j.out, body[j.tail:]...)
	}
	slices.Sort(tops) // ahead stays ahead
	j.dispatch(tops)
	for i, top := range tops {
		j.around = len(tops) - i
		j.tree(top)
		j.out = append(j.out, opEnd)
	}
	return append(j.out, body[j.tail:]...)
}

// read finds the pieces. It answers whether there are any, and all is as Go's
// compiler writes it.
func (j *jumps) read() bool {
	r := reader{b: j.body}
	r.locals(nil)
	var in instruction
	j.outer = 0
	for r.next(&in); in.op != opLoop; r.next(&in) {
		switch {
		case in.op == opBlock && in.value == noType:
			j.outer++
		case r.done() || in.op != opGlobalGet && in.op != opLocalSet:
			return false
		}
	}
	if j.head = in.start; in.value != noType {
		return false
	}
	n := 0
	for r.next(&in); in.op == opBlock && in.value == noType; r.next(&in) {
		n++
	}
	if in.op != opLocalGet || in.index != selector || n < 2 || n > maxPieces {
		return false
	}
	if r.next(&in); in.op != opBrTable {
		return false
	}
	for _, to := range in.labels {
		if int64(to) >= int64(n) {
			return false
		}
		j.table = append(j.table, int(to))
	}
	j.told = slices.Repeat([]int{-1}, n)
	for i, to := range j.table {
		j.told[to] = i
	}
	if r.next(&in); in.op != opEnd {
		return false
	}
	for i := range n {
		if !j.piece(&r, n-1-i) {
			return false
		}
	}
	return r.err == nil
}

// piece reads a piece, in which the dispatch loop has that label.
func (j *jumps) piece(r *reader, dispatch int) bool {
	p := piece{code: stretch{r.pos, r.pos}, falls: true}
	depth, written, first := 0, false, r.pos
	var last [3]instruction // the one before is the last of them
	for in := (instruction{}); !r.done(); last[0], last[1], last[2] = last[1], last[2], in {
		r.next(&in)
		switch in.op {
		case opBlock, opLoop, opIf:
			depth++
		case opEnd:
			if depth--; depth < 0 {
				return j.add(p, &in, dispatch)
			}
		}
		p.code.end = in.end
		switch in.op {
		case opBr, opBrIf:
			if int64(in.index) >= int64(depth) && !j.exit(&p, &in, &last, depth, dispatch) {
				return false
			}
		case opBrTable:
			return false
		case opLocalSet, opLocalTee:
			written = written || in.index == selector
		case opLocalGet:
			p.selected = p.selected || in.index == selector && !written
		case opNop:
			if in.start == first {
				first = in.end
			}
		case opI32Const:
			p.called = p.called || in.value == below && last[2].op == opLocalGet && last[2].start == first
		}
		p.falls = p.falls && (depth > 0 || in.op != opBr && in.op != opReturn && in.op != opUnreachable)
	}
	return false
}

// exit notes a branch out of a piece.
func (j *jumps) exit(p *piece, in *instruction, last *[3]instruction, depth, dispatch int) bool {
	e := exit{stretch: stretch{in.start, in.end}, op: byte(in.op), depth: depth, outer: int(in.index) - depth - dispatch}
	switch {
	case e.outer < 0 || e.outer > j.outer:
		return false
	case e.outer > 0: // from a call, to unwind the stack
		p.calls = p.calls || depth == 0
	default:
		value, set := &last[1], &last[2]
		if in.op != opBr || value.op != opI32Const || set.op != opLocalSet || set.index != selector {
			return false
		}
		e.start, e.value = value.start, value.value
		e.to = j.table[min(int(uint32(e.value)), len(j.table)-1)]
		e.alone = last[0].op == opIf && last[0].value == noType && in.end < len(j.body) && j.body[in.end] == opEnd
	}
	p.exits = append(p.exits, e)
	return true
}

// add takes a piece to the others, at its end, and tells whether all is well.
func (j *jumps) add(p piece, end *instruction, dispatch int) bool {
	j.tail = end.start
	j.pieces = append(j.pieces, p)
	return !p.falls || dispatch == 0 || j.told[len(j.pieces)] >= 0
}

// dispatch writes the head of a dispatch loop for some of the pieces. What else
// the table is told leads out of the loop: nobody tells it.
func (j *jumps) dispatch(pieces []int) {
	j.out = append(j.out, opLoop, noType&0x7f)
	for range len(pieces) + 1 {
		j.out = append(j.out, opBlock, noType&0x7f)
	}
	j.out = appendU32(append(j.out, opLocalGet), selector)
	j.out = appendU32(append(j.out, opBrTable), uint32(len(j.table)-1))
	for _, to := range j.table {
		label, found := slices.BinarySearch(pieces, to)
		if !found {
			label = len(pieces)
		}
		j.out = appendU32(j.out, uint32(label))
	}
	j.out = append(j.out, opEnd)
}

// tree writes a piece and what it dominates.
func (j *jumps) tree(piece int) {
	if j.flow.loops[piece] {
		j.begin(opLoop, piece)
		defer j.end()
	}
	behind := j.flow.children[piece]
	for _, other := range slices.Backward(behind) {
		j.begin(opBlock, other)
	}
	j.write(piece)
	for _, other := range behind {
		j.end()
		j.tree(other)
	}
}

func (j *jumps) begin(op byte, piece int) {
	j.out = append(j.out, op, noType&0x7f)
	j.open = append(j.open, open{piece, j.at[piece]})
	j.at[piece] = len(j.open) - 1
}

func (j *jumps) end() {
	j.out = append(j.out, opEnd)
	last := j.open[len(j.open)-1]
	j.open = j.open[:len(j.open)-1]
	j.at[last.piece] = last.before
}

// write writes the code of a piece.
func (j *jumps) write(piece int) {
	p := &j.pieces[piece]
	copied := p.code.start
	copyTo := func(end int) { j.out = append(j.out, j.body[copied:end]...) }
	for _, e := range p.exits {
		switch {
		case e.outer == 0 && e.alone && j.at[e.to] >= 0:
			copyTo(e.start - ifLength)
			j.jump(opBrIf, e.depth-1, e.to, e.value)
			copied = e.end + 1
			continue
		case e.outer == 0:
			copyTo(e.start)
			j.jump(e.op, e.depth, e.to, e.value)
		default:
			copyTo(e.start)
			j.unwind(&e)
		}
		copied = e.end
	}
	copyTo(p.code.end)
	next := piece + 1
	if behind := j.flow.children[piece]; !p.falls || len(behind) > 0 && behind[0] == next {
		return
	}
	j.out = append(j.out, opBlock, noType&0x7f) // so that what is behind it is looked at, still
	if next < len(j.pieces) {
		j.jump(opBr, 1, next, int64(j.told[next]))
	} else { // out of the loop
		j.out = appendU32(append(j.out, opBr), uint32(len(j.open)+max(j.around, 1)))
	}
	j.out = append(j.out, opEnd)
}

// ifLength is how long the beginning of an if is that leaves nothing.
const ifLength = 2

// jump writes a branch to another piece, by the table where there is no other way.
func (j *jumps) jump(op byte, depth, to int, value int64) {
	if at := j.at[to]; at >= 0 {
		j.out = appendU32(append(j.out, op), uint32(depth+len(j.open)-1-at))
		return
	}
	j.out = appendS32(append(j.out, opI32Const), int32(value))
	j.out = appendU32(append(j.out, opLocalSet), selector)
	j.out = appendU32(append(j.out, op), uint32(depth+len(j.open)+j.around))
}

// unwind writes a branch that unwinds the stack behind a call. In an if that call
// is for a pointer that is nil, or a stack that is too small: it never returns
// without.
func (j *jumps) unwind(e *exit) {
	label := uint32(e.depth + len(j.open) + j.around + e.outer)
	if e.op == opBrIf && e.depth > 0 {
		j.out = append(j.out, opI32Eqz, opDrop)
		j.out = appendU32(append(j.out, opBlock, noType&0x7f, opBr), label+1)
		j.out = append(j.out, opEnd)
		return
	}
	j.out = appendU32(append(j.out, e.op), label)
}
