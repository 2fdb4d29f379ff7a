package meter_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// Value types.
const (
	i32       = 0x7f
	i64       = 0x7e
	f32       = 0x7d
	f64       = 0x7c
	v128      = 0x7b
	funcref   = 0x70
	externref = 0x6f
)

var (
	numbers = []byte{i32, i64, f32, f64}
	anyType = []byte{i32, i32, i32, i64, i64, f32, f64, v128, funcref, externref}
)

// environment is what generated modules may import: a function, two globals,
// a memory and a table. It is not metered.
func environment() []byte {
	var b assembler
	b.section(1, []byte{0x60, 2, i32, i64, 1, i64})
	b.section(3, []byte{0})
	b.section(4, []byte{funcref, 1, 10, 20})
	b.section(5, []byte{1, 1, 3})
	b.section(6, []byte{i32, 0, 0x41, 12, 0x0b}, []byte{i64, 1, 0x42, 34, 0x0b})
	b.section(7, export("f", 0, 0), export("constant", 3, 0), export("variable", 3, 1),
		export("memory", 2, 0), export("table", 1, 0))
	// variable = variable * 31 + first + second
	b.section(10, sized([]byte{0, 0x23, 1, 0x42, 31, 0x7e, 0x20, 0, 0xac, 0x7c, 0x20, 1, 0x7c, 0x24, 1, 0x23, 1, 0x0b}))
	return b.bytes()
}

// assembler puts a module together from sections.
type assembler struct{ out []byte }

func (a *assembler) section(id byte, entries ...[]byte) {
	if len(entries) > 0 {
		a.out = append(append(a.out, id), sized(vector(entries))...)
	}
}

func (a *assembler) bytes() []byte { return append([]byte("\x00asm\x01\x00\x00\x00"), a.out...) }

func number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sized(b []byte) []byte { return append(number(len(b)), b...) }

func vector(entries [][]byte) []byte {
	return append(number(len(entries)), slices.Concat(entries...)...)
}

func name(s string) []byte { return sized([]byte(s)) }

func export(as string, kind byte, index int) []byte {
	return slices.Concat(name(as), []byte{kind}, number(index))
}

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

// signature is a function's or a block's type.
type signature struct{ params, results []byte }

// generator writes valid modules at random. Each of their functions ends: its
// loops either count, or burn fuel, as calls do.
type generator struct {
	*rand.Rand
	types     []signature
	functions []int // their types, the imported one first
	globals   []variable
	tables    []byte // their types
	elements  []int  // what table 0 holds at first
	passive   []bool // of the data segments, those that only memory.init writes
	counted   bool   // the code names segments, so their number has to be given

	// The function that is being written.
	out    []byte
	locals []byte
	params int
	stack  []byte
	floor  int // how much of the stack an operand must not come from
	frames []frame
	budget int  // instructions that may still be written
	plain  bool // types of blocks are written in the shortest way
	nested int  // counting loops that are open
}

type variable struct {
	typ     byte
	mutable bool
}

// frame is an open block.
type frame struct {
	signature
	label  []byte // what a branch carries
	base   int    // the stack's height where it began
	target bool   // branches may go here
	dead   bool   // what comes now is not reached
}

// fuel is the index of the global that keeps a module from running on: the
// first that it defines.
const (
	imports    = 1 // functions
	fuel       = 2
	fuelExport = "fuel"
)

