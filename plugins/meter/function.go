package meter

import "slices"

// maxUnchecked is how many steps' worth of code may run without a look at those
// that are left: some microseconds. A long function has no more than maxChecks
// of them for that reason, because the compiler's time grows with their square.
// maxUncounted is the most for a function that nobody checks when it is called,
// because many calls may follow each other.
const (
	maxUnchecked = 512
	maxChecks    = 1000
	maxUncounted = 64
)

// writer writes one function anew.
type writer struct {
	*rewrite
	plan     *plan
	body     []byte
	out      []byte
	copied   int    // how far body has been copied
	light    bool   // it needs no check
	tight    bool   // it keeps the steps in a local
	counting []int  // where it calls functions that need the count of steps
	sums     []int  // what the plan's dear instructions count, each with those before it
	locals   []byte // the types of its locals, parameters included
	keeping  int    // how many bytes may yet be spent on keeping locals
	steps    uint32 // a local: where tight it holds the steps
	size     uint32 // a local for the length of a copy
	depth    int    // how many blocks are open in what is written
	open     []int  // the open blocks of the original: how deep each is in what is written
	ways     []way  // of the same blocks
	loops    int    // loops met so far
	jumps    int    // jumps met so far
	back     int    // branches back met so far
	dear     int    // dear instructions met so far
	since    int    // what may have run since the last check, in lengths of code
	most     int    // how much that may be
}

// way is what is known of the ways to a block's end: how much may have run since
// the last check, where the block is jumped over (an if) and at most where a
// branch leads out of it. A check in the block is one for those only who pass it.
type way struct {
	over, out int
	loop      *loop // that the block is, if its branches back share a refill
}

// function appends a function's body with its checks.
func (w *writer) function(dst []byte, p *plan, params, results, body []byte) []byte {
	w.plan, w.body, w.out = p, body, w.out[:0]
	w.depth, w.open, w.ways = 0, w.open[:0], append(w.ways[:0], way{})
	w.loops, w.jumps, w.back, w.dear, w.since = 0, 0, 0, 0, 0
	w.steps = uint32(p.locals)
	w.size = w.steps + 1
	w.light = p.light(len(body))
	w.counting = p.counting(w.lights)
	w.sums = p.steps(w.lights, w.costs)
	w.most = stepLength * max(maxUnchecked, w.cost(stretch{0, len(body)})/maxChecks)
	w.keeping = 4*len(body) + maxTight
	w.tight = slices.ContainsFunc(p.back, func(b back) bool { return b.again.tight(w.counting) })

	w.declareLocals(params)
	w.copied = p.code
	switch {
	case w.light:
	case w.tight:
		w.enter()
		w.out = append(w.out, opBlock)
		w.out = append(w.out, w.blockType(results)...)
		w.depth++
	default:
		w.check(w.entryCost())
	}
	w.open = append(w.open, w.depth)
	w.code()
	dst = appendU32(dst, uint32(len(w.out)))
	return append(dst, w.out...)
}

// lengthCost is how many steps code of so many bytes takes.
func lengthCost(bytes int) int { return 1 + bytes/stepLength }

// stepLength is how many bytes of code take a step.
const stepLength = 16

// entryCost is how many steps a call of the function takes: all its code, once.
// What a frame may need of the stack counts, locals here and what passes through
// calls with these, so that no recursion runs far between two looks at the
// stack's size.
func (w *writer) entryCost() int {
	return w.plan.locals/valuesPerStep + w.cost(stretch{0, len(w.body)})
}

// valuesPerStep is how many values of a frame count as a step.
const valuesPerStep = 16

// cost is how many steps a pass through a stretch of code takes.
func (w *writer) cost(s stretch) int {
	at := func(d dear, at int) int { return d.at - at }
	first, _ := slices.BinarySearchFunc(w.plan.dear, s.start, at)
	end, _ := slices.BinarySearchFunc(w.plan.dear, s.end, at)
	sum := lengthCost(s.end - s.start)
	if end > first {
		sum += w.sums[end-1]
		if first > 0 {
			sum -= w.sums[first-1]
		}
	}
	return min(sum, 1<<30)
}

// enter takes the steps into their local. A short function that cannot call
// itself, even through others, leaves the check to its loops.
func (w *writer) enter() {
	w.restore()
	cost := w.entryCost()
	if len(w.counting) > 0 || cost > maxUncounted {
		w.check(cost)
		return
	}
	w.op(opLocalGet, w.steps)
	w.out = appendS32(append(w.out, opI32Const), int32(cost))
	w.out = append(w.out, opI32Sub)
	w.op(opLocalSet, w.steps)
}

// declareLocals copies the declarations and adds two locals.
func (w *writer) declareLocals(params []byte) {
	r := reader{b: w.body}
	groups := r.u32()
	w.out = appendU32(w.out, groups+1)
	w.out = append(w.out, w.body[r.pos:w.plan.code]...)
	w.out = append(w.out, 2, typeI32)
	w.locals = append(w.locals[:0], params...)
	(&reader{b: w.body}).locals(func(n uint32, typ byte) {
		for range n {
			w.locals = append(w.locals, typ)
		}
	})
}

