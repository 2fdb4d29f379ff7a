package meter_test

import "slices"

// function writes a function's body.
func (g *generator) function(s signature) []byte {
	g.out, g.stack, g.floor, g.frames = nil, nil, 0, nil
	g.params = len(s.params)
	g.locals = slices.Clone(s.params)
	var groups [][]byte
	for range 2 + g.IntN(8) {
		t := g.pick(anyType)
		g.locals = append(g.locals, t)
		groups = append(groups, []byte{1, t})
	}
	for range counters {
		g.locals = append(g.locals, i32)
	}
	groups = append(groups, []byte{counters, i32})

	g.budget, g.nested = 20+g.IntN(200), 0
	g.frames = []frame{{signature: signature{results: s.results}, label: s.results, target: true}}
	if g.coin(4) { // the function begins with the head of a loop
		g.open(0x03, signature{}, nil, true)
		g.burn()
		g.statements()
		g.close()
	} else {
		g.burn()
	}
	g.statements()
	g.settle()
	return sized(slices.Concat(vector(groups), g.out, []byte{0x0b}))
}

// counters are the last locals of a function. Counting loops and dispatch
// loops have them to themselves.
const counters = 4

func (g *generator) counter(i int) byte { return byte(len(g.locals) - counters + i) }

func (g *generator) top() *frame { return &g.frames[len(g.frames)-1] }

func (g *generator) emit(code ...byte) { g.out = append(g.out, code...); g.budget-- }

func (g *generator) push(types ...byte) { g.stack = append(g.stack, types...) }

func (g *generator) pop(n int) { g.stack = g.stack[:len(g.stack)-n] }

// die marks what follows as not reached.
func (g *generator) die() {
	g.top().dead = true
	g.stack = g.stack[:g.top().base]
}

// has tells whether these types are on top of the stack.
func (g *generator) has(types []byte) bool {
	own := g.stack[max(g.top().base, g.floor):]
	return len(own) >= len(types) && slices.Equal(own[len(own)-len(types):], types)
}

// want puts values of these types on top of the stack, where they are not yet.
func (g *generator) want(types ...byte) {
	if g.has(types) && !g.coin(4) {
		return
	}
	for _, t := range types {
		g.produce(t)
	}
}

// produce pushes a value.
func (g *generator) produce(t byte) {
	var locals, globals []int
	for i, l := range g.locals {
		if l == t {
			locals = append(locals, i)
		}
	}
	for i, v := range g.globals {
		if v.typ == t && i != fuel {
			globals = append(globals, i)
		}
	}
	switch n := g.IntN(10); {
	case n < 4 && len(locals) > 0:
		g.emit(0x20, byte(locals[g.IntN(len(locals))]))
	case n < 6 && len(globals) > 0:
		g.emit(0x23, byte(globals[g.IntN(len(globals))]))
	case n < 8 && g.budget > 0 && operators[t] != nil:
		floor := g.floor
		g.floor = len(g.stack) // what is there already is somebody's operand
		g.operator(t)
		g.floor = floor
		return
	case t == funcref && n < 9:
		g.emit(append([]byte{0xd2}, number(g.IntN(len(g.functions)))...)...)
	default:
		g.emit(g.literal(t)...)
	}
	g.push(t)
}

// operator is an instruction that pops operands and pushes a result.
type operator struct {
	code   []byte
	params []byte
}

