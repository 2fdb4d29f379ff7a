package meter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Names in the rewritten module. The guest can use none that begins with
// reserved.
const (
	reserved = "phasm:"

	// RefillModule and RefillName are the function that the module imports in
	// addition, () → i32: it is called where no steps are left and answers how
	// many there are from then on. It stops the guest by a panic.
	RefillModule = reserved + "meter"
	RefillName   = "refill"

	// Steps is a mutable global, i32: the steps that are left.
	Steps = reserved + "steps"

	// Changed is a mutable global, i32, that is not 0 once the guest has changed
	// a table, or a global that holds a reference or a vector: then memory and
	// numbers are not all that there is to an instance's state.
	Changed = reserved + "changed"

	// Start is a function () → () that writes the data segments and runs the
	// start function, where the module has any of them. A new instance calls it
	// once, unless it gets its memory and globals from a snapshot.
	Start = reserved + "start"
)

// GlobalName is the export of the i-th mutable number among the module's
// globals.
func GlobalName(i int) string { return reserved + "global:" + strconv.Itoa(i) }

// Options are the limits that a module is held to.
type Options struct {
	TableEntries uint32 // the most entries that its tables may have together, and its element segments
}

// Module is a rewritten module.
type Module struct {
	Code     []byte
	Globals  int  // how many mutable numbers are exported by GlobalName
	HasStart bool // it exports Start
}

// Rewrite rewrites a module. It checks what it needs to understand and no
// more: a module that is not valid may pass, but the result is not valid
// either. It keeps no reference to wasm.
func Rewrite(wasm []byte, o Options) (*Module, error) {
	m, err := decode(wasm)
	if err != nil {
		return nil, err
	}
	if err := m.limit(o); err != nil {
		return nil, err
	}
	for _, e := range m.exports {
		if strings.HasPrefix(e.name, reserved) {
			return nil, fmt.Errorf("it exports %q: names that begin with %s are reserved", e.name, reserved)
		}
	}
	w := newRewrite(m)
	code, err := w.module()
	if err != nil {
		return nil, err
	}
	return &Module{Code: code, Globals: len(w.numbers), HasStart: w.hasStart()}, nil
}

// limit lowers the limits that the module declares for its tables to those that
// it is held to, and refuses one that has too much of anything.
func (m *module) limit(o Options) error {
	for i := range m.tables {
		l, most := &m.tables[i].limits, o.TableEntries/uint32(len(m.tables))
		if l.min > most {
			return fmt.Errorf("its table begins with %d entries, the limit is %d", l.min, most)
		}
		if l.flags&1 == 0 || l.max > most {
			l.flags, l.max = l.flags|1, most
		}
	}
	mutable := 0
	for _, g := range m.globals {
		mutable += int(g.mutable)
	}
	for _, l := range []struct {
		what      string
		has, most int
	}{
		{"imports", len(m.imports), maxImports},
		{"tables", len(m.tables), maxTables},
		{"globals", len(m.globals), maxGlobals},
		{"mutable globals", mutable, maxMutable},
		{"element segments", len(m.elements), maxSegments},
		{"entries of element segments", m.entries, int(o.TableEntries)},
	} {
		if l.has > l.most {
			return tooMany(l.what, l.has, l.most)
		}
	}
	return nil
}

func tooMany(what string, has, most int) error {
	return fmt.Errorf("it has %d %s, the most are %d", has, what, most)
}

// Limits on what each instance has a record of.
const (
	maxImports    = 10_000
	maxTables     = 64
	maxGlobals    = 10_000
	maxMutable    = 1_000
	maxSegments   = 10_000
	maxReferences = 10_000
)

// rewrite is what the parts of the new module have in common.
type rewrite struct {
	m           *module
	imported    int // functions, in the original; the refill function comes behind them
	types       [][]byte
	typeNumbers map[string]uint32
	lights      []bool   // of the defined functions, those that need no check
	costs       []int    // of the defined functions, the steps of all their code
	numbers     []uint32 // the mutable globals that are exported
	stepsGlobal uint32   // the index of Steps; those of Changed, references and scratch come next
	helpers     []helper
	references  map[uint32]uint32 // the functions that code refers to, and which of the globals holds each
	scratch     []byte            // the types of globals for what refill keeps
}