// generate writes the module of a seed.
func generate(seed uint64) []byte {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.functions = []int{g.typeOf(signature{[]byte{i32, i64}, []byte{i64}})}
	for range 2 + g.IntN(4) {
		g.functions = append(g.functions, g.typeOf(signature{g.some(numbers, 3), g.some(numbers, 2)}))
	}
	g.globals = []variable{{i32, false}, {i64, true}, {i32, true}}
	for range g.IntN(6) {
		g.globals = append(g.globals, variable{g.pick(anyType), g.IntN(4) > 0})
	}
	g.tables = []byte{funcref}
	if g.coin(3) {
		g.tables = append(g.tables, g.pick([]byte{funcref, externref}))
	}
	for range 8 {
		g.elements = append(g.elements, g.IntN(len(g.functions)))
	}
	for range 1 + g.IntN(6) {
		g.passive = append(g.passive, g.coin(3))
	}

	var bodies [][]byte
	for i := imports; i < len(g.functions); i++ {
		bodies = append(bodies, g.function(g.types[g.functions[i]]))
	}
	return g.module(bodies)
}

// module writes all but the functions' bodies.
func (g *generator) module(bodies [][]byte) []byte {
	defined := g.functions[imports:]
	var exports, globals, elements, data [][]byte
	for i := range defined {
		if i == 0 || !g.coin(4) {
			exports = append(exports, export("f"+string(rune('0'+i)), 0, imports+i))
		}
	}
	// Functions that show the state of what is not exported.
	var shown []int
	show := func(as string, t signature, code ...byte) {
		exports = append(exports, export(as, 0, imports+len(defined)+len(shown)))
		shown = append(shown, g.typeOf(t))
		bodies = append(bodies, sized(append(append([]byte{0}, code...), 0x0b)))
	}
	for i, v := range g.globals {
		code, t := append([]byte{0x23}, number(i)...), v.typ
		if v.typ == funcref || v.typ == externref {
			code, t = append(code, 0xd1), i32
		}
		show("global"+string(rune('a'+i)), signature{nil, []byte{t}}, code...)
		if i >= fuel {
			globals = append(globals, slices.Concat([]byte{v.typ, truth(v.mutable)}, g.initial(v.typ, i), []byte{0x0b}))
		}
	}
	for i := range g.tables {
		show("size"+string(rune('0'+i)), signature{nil, []byte{i32}}, 0xfc, 16, byte(i))
		show("table"+string(rune('0'+i)), signature{[]byte{i32}, []byte{i32}}, 0x20, 0, 0x25, byte(i), 0xd1)
	}
	exports = append(exports, export("memory", 2, 0), export(fuelExport, 3, fuel))

	importMemory, importTable := g.coin(6), g.coin(6)
	imported := [][]byte{
		slices.Concat(name("env"), name("f"), []byte{0}, number(g.functions[0])),
		slices.Concat(name("env"), name("constant"), []byte{3, i32, 0}),
		slices.Concat(name("env"), name("variable"), []byte{3, i64, 1}),
	}
	var memories, tables [][]byte
	if importMemory {
		imported = append(imported, slices.Concat(name("env"), name("memory"), []byte{2, 0, 1}))
	} else {
		memories = [][]byte{{1, 1, byte(1 + g.IntN(3))}}
	}
	for i, t := range g.tables {
		if i == 0 && importTable {
			imported = append(imported, slices.Concat(name("env"), name("table"), []byte{1, funcref, 0, 10}))
			continue
		}
		tables = append(tables, []byte{t, 1, 10, 20})
	}

	// Element segments: active, passive (twice, as functions and as
	// expressions), and one that makes ref.func valid for all functions.
	segment := func(functions []int) (b []byte) {
		b = number(len(functions))
		for _, f := range functions {
			b = append(b, number(f)...)
		}
		return b
	}
	all := make([]int, len(g.functions))
	for i := range all {
		all[i] = i
	}
	elements = [][]byte{
		slices.Concat([]byte{0, 0x41, truth(g.coin(8)), 0x0b}, segment(g.elements)),
		slices.Concat([]byte{1, 0}, segment(g.elements[:4])),
		{5, funcref, 2, 0xd2, byte(g.elements[0]), 0x0b, 0xd0, funcref, 0x0b},
		slices.Concat([]byte{3, 0}, segment(all)),
	}
	at := g.IntN(60000)
	for _, passive := range g.passive {
		content := make([]byte, g.IntN(300))
		for i := range content {
			content[i] = byte(g.Uint32())
		}
		if passive {
			data = append(data, append([]byte{1}, sized(content)...))
			continue
		}
		data = append(data, slices.Concat([]byte{0}, g.offset(at), sized(content)))
		switch g.IntN(6) {
		case 0:
			at = g.IntN(65500) // seldom, it does not fit
		case 1:
			at += 100 // over it
		default:
			at += len(content) + g.IntN(50)
		}
	}

	var types, functions [][]byte
	for _, t := range g.types {
		types = append(types, slices.Concat([]byte{0x60}, sized(t.params), sized(t.results)))
	}
	for _, t := range append(slices.Clone(defined), shown...) {
		functions = append(functions, number(t))
	}
	var start []byte
	for i, t := range defined {
		if len(g.types[t].params)+len(g.types[t].results) == 0 {
			start = number(imports + i)
		}
	}
	var a assembler
	a.section(1, types...)
	a.section(2, imported...)
	a.section(3, functions...)
	a.section(4, tables...)
	a.section(5, memories...)
	a.section(6, globals...)
	a.section(7, exports...)
	if start != nil {
		a.out = append(append(a.out, 8), sized(start)...)
	}
	a.section(9, elements...)
	if g.counted {
		a.out = append(append(a.out, 12), sized(number(len(data)))...)
	}
	a.section(10, bodies...)
	a.section(11, data...)
	return a.bytes()
}