// operators are those that push a value of the type and never trap.
var operators = map[byte][]operator{
	i32: {
		{[]byte{0x6a}, []byte{i32, i32}}, {[]byte{0x6b}, []byte{i32, i32}}, {[]byte{0x6c}, []byte{i32, i32}},
		{[]byte{0x71}, []byte{i32, i32}}, {[]byte{0x73}, []byte{i32, i32}}, {[]byte{0x74}, []byte{i32, i32}},
		{[]byte{0x76}, []byte{i32, i32}}, {[]byte{0x77}, []byte{i32, i32}}, {[]byte{0x67}, []byte{i32}},
		{[]byte{0x45}, []byte{i32}}, {[]byte{0x46}, []byte{i32, i32}}, {[]byte{0x48}, []byte{i32, i32}},
		{[]byte{0x4b}, []byte{i32, i32}}, {[]byte{0x50}, []byte{i64}}, {[]byte{0x53}, []byte{i64, i64}},
		{[]byte{0x5d}, []byte{f32, f32}}, {[]byte{0x64}, []byte{f64, f64}}, {[]byte{0xa7}, []byte{i64}},
		{[]byte{0xc0}, []byte{i32}}, {[]byte{0xfc, 0}, []byte{f32}}, {[]byte{0xfc, 3}, []byte{f64}},
		{[]byte{0xd1}, []byte{funcref}}, {[]byte{0xd1}, []byte{externref}},
		{[]byte{0x3f, 0}, nil}, {[]byte{0xfc, 16, 0}, nil},
		{[]byte{0xfd, 27, 2}, []byte{v128}}, {[]byte{0xfd, 83}, []byte{v128}}, {[]byte{0xfd, 99}, []byte{v128}},
	},
	i64: {
		{[]byte{0x7c}, []byte{i64, i64}}, {[]byte{0x7d}, []byte{i64, i64}}, {[]byte{0x7e}, []byte{i64, i64}},
		{[]byte{0x85}, []byte{i64, i64}}, {[]byte{0x86}, []byte{i64, i64}}, {[]byte{0x8a}, []byte{i64, i64}},
		{[]byte{0x7a}, []byte{i64}}, {[]byte{0xac}, []byte{i32}}, {[]byte{0xad}, []byte{i32}},
		{[]byte{0xfc, 6}, []byte{f64}}, {[]byte{0xc4}, []byte{i64}}, {[]byte{0xfd, 29, 1}, []byte{v128}},
	},
	f32: {
		{[]byte{0x92}, []byte{f32, f32}}, {[]byte{0x94}, []byte{f32, f32}}, {[]byte{0x96}, []byte{f32, f32}},
		{[]byte{0x8c}, []byte{f32}}, {[]byte{0xb2}, []byte{i32}}, {[]byte{0xb6}, []byte{f64}},
	},
	f64: {
		{[]byte{0xa0}, []byte{f64, f64}}, {[]byte{0xa2}, []byte{f64, f64}}, {[]byte{0xa5}, []byte{f64, f64}},
		{[]byte{0x9c}, []byte{f64}}, {[]byte{0xb9}, []byte{i64}}, {[]byte{0xbb}, []byte{f32}},
	},
	v128: {
		{[]byte{0xfd, 17}, []byte{i32}}, {[]byte{0xfd, 18}, []byte{i64}}, {[]byte{0xfd, 77}, []byte{v128}},
		{[]byte{0xfd, 0xae, 1}, []byte{v128, v128}}, {[]byte{0xfd, 81}, []byte{v128, v128}},
		{[]byte{0xfd, 82}, []byte{v128, v128, v128}}, {[]byte{0xfd, 28, 1}, []byte{v128, i32}},
		{[]byte{0xfd, 13, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 31, 30, 29, 28}, []byte{v128, v128}},
	},
}

func (g *generator) operator(t byte) {
	o := operators[t][g.IntN(len(operators[t]))]
	g.want(o.params...)
	g.emit(o.code...)
	g.pop(len(o.params))
	g.push(t)
}

// address pushes one inside of the memory, or, seldom, any.
func (g *generator) address() {
	g.want(i32)
	if !g.coin(50) {
		g.emit(append([]byte{0x41}, signed(0x7fff)...)...)
		g.emit(0x71)
	}
}

// small pushes a number below limit, a power of two.
func (g *generator) small(limit int) {
	g.produce(i32)
	g.emit(append([]byte{0x41}, signed(int64(limit-1))...)...)
	g.emit(0x71)
}

// statements writes instructions until the budget is spent or the mood is.
func (g *generator) statements() {
	for range 1 + g.IntN(12) {
		if g.budget <= 0 {
			return
		}
		g.statement()
	}
}