// op writes an instruction that names something.
func (w *writer) op(op byte, index uint32) {
	w.out = appendU32(append(w.out, op), index)
}

// flush copies what has not been copied yet, up to pos, and goes on at next.
func (w *writer) flush(pos, next int) {
	w.out = append(w.out, w.body[w.copied:pos]...)
	w.copied = next
}

func (w *writer) code() {
	r := reader{b: w.body, pos: w.plan.code}
	var in instruction
	for !r.done() {
		r.next(&in)
		if w.since > w.most && !w.light {
			w.flush(in.start, in.start)
			w.check(lengthCost(w.since)) // once more: a slice is shorter than a long function
		}
		w.since += w.length(&in)
		w.instruction(&in)
	}
	w.flush(len(w.body), len(w.body))
}

// length is how much code an instruction is worth, in bytes.
func (w *writer) length(in *instruction) int {
	if w.dear == len(w.sums) || w.plan.dear[w.dear].at > in.start {
		return in.end - in.start
	}
	w.dear++
	steps := w.sums[w.dear-1]
	if w.dear > 1 {
		steps -= w.sums[w.dear-2]
	}
	return steps*stepLength + in.end - in.start
}

func (w *writer) instruction(in *instruction) {
	switch in.op {
	case opBlock:
		w.begin(way{})
	case opIf:
		w.begin(way{over: w.since})
	case opElse:
		w.otherwise()
	case opLoop:
		w.loop(in)
	case opEnd:
		w.end(in)
	case opBr, opBrIf:
		w.branch(in)
	case opBrTable:
		w.branchTable(in)
	case opReturn:
		if w.tight {
			w.flush(in.start, in.end)
			w.op(opBr, uint32(w.depth-w.open[0]))
		}
	case opCall:
		w.call(in)
	case opCallIndirect:
		w.flush(in.start, in.start)
		w.save()
		w.flush(in.end, in.end)
		w.restore()
	case opRefFunc:
		w.flush(in.start, in.end)
		w.op(opGlobalGet, w.reference(in.index))
	case opMemoryCopy, opMemoryFill, opMemoryInit:
		w.bulk(in)
	case opMemoryGrow:
		w.flush(in.start, in.start)
		w.check(heavyCost)
	case opTableInit, opTableCopy, opTableGrow, opTableFill:
		w.flush(in.start, in.start)
		w.check(heavyCost)
		w.change()
	case opTableSet, opElementDrop:
		w.flush(in.start, in.start)
		w.change()
	case opDataDrop:
		w.flush(in.start, in.start)
		w.change()
		w.flush(in.start, in.end)
		w.out = appendU32(append(w.out, prefixMisc, opDataDrop&0xff), w.segment(in.index))
	case opGlobalSet:
		if w.hidden(in.index) {
			w.flush(in.start, in.start)
			w.change()
		}
	}
}

// heavyCost is what instructions count that take about a microsecond.
const heavyCost = 1000

// change notes that the instance has changed in a way that resetting memory and
// numbers does not undo.
func (w *writer) change() {
	w.out = append(w.out, opI32Const, 1)
	w.op(opGlobalSet, w.changedGlobal())
}

func (w *writer) begin(over way) {
	w.depth++
	w.open = append(w.open, w.depth)
	w.ways = append(w.ways, over)
}

// otherwise begins the other way through an if.
func (w *writer) otherwise() {
	if len(w.ways) == 0 {
		return // of no meaning: the compiler will refuse it
	}
	to := &w.ways[len(w.ways)-1]
	to.out = max(to.out, w.since)
	w.since, to.over = to.over, 0
}

// leave notes that a branch leads to the end of an open block.
func (w *writer) leave(block int) {
	if block >= 0 && block < len(w.ways) {
		w.ways[block].out = max(w.ways[block].out, w.since)
	}
}

func (w *writer) end(in *instruction) {
	end := w.ways[len(w.ways)-1]
	w.since = max(w.since, end.over, end.out)
	w.ways = w.ways[:len(w.ways)-1]
	w.open = w.open[:len(w.open)-1]
	w.depth--
	if end.loop != nil {
		w.endShared(in, end.loop)
	}
	if len(w.open) == 0 && w.tight { // the function's own end follows
		w.flush(in.end, in.end)
		w.save()
		w.out = append(w.out, opEnd)
	}
}

// loop writes the head of a loop. Where a br_table leads back to it, or it takes
// parameters, the check stands here.
func (w *writer) loop(in *instruction) {
	l := &w.plan.loops[w.loops]
	w.loops++
	if l.shared() {
		w.beginShared(in, l)
		return
	}
	w.begin(way{})
	if l.head {
		w.flush(in.end, in.end)
		w.check(w.cost(stretch{l.start, l.end}))
	}
}