func newRewrite(m *module) *rewrite {
	w := &rewrite{m: m, imported: m.importedFunctions, types: slices.Clone(m.types)}
	for i, g := range m.globals {
		if g.mutable == 1 && g.valueType >= typeF64 {
			w.numbers = append(w.numbers, uint32(len(m.importedGlobals)+i))
		}
	}
	w.stepsGlobal = uint32(len(m.importedGlobals) + len(m.globals))
	return w
}

func (w *rewrite) changedGlobal() uint32 { return w.stepsGlobal + 1 }

// firstReference and firstScratch are the globals that come behind.
func (w *rewrite) firstReference() uint32 { return w.stepsGlobal + 2 }
func (w *rewrite) firstScratch() uint32   { return w.firstReference() + uint32(len(w.m.referred)) }

// reference is the global that holds a function's reference. The engine would
// make one anew whenever ref.func runs, and keep it as long as the instance.
func (w *rewrite) reference(function uint32) uint32 {
	if w.references == nil {
		w.references = make(map[uint32]uint32, len(w.m.referred))
		for i, f := range w.m.referred {
			w.references[f] = w.firstReference() + uint32(i)
		}
	}
	return w.references[function]
}

// hidden tells whether a global is one that cannot be read from outside.
func (w *rewrite) hidden(index uint32) bool {
	i := int(index) - len(w.m.importedGlobals)
	return i >= 0 && i < len(w.m.globals) && w.m.globals[i].valueType < typeF64
}

func (w *rewrite) hasStart() bool {
	return w.m.start >= 0 || slices.ContainsFunc(w.m.data, func(s segment) bool { return s.flag != 1 })
}

// typeIndex is the index of a function type, which is added where it is
// missing.
func (w *rewrite) typeIndex(params, results []byte) uint32 {
	t := appendName([]byte{0x60}, string(params))
	t = appendName(t, string(results))
	if w.typeNumbers == nil {
		w.typeNumbers = map[string]uint32{}
		for i := range w.types {
			w.typeNumbers[string(w.types[i])] = uint32(i)
		}
	}
	number, known := w.typeNumbers[string(t)]
	if !known {
		number = uint32(len(w.types))
		w.types = append(w.types, t)
		w.typeNumbers[string(t)] = number
	}
	return number
}

// typeParts are the parameters and results of a type; none where it does not
// exist.
func (w *rewrite) typeParts(index uint32) (params, results []byte) {
	if int(index) >= len(w.types) {
		return nil, nil
	}
	r := reader{b: w.types[index], pos: 1}
	return r.bytes(r.u32()), r.bytes(r.u32())
}

// blockType is the type of a block that takes nothing and leaves results.
func (w *rewrite) blockType(results []byte) []byte {
	switch len(results) {
	case 0:
		return []byte{noType & 0x7f}
	case 1:
		return results
	default:
		return appendS32(nil, int32(w.typeIndex(nil, results)))
	}
}

// scratchGlobal is the n-th global of a type to keep a local in.
func (w *rewrite) scratchGlobal(typ byte, n int) uint32 {
	for i, t := range w.scratch {
		if t == typ {
			if n == 0 {
				return w.firstScratch() + uint32(i)
			}
			n--
		}
	}
	w.scratch = append(w.scratch, typ)
	return w.firstScratch() + uint32(len(w.scratch)-1)
}

// zero is the expression of a type's zero.
func zero(typ byte) []byte {
	switch typ {
	case typeV128:
		return append(append([]byte{prefixSIMD, 12}, make([]byte, 16)...), opEnd)
	case typeF64:
		return append(append([]byte{opF64Const}, make([]byte, 8)...), opEnd)
	case typeF32:
		return append(append([]byte{opF32Const}, make([]byte, 4)...), opEnd)
	case typeI64:
		return []byte{opI64Const, 0, opEnd}
	default:
		return []byte{opI32Const, 0, opEnd}
	}
}