// offset is where a data segment goes: sometimes an imported global says so.
func (g *generator) offset(n int) []byte {
	if g.coin(6) {
		return []byte{0x23, 0, 0x0b}
	}
	return append(append([]byte{0x41}, signed(int64(n))...), 0x0b)
}

func (g *generator) initial(t byte, index int) []byte {
	switch {
	case index == fuel:
		return []byte{0x41, 50} // for the start function
	case t == i32 && g.coin(3):
		return []byte{0x23, 0}
	case t == funcref && g.coin(2):
		return append([]byte{0xd2}, number(g.IntN(len(g.functions)))...)
	}
	return g.literal(t)
}

// literal pushes a constant.
func (g *generator) literal(t byte) []byte {
	switch t {
	case i32:
		return append([]byte{0x41}, signed(int64(g.int32()))...)
	case i64:
		return append([]byte{0x42}, signed(int64(g.int32())<<g.IntN(32))...)
	case f32:
		return binary.LittleEndian.AppendUint32([]byte{0x43}, math.Float32bits(float32(g.int32())/8))
	case f64:
		return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(float64(g.int32())/8))
	case v128:
		b := binary.LittleEndian.AppendUint64([]byte{0xfd, 12}, g.Uint64())
		return binary.LittleEndian.AppendUint64(b, g.Uint64())
	}
	return []byte{0xd0, t}
}

// int32 is a number that is mostly small, and sometimes at the border.
func (g *generator) int32() int32 {
	switch g.IntN(8) {
	case 0:
		return int32(g.Uint32())
	case 1:
		return []int32{math.MaxInt32, math.MinInt32, -1, 0x8000, 0x10000}[g.IntN(5)]
	}
	return int32(g.IntN(100)) - 20
}

func (g *generator) coin(n int) bool { return g.IntN(n) == 0 }

func (g *generator) pick(types []byte) byte { return types[g.IntN(len(types))] }

// some are up to n types.
func (g *generator) some(types []byte, n int) (some []byte) {
	for range g.IntN(n + 1) {
		some = append(some, g.pick(types))
	}
	return some
}

func (g *generator) typeOf(s signature) int {
	for i, t := range g.types {
		if slices.Equal(t.params, s.params) && slices.Equal(t.results, s.results) {
			return i
		}
	}
	g.types = append(g.types, s)
	return len(g.types) - 1
}

func truth(b bool) byte {
	if b {
		return 1
	}
	return 0
}
