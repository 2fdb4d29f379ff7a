package meter

import (
	"errors"
	"fmt"
	"slices"
)

// Limits on what a function may look like. The compiler's time grows with the
// square of each; compilers of real languages stay far below.
const (
	maxBody      = 8 << 20 // bytes
	maxLocals    = 10_000
	maxAllLocals = 5_000_000 // of all functions
	maxParams    = 1_000     // and results, of a type
	maxBlocks    = 10_000
	maxLoops     = 500    // nested
	maxTargets   = 50_000 // of all br_table
)

// plan is what is known of a function before it is rewritten.
type plan struct {
	locals   int    // how many, parameters included
	code     int    // where the code begins in the body
	loops    []loop // in the order of their beginnings
	back     []back // the branches that lead back to loops, in order
	jumps    []jump // branches to a dispatch loop whose target is known, in order
	calls    []call
	dear     []dear    // what takes much longer than its length says, in order
	extra    int       // the steps of these, without what they call
	mentions []mention // of locals, in order
	heavy    bool      // it has instructions that take long
}

// loop is one loop of a function.
type loop struct {
	start, end int
	head       bool     // its check stands at its head, not at the branches back to it
	again      bool     // there are such branches
	table      []target // of a dispatch loop: where its br_table leads
	selector   uint32   // of a dispatch loop: the local that selects the target
}

// back is a branch back to a loop. A loop that none leads to is no loop.
type back struct {
	at    int
	loop  int     // its place in plan.loops
	again stretch // what runs once more
}

// stretch is a part of a function's code.
type stretch struct{ start, end int }

// jump is a branch to a dispatch loop that leads ahead: to the end of the block
// that is the label-th open one and has that number.
type jump struct {
	at     int
	to     target
	enters bool // a loop, in its middle
}

// call is a call of a function that the module defines, or of any where the
// callee is not known.
type call struct {
	at     int
	callee int // -1 where it is not known
}

// dear is an instruction that takes much longer than others: the steps that it
// counts, and the function that it calls.
type dear struct {
	at, steps int
	callee    int // -1: none
}

// mention is an instruction that reads or writes a local.
type mention struct {
	at    int
	local uint32
}

// target is an entry of a dispatch loop's table: an open block, by its place
// among the open ones and by its number in the function.
type target struct{ label, block int }

// openBlock is a block that has begun.
type openBlock struct {
	op     uint16
	start  int
	number int
	loop   int // its place in plan.loops
	typ    int64
}

// scanner reads a function for its plan.
type scanner struct {
	module   *module
	plan     plan
	calls    []call // those of the plan, and its mentions: most plans are done with them
	mentions []mention
	open     []openBlock
	ends     []int // where each block ends, by number; 0 while it is open
	loops    int   // how many open blocks are loops
	targets  int   // of br_table so far
	last     [2]instruction
}

// scan makes the plan of a function.
func (s *scanner) scan(params, body []byte) (plan, error) {
	s.plan = plan{}
	s.calls, s.mentions = s.calls[:0], s.mentions[:0]
	s.open = append(s.open[:0], openBlock{op: opBlock, typ: noType, loop: -1})
	s.ends = append(s.ends[:0], 0)
	s.loops, s.targets = 0, 0
	s.last = [2]instruction{}
	r := reader{b: body}
	if len(body) > maxBody {
		return plan{}, fmt.Errorf("it has %d bytes, the most are %d", len(body), maxBody)
	}
	s.plan.locals = len(params) + r.locals(nil)
	s.plan.code = r.pos
	var in instruction
	for len(s.open) > 0 && r.err == nil {
		r.next(&in)
		if r.err == nil {
			r.err = s.see(&in)
		}
		s.last[0], s.last[1] = s.last[1], in
	}
	if r.err == nil && !r.done() {
		r.err = errors.New("there is code behind its end")
	}
	s.findEntries()
	s.plan.calls = slices.Clone(s.calls)
	if len(s.plan.back) > 0 {
		s.plan.mentions = slices.Clone(s.mentions)
	}
	return s.plan, r.err
}

// locals reads the declarations of locals and counts them. It calls see, which
// may be nil, for each.
func (r *reader) locals(see func(n uint32, typ byte)) int {
	total := uint64(0)
	for range r.count() {
		n, typ := r.u32(), r.byte()
		if total += uint64(n); total > maxLocals {
			r.fail(fmt.Errorf("it has more than %d locals", maxLocals))
			return 0
		}
		if see != nil {
			see(n, typ)
		}
	}
	return int(total)
}