func (g *generator) statement() {
	if g.top().dead && g.coin(2) {
		g.unreached()
		return
	}
	kinds := [...]func(){ // each as often as it stands here
		g.set, g.set, g.set, g.set, g.compute, g.compute, g.drop,
		g.load, g.load, g.store, g.store, g.store, g.bulk, g.table, g.vector, g.choose, g.divide,
		g.call, g.call, g.callIndirect,
		g.block, g.block, g.loop, g.loop, g.ifElse, g.ifElse, g.count, g.count, g.dispatch,
		g.branch, g.branchIf, g.branchIf, g.branchTable, g.leave,
	}
	kinds[g.IntN(len(kinds))]()
}

// unreached writes instructions that are valid only because they are never
// reached: their operands come from nowhere.
func (g *generator) unreached() {
	base := len(g.stack) == g.top().base
	switch g.IntN(4) {
	case 0:
		if base {
			g.emit(0x6a, 0x1a) // i32.add, drop
		}
	case 1:
		if base {
			g.emit(0x1a)
		}
	case 2:
		if base {
			g.emit(0x1b, 0x1a) // select, drop
		}
	case 3:
		g.emit(0x02, 0x40, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b) // an endless loop
	}
}

func (g *generator) set() {
	if g.coin(4) {
		if i := g.IntN(len(g.globals)); i != fuel && g.globals[i].mutable {
			g.want(g.globals[i].typ)
			g.emit(0x24, byte(i))
			g.pop(1)
		}
		return
	}
	i := g.IntN(len(g.locals) - counters)
	if len(g.locals) == counters {
		return
	}
	g.want(g.locals[i])
	if g.coin(3) {
		g.emit(0x22, byte(i))
		return
	}
	g.emit(0x21, byte(i))
	g.pop(1)
}

func (g *generator) compute() {
	if t := g.pick(anyType); operators[t] != nil {
		g.operator(t)
	}
}

func (g *generator) drop() {
	if len(g.stack) > g.top().base {
		g.emit(0x1a)
		g.pop(1)
	}
}

func (g *generator) load() {
	o := [][2]byte{
		{0x28, i32}, {0x2c, i32}, {0x2f, i32}, {0x29, i64}, {0x31, i64}, {0x34, i64}, {0x2a, f32}, {0x2b, f64},
	}[g.IntN(8)]
	g.address()
	g.emit(o[0], 0, byte(g.IntN(100)))
	g.pop(1)
	g.push(o[1])
}

func (g *generator) store() {
	o := [][2]byte{
		{0x36, i32}, {0x3a, i32}, {0x3b, i32}, {0x37, i64}, {0x3e, i64}, {0x38, f32}, {0x39, f64},
	}[g.IntN(7)]
	g.address()
	g.produce(o[1])
	g.emit(o[0], 0, byte(g.IntN(100)))
	g.pop(2)
}

func (g *generator) bulk() {
	size := func() { g.small(1 << g.IntN(15)) }
	switch g.IntN(5) {
	case 0:
		g.address()
		g.produce(i32)
		size()
		g.emit(0xfc, 11, 0) // memory.fill
		g.pop(3)
	case 1:
		g.address()
		g.address2()
		size()
		g.emit(0xfc, 10, 0, 0) // memory.copy
		g.pop(3)
	case 2:
		// Not of an active one, which is empty: wazero forgets to drop it.
		if i := g.IntN(len(g.passive)); g.passive[i] {
			g.counted = true
			g.address()
			g.small(16)
			g.small(16)
			g.emit(0xfc, 8, byte(i), 0) // memory.init
			g.pop(3)
		}
	case 3:
		if g.coin(6) {
			g.counted = true
			g.emit(0xfc, 9, byte(g.IntN(len(g.passive)))) // data.drop
		}
	case 4:
		g.small(2)
		g.emit(0x40, 0) // memory.grow
	}
}

// address2 pushes an address on top of another one.
func (g *generator) address2() {
	g.produce(i32)
	g.emit(append([]byte{0x41}, signed(0x7fff)...)...)
	g.emit(0x71)
}