// beginShared begins a loop whose branches back share a refill:
//
//	block
//	  loop
//	    block
//	      … count, br_if 0, br 1 …
//	      br 2
//	    end
//	    refill, br 0
//	  end
//	end
func (w *writer) beginShared(in *instruction, l *loop) {
	w.flush(in.start, in.start)
	w.out = append(w.out, opBlock, noType&0x7f)
	w.depth++
	w.begin(way{loop: l})
	w.flush(in.end, in.end)
	w.out = append(w.out, opBlock, noType&0x7f)
	w.depth++
}

func (w *writer) endShared(in *instruction, l *loop) {
	w.flush(in.start, in.start)
	w.out = append(w.out, opBr, 2, opEnd)
	w.refill(w.keptBy(l))
	w.out = append(w.out, opBr, 0)
	w.flush(in.end, in.end)
	w.out = append(w.out, opEnd)
	w.depth -= 2
}

// label is what a branch writes to reach an open block of the original.
func (w *writer) label(index uint32) uint32 {
	if uint64(index) >= uint64(len(w.open)) {
		return index + 1<<16 // of no meaning: the compiler will refuse it
	}
	return uint32(w.depth - w.open[len(w.open)-1-int(index)])
}

func (w *writer) branch(in *instruction) {
	label := w.label(in.index)
	if w.jumps < len(w.plan.jumps) && w.plan.jumps[w.jumps].at == in.start {
		jump := &w.plan.jumps[w.jumps]
		w.jumps++
		w.leave(jump.to.label)
		if !jump.enters { // it would be one more way into the loop, for which the compiler moves its variables about
			label = uint32(w.depth - w.open[jump.to.label])
		}
	} else if b := w.backAt(in.start); b != nil && !w.plan.loops[b.loop].head {
		w.branchBack(in, b, label)
		return
	} else {
		w.leave(len(w.open) - 1 - int(in.index))
	}
	if label != in.index {
		w.flush(in.start, in.end)
		w.op(byte(in.op), label)
	}
}

func (w *writer) branchTable(in *instruction) {
	w.flush(in.start, in.end)
	w.op(opBrTable, uint32(len(in.labels)-1))
	for _, index := range in.labels {
		w.out = appendU32(w.out, w.label(index))
		w.leave(len(w.open) - 1 - int(index))
	}
}

// backAt is the branch back to a loop that stands at a place, or nil.
func (w *writer) backAt(at int) *back {
	for w.back < len(w.plan.back) && w.plan.back[w.back].at < at {
		w.back++
	}
	if w.back == len(w.plan.back) || w.plan.back[w.back].at > at {
		return nil
	}
	return &w.plan.back[w.back]
}

// branchBack writes a branch back to a loop with the check before it. At the
// loop's head, where all ways to it meet, the check would disturb how the
// compiler gives registers to the loop's variables.
func (w *writer) branchBack(in *instruction, b *back, label uint32) {
	w.flush(in.start, in.end)
	if in.op == opBrIf {
		w.out = append(w.out, opIf, noType&0x7f)
		label++
	}
	w.count(w.cost(b.again))
	if w.plan.loops[b.loop].shared() {
		w.op(opBrIf, label-1)
	} else {
		w.out = append(w.out, opIf, noType&0x7f)
		w.refill(w.kept(b.again))
		w.op(opBr, label+1)
		w.out = append(w.out, opEnd)
	}
	w.op(opBr, label)
	if in.op == opBrIf {
		w.out = append(w.out, opEnd)
	}
}

// count takes steps away and leaves on the stack whether none is left.
func (w *writer) count(cost int) {
	if w.tight {
		w.op(opLocalGet, w.steps)
	} else {
		w.op(opGlobalGet, w.stepsGlobal)
	}
	w.out = appendS32(append(w.out, opI32Const), int32(cost))
	w.out = append(w.out, opI32Sub)
	w.op(opLocalTee, w.steps)
	if !w.tight {
		w.op(opGlobalSet, w.stepsGlobal)
		w.op(opLocalGet, w.steps)
	}
	w.out = append(w.out, opI32Const, 0, opI32LeS)
}

// check counts, and asks the host for more steps where none is left.
func (w *writer) check(cost int) {
	w.count(cost)
	w.out = append(w.out, opIf, noType&0x7f)
	w.refill(nil)
	w.out = append(w.out, opEnd)
	w.since = 0
}

// save puts the steps where functions that are called find them.
func (w *writer) save() {
	if w.tight {
		w.op(opLocalGet, w.steps)
		w.op(opGlobalSet, w.stepsGlobal)
	}
}

// restore is the reverse of save.
func (w *writer) restore() {
	if w.tight {
		w.op(opGlobalGet, w.stepsGlobal)
		w.op(opLocalSet, w.steps)
	}
}

func (w *writer) call(in *instruction) {
	if int(in.index) < w.imported {
		return
	}
	callee := int(in.index) - w.imported
	counts := callee >= len(w.lights) || !w.lights[callee]
	w.flush(in.start, in.end)
	if counts {
		w.save()
	}
	w.op(opCall, in.index+1)
	if counts {
		w.restore()
	}
}