func (s *scanner) see(in *instruction) error {
	switch in.op {
	case opBlock, opLoop, opIf, opCallIndirect:
		if !s.module.hasType(in.value) {
			return fmt.Errorf("it uses type %d, which does not exist", in.value)
		}
	}
	switch in.op {
	case opBlock, opLoop, opIf:
		return s.begin(in)
	case opEnd:
		s.end(in)
	case opBr:
		if !s.thread(in) {
			s.branch(in, in.index)
		}
	case opBrIf:
		s.branch(in, in.index)
	case opBrTable:
		return s.branchTable(in)
	case opCall:
		if !s.module.hasFunction(in.index) {
			return fmt.Errorf("it calls function %d, which does not exist", in.index)
		}
		if callee := int(in.index) - s.module.importedFunctions; callee >= 0 {
			s.calls = append(s.calls, call{in.start, callee})
			s.plan.dear = append(s.plan.dear, dear{in.start, s.module.values(s.module.functions[callee]) / valuesPerStep, callee})
		}
	case opRefFunc:
		return s.module.refer(in.index)
	case opCallIndirect:
		s.calls = append(s.calls, call{in.start, -1})
		s.plan.dear = append(s.plan.dear, dear{in.start, indirectCost + s.module.values(uint32(in.value))/valuesPerStep, -1})
	case opLocalGet, opLocalSet, opLocalTee:
		if int64(in.index) >= int64(s.plan.locals) {
			return fmt.Errorf("it uses local %d, which does not exist", in.index)
		}
		s.mentions = append(s.mentions, mention{in.start, in.index})
	case opGlobalGet, opGlobalSet:
		if !s.module.hasGlobal(in.index) {
			return fmt.Errorf("it uses global %d, which does not exist", in.index)
		}
	case opMemoryGrow, opTableInit, opTableCopy, opTableGrow, opTableFill:
		s.plan.heavy = true
	case opDataDrop:
		s.module.namesData = true
	case opMemoryCopy, opMemoryFill, opMemoryInit:
		s.module.namesData = s.module.namesData || in.op == opMemoryInit
		s.dear(in, smallBulk/32)
	default:
		if slow(in.op) {
			s.dear(in, slowCost)
		}
	}
	return nil
}

func (s *scanner) dear(in *instruction, steps int) {
	s.plan.dear = append(s.plan.dear, dear{in.start, steps, -1})
	s.plan.extra += steps
}

// slowCost is what divisions, remainders and square roots count, and slow
// tells whether an instruction is one.
const slowCost = 8

func slow(op uint16) bool {
	return op >= 0x6d && op <= 0x70 || op >= 0x7f && op <= 0x82 || // i32, i64
		op == 0x91 || op == 0x95 || op == 0x9f || op == 0xa3 || // f32, f64
		op == prefixSIMD<<8
}

func (s *scanner) begin(in *instruction) error {
	b := openBlock{op: in.op, start: in.start, number: len(s.ends), typ: in.value, loop: -1}
	if in.op == opLoop {
		b.loop = len(s.plan.loops)
		s.plan.loops = append(s.plan.loops, loop{start: in.start, head: in.value >= 0})
		s.loops++
	}
	s.ends = append(s.ends, 0)
	s.open = append(s.open, b)
	switch {
	case len(s.ends) > maxBlocks:
		return fmt.Errorf("it has more than %d blocks", maxBlocks)
	case s.loops > maxLoops:
		return fmt.Errorf("its loops are nested more than %d deep", maxLoops)
	}
	return nil
}

func (s *scanner) end(in *instruction) {
	b := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.ends[b.number] = in.end
	if b.loop >= 0 {
		s.plan.loops[b.loop].end = in.end
		s.loops--
	}
}

// label is the open block that a branch names, or nil where there is none.
func (s *scanner) label(index uint32) *openBlock {
	if uint64(index) >= uint64(len(s.open)) {
		return nil // the compiler will refuse the module
	}
	return &s.open[len(s.open)-1-int(index)]
}

// branch notes a branch to a label. Where that is a loop, all between its
// beginning and the branch may run again.
func (s *scanner) branch(in *instruction, index uint32) {
	b := s.label(index)
	if b == nil || b.op != opLoop {
		return
	}
	l := &s.plan.loops[b.loop]
	l.head = l.head || in.op == opBrTable
	s.back(in, b.loop, l.start)
}

// back notes a branch back to a loop: all from a place to the branch runs again.
func (s *scanner) back(in *instruction, loop, from int) {
	s.plan.loops[loop].again = true
	s.plan.back = append(s.plan.back, back{in.start, loop, stretch{from, in.end}})
}

// shared tells whether all branches back to a loop share one call for more
// steps, behind the loop's code. So it is in a dispatch loop, where there are
// many.
func (l *loop) shared() bool { return l.table != nil && l.again && !l.head }

func (s *scanner) branchTable(in *instruction) error {
	if s.targets += len(in.labels); s.targets > maxTargets {
		return fmt.Errorf("its br_table instructions have more than %d targets", maxTargets)
	}
	if !s.dispatch(in) {
		for _, label := range in.labels {
			s.branch(in, label)
		}
	}
	return nil
}