func (g *generator) table() {
	i := g.IntN(len(g.tables))
	t := g.tables[i]
	switch g.IntN(8) {
	case 0, 1:
		g.small(8)
		g.emit(0x25, byte(i)) // table.get
		g.pop(1)
		g.push(t)
	case 2:
		g.small(8)
		g.produce(t)
		g.emit(0x26, byte(i)) // table.set
		g.pop(2)
	case 3:
		g.produce(t)
		g.small(4)
		g.emit(0xfc, 15, byte(i)) // table.grow
		g.pop(2)
		g.push(i32)
	case 4:
		g.small(8)
		g.produce(t)
		g.small(4)
		g.emit(0xfc, 17, byte(i)) // table.fill
		g.pop(3)
	case 5:
		g.small(8)
		g.small(8)
		g.small(4)
		g.emit(0xfc, 14, byte(i), byte(i)) // table.copy
		g.pop(3)
	case 6:
		g.small(8)
		g.small(2)
		g.small(2)
		g.emit(0xfc, 12, byte(1+g.IntN(2)), 0) // table.init
		g.pop(3)
	case 7:
		if g.coin(6) {
			g.emit(0xfc, 13, byte(1+g.IntN(2))) // elem.drop
		}
	}
}

func (g *generator) vector() {
	switch g.IntN(3) {
	case 0:
		g.address()
		g.emit(0xfd, 0, 0, byte(g.IntN(100))) // v128.load
		g.pop(1)
		g.push(v128)
	case 1:
		g.address()
		g.produce(v128)
		g.emit(0xfd, 11, 0, byte(g.IntN(100))) // v128.store
		g.pop(2)
	case 2:
		g.produce(v128)
	}
}

func (g *generator) choose() {
	t := g.pick(anyType)
	g.want(t, t, i32)
	if t == funcref || t == externref || g.coin(3) {
		g.emit(0x1c, 1, t)
	} else {
		g.emit(0x1b)
	}
	g.pop(2)
}

// divide may trap.
func (g *generator) divide() {
	t, op, one := byte(i32), []byte{0x6d, 0x6e, 0x6f, 0x70}, []byte{0x41, 1, 0x72}
	if g.coin(2) {
		t, op, one = i64, []byte{0x7f, 0x80, 0x81, 0x82}, []byte{0x42, 1, 0x84}
	}
	g.want(t, t)
	if !g.coin(20) {
		g.emit(one...)
	}
	g.emit(g.pick(op))
	g.pop(1)
}

func (g *generator) call() {
	f := g.IntN(len(g.functions))
	t := g.types[g.functions[f]]
	g.want(t.params...)
	g.emit(append([]byte{0x10}, number(f)...)...)
	g.pop(len(t.params))
	g.push(t.results...)
}

func (g *generator) callIndirect() {
	at := g.IntN(len(g.elements))
	index := g.functions[g.elements[at]]
	t := g.types[index]
	g.want(t.params...)
	if g.coin(10) {
		g.small(16)
	} else {
		g.emit(0x41, byte(at))
		g.push(i32)
	}
	g.emit(slices.Concat([]byte{0x11}, number(index), []byte{0})...)
	g.pop(len(t.params) + 1)
	g.push(t.results...)
}

// burn takes a unit of fuel, and leaves the function where none is left.
func (g *generator) burn() {
	g.emit(0x23, fuel, 0x41, 1, 0x6b, 0x24, fuel, 0x23, fuel, 0x41, 0, 0x48, 0x04, 0x40)
	if g.coin(8) {
		g.emit(0x00)
	} else {
		for _, t := range g.frames[0].results {
			g.emit(g.literal(t)...)
		}
		g.emit(0x0f)
	}
	g.emit(0x0b)
}

// open begins a block whose parameters are on the stack.
func (g *generator) open(op byte, s signature, label []byte, target bool) {
	g.emit(op)
	switch {
	case len(s.params) > 0 || len(s.results) > 1 || !g.plain && g.coin(4):
		g.emit(signed(int64(g.typeOf(s)))...)
	case len(s.results) == 1:
		g.emit(s.results[0])
	default:
		g.emit(0x40)
	}
	g.frames = append(g.frames, frame{signature: s, label: label, base: len(g.stack) - len(s.params), target: target})
}

// settle leaves exactly the results of the innermost block on the stack.
func (g *generator) settle() {
	f := g.top()
	if f.dead && len(g.stack) == f.base && g.coin(2) {
		return // nobody gets here
	}
	if !g.has(f.results) || len(g.stack) != f.base+len(f.results) {
		for len(g.stack) > f.base {
			g.emit(0x1a)
			g.pop(1)
		}
		for _, t := range f.results {
			g.produce(t)
		}
	}
}

// close ends the innermost block.
func (g *generator) close() {
	g.settle()
	g.emit(0x0b)
	f := *g.top()
	g.frames = g.frames[:len(g.frames)-1]
	g.stack = g.stack[:f.base]
	g.push(f.results...)
}

func (g *generator) signature() signature {
	return signature{g.some(anyType, 2), g.some(anyType, 2)}
}

func (g *generator) deep() bool { return len(g.frames) > 8 }

func (g *generator) block() {
	if g.deep() {
		return
	}
	s := g.signature()
	g.want(s.params...)
	g.open(0x02, s, s.results, true)
	g.statements()
	g.close()
}

// loop writes a loop that burns fuel, or one that nothing branches back to.
func (g *generator) loop() {
	if g.deep() {
		return
	}
	s, again := g.signature(), !g.coin(4)
	g.want(s.params...)
	g.open(0x03, s, s.params, again)
	if again {
		g.burn()
	}
	g.statements()
	if again && g.coin(2) {
		g.want(append(slices.Clone(s.params), i32)...)
		g.emit(0x0d, 0)
		g.pop(1)
	}
	g.close()
}

func (g *generator) ifElse() {
	if g.deep() {
		return
	}
	s := g.signature()
	if g.coin(3) {
		s.results = s.params
	}
	g.want(append(slices.Clone(s.params), i32)...)
	g.pop(1)
	g.open(0x04, s, s.results, true)
	g.statements()
	if !slices.Equal(s.params, s.results) || g.coin(2) {
		g.settle()
		f := g.top()
		f.dead = false
		g.stack = g.stack[:f.base]
		g.push(s.params...)
		g.emit(0x05)
		g.statements()
	}
	g.close()
}

// count writes a loop that runs a few times.
func (g *generator) count() {
	if g.deep() || g.nested == counters {
		return
	}
	c := g.counter(g.nested)
	g.nested++
	g.emit(0x41, byte(1+g.IntN(5)), 0x21, c)
	g.open(0x03, signature{}, nil, false)
	g.statements()
	switch g.IntN(3) {
	case 0: // c--; br_if c
		g.emit(0x20, c, 0x41, 1, 0x6b, 0x22, c, 0x0d, 0)
	case 1: // if c-- … br
		g.emit(0x20, c, 0x41, 1, 0x6b, 0x22, c, 0x04, 0x40, 0x0c, 1, 0x0b)
	case 2: // the exit first, as compilers write while
		g.emit(0x02, 0x40, 0x20, c, 0x41, 1, 0x6b, 0x22, c, 0x45, 0x0d, 0, 0x0c, 1, 0x0b)
	}
	g.close()
	g.nested--
}

// targets are the labels that a branch may name: how many blocks out.
func (g *generator) targets(carry []byte, any bool) (labels []int) {
	for i, f := range g.frames {
		if f.target && (any || slices.Equal(f.label, carry)) {
			labels = append(labels, len(g.frames)-1-i)
		}
	}
	return labels
}

func (g *generator) label() (int, []byte) {
	labels := g.targets(nil, true)
	l := labels[g.IntN(len(labels))]
	return l, g.frames[len(g.frames)-1-l].label
}

func (g *generator) branch() {
	l, carry := g.label()
	g.want(carry...)
	g.emit(0x0c, byte(l))
	g.die()
}