// dispatch finds out whether a br_table is the head of a dispatch loop, which
// is how Go's compiler writes every jump:
//
//	loop
//	  block block … block
//	    local.get $selector
//	    br_table 0 1 2 …
//	  end …
//
// Each target is a block inside of the loop, or one around it.
func (s *scanner) dispatch(in *instruction) bool {
	get := &s.last[1]
	if get.op != opLocalGet {
		return false
	}
	next := get.start
	top := len(s.open) - 1
	for ; top > 0; top-- {
		b := &s.open[top]
		if b.typ != noType || b.start+2 != next || b.op != opBlock && b.op != opLoop {
			return false
		}
		if b.op == opLoop {
			break
		}
		next = b.start
	}
	if top == 0 {
		return false
	}
	l := &s.plan.loops[s.open[top].loop]
	for _, index := range in.labels {
		b := s.label(index)
		if b == nil || b.typ != noType || b.op == opLoop {
			l.table = nil
			return false
		}
		l.table = append(l.table, target{len(s.open) - 1 - int(index), b.number})
	}
	l.selector = get.index
	return true
}

// thread finds out whether a branch to a dispatch loop goes where is known
// beforehand:
//
//	i32.const K
//	local.set $selector
//	br $loop
//
// A target that is still open lies ahead. One that has ended lies behind, and
// what is between there and here runs again.
func (s *scanner) thread(in *instruction) bool {
	to := s.label(in.index)
	if to == nil || to.op != opLoop {
		return false
	}
	l := &s.plan.loops[to.loop]
	constant, set := &s.last[0], &s.last[1]
	if l.table == nil || constant.op != opI32Const || set.op != opLocalSet || set.index != l.selector {
		return false
	}
	t := l.table[min(int(uint32(constant.value)), len(l.table)-1)]
	if end := s.ends[t.block]; end != 0 {
		s.back(in, to.loop, end)
		return true
	}
	s.plan.jumps = append(s.plan.jumps, jump{at: in.start, to: t})
	return true
}

// findEntries finds the jumps that enter a loop in its middle, where Go's
// compiler puts the condition.
func (s *scanner) findEntries() {
	if len(s.plan.jumps) == 0 || len(s.plan.back) == 0 {
		return
	}
	again := make([]stretch, len(s.plan.back))
	for i, b := range s.plan.back {
		again[i] = b.again
	}
	slices.SortFunc(again, func(a, b stretch) int { return a.start - b.start })
	const most = 16 // loops that are looked at for a jump: the others are long after it
	for i := range s.plan.jumps {
		j := &s.plan.jumps[i]
		to := s.ends[j.to.block]
		next, _ := slices.BinarySearchFunc(again, j.at, func(a stretch, at int) int { return a.start - at })
		for _, a := range again[next:min(next+most, len(again))] {
			if a.start < to && to < a.end {
				j.enters = true
			}
		}
	}
}

// A light function takes at most lightCost steps. Who calls it counts them, or
// indirectCost where the callee is not known.
const (
	lightCost    = 64
	indirectCost = 16
)

// light tells whether a function needs no check: it makes no pass twice, calls
// nothing that might, and is short.
func (p *plan) light(size int) bool {
	cost := lengthCost(size)
	for _, d := range p.dear {
		cost += d.steps
	}
	return len(p.calls) == 0 && !p.heavy && len(p.back) == 0 && cost <= lightCost
}

// counting are the calls of functions that need the count of steps, in order.
func (p *plan) counting(light []bool) (calls []int) {
	for _, c := range p.calls {
		if c.callee < 0 || c.callee >= len(light) || !light[c.callee] {
			calls = append(calls, c.at)
		}
	}
	return calls
}

// tight tells whether none of the calls lies in a stretch.
func (s stretch) tight(calls []int) bool {
	next, _ := slices.BinarySearch(calls, s.start)
	return next == len(calls) || calls[next] >= s.end
}

// mentioned are the locals that a stretch reads or writes.
func (p *plan) mentioned(s stretch) (locals []uint32) {
	first, _ := slices.BinarySearchFunc(p.mentions, s.start, func(m mention, at int) int { return m.at - at })
	for _, m := range p.mentions[first:] {
		if m.at >= s.end {
			break
		}
		locals = append(locals, m.local)
	}
	slices.Sort(locals)
	return slices.Compact(locals)
}

// steps are what a stretch of code counts, beside what its length says, up to
// each of the plan's dear instructions. A light function that is called does
// not count for itself: costs is what a call of each function takes.
func (p *plan) steps(light []bool, costs []int) (sums []int) {
	sum := 0
	for _, d := range p.dear {
		sum += d.steps
		if d.callee >= 0 && light[d.callee] {
			sum += costs[d.callee]
		}
		sums = append(sums, sum)
	}
	return sums
}