func (g *generator) branchIf() {
	l, carry := g.label()
	g.want(append(slices.Clone(carry), i32)...)
	g.emit(0x0d, byte(l))
	g.pop(1)
}

func (g *generator) branchTable() {
	_, carry := g.label()
	labels := g.targets(carry, false)
	g.want(append(slices.Clone(carry), i32)...)
	n := g.IntN(5)
	g.emit(0x0e, byte(n))
	for range n + 1 {
		g.emit(byte(labels[g.IntN(len(labels))]))
	}
	g.die()
}

// leave returns or traps; seldom, because little happens after it.
func (g *generator) leave() {
	switch {
	case g.coin(20):
		g.emit(0x00)
		g.die()
	case g.coin(4):
		g.want(g.frames[0].results...)
		g.emit(0x0f)
		g.die()
	}
}

// dispatch writes what stock Go makes of a function with jumps: a loop around
// nested blocks, and in their middle a br_table over a program counter.
func (g *generator) dispatch() {
	if len(g.frames) > 4 || g.nested == counters {
		return
	}
	pc := g.counter(g.nested)
	g.nested++
	cases := 1 + g.IntN(6)
	s := signature{results: g.some(numbers, 1)}
	carry := g.some(numbers, 1) // what the table's branches take along
	if !g.coin(4) {
		carry = nil
	}
	if g.coin(2) {
		g.emit(0x41, byte(g.IntN(cases)), 0x21, pc)
	}
	g.plain = !g.coin(6)
	g.open(0x03, s, nil, false)
	loop := len(g.frames)
	for range cases {
		g.open(0x02, signature{results: carry}, carry, false)
	}
	g.plain = false
	for _, t := range carry {
		g.produce(t)
	}
	if g.coin(10) {
		g.statements()
		g.stack = g.stack[:g.top().base]
		g.top().dead = false
		for _, t := range carry {
			g.emit(g.literal(t)...)
		}
	}
	g.emit(0x20, pc, 0x0e, byte(cases-g.IntN(2)))
	n := int(g.out[len(g.out)-1])
	for i := range n + 1 {
		if i >= cases || g.coin(10) {
			i = g.IntN(cases)
		}
		g.emit(byte(i))
	}
	g.die()
	for i := range cases {
		g.top().dead = true
		g.emit(0x0b)
		f := *g.top()
		g.frames = g.frames[:len(g.frames)-1]
		g.stack = g.stack[:f.base]
		g.push(carry...)
		g.statements()
		for range g.IntN(3) {
			g.jump(pc, cases, loop)
			g.statements()
		}
		if i < cases-1 { // fall through
			for len(g.stack) > g.top().base {
				g.emit(0x1a)
				g.pop(1)
			}
			for _, t := range carry {
				g.produce(t)
			}
		}
	}
	g.close()
	g.nested--
}

// jump goes to another case: sets the program counter and branches to the
// loop, in one of the ways that compilers write this.
func (g *generator) jump(pc byte, cases, loop int) {
	g.burn()
	to := byte(g.IntN(cases + 1))
	if g.coin(4) {
		to = 0x7f // -1
	}
	depth := byte(len(g.frames) - loop)
	switch g.IntN(6) {
	case 0:
		g.emit(0x41, to, 0x21, pc, 0x0c, depth)
		g.die()
	case 1:
		g.produce(i32)
		g.pop(1)
		g.emit(0x04, 0x40, 0x41, to, 0x21, pc, 0x0c, depth+1, 0x0b)
	case 2:
		g.emit(0x41, to, 0x21, pc)
		g.produce(i32)
		g.pop(1)
		g.emit(0x0d, depth)
	case 3:
		g.emit(0x41, to, 0x22, pc, 0x0d, depth)
	case 4:
		g.emit(0x20, pc, 0x41, 1, 0x6a, 0x21, pc, 0x0c, depth)
		g.die()
	case 5:
		g.emit(0x41, to, 0x21, pc, 0x20, pc, 0x0e, 1, depth, depth)
		g.die()
	}
}
