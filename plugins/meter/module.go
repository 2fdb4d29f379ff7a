package meter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Section numbers, in the order of WebAssembly's binary format but for
// dataCount, which stands before code.
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
)

// sectionOrder is the order in which sections stand; custom ones stand anywhere.
const sectionOrder = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0c\x0a\x0b"

// Kinds of imports and exports.
const (
	kindFunction = iota
	kindTable
	kindMemory
	kindGlobal
)

// Value types that are told apart.
const (
	typeI32  = 0x7f
	typeI64  = 0x7e
	typeF32  = 0x7d
	typeF64  = 0x7c // the numbers are those from here on
	typeV128 = 0x7b

	typeFuncRef = 0x70
)

// module is a decoded module, as far as rewriting it asks for. Byte slices are
// views of the original.
type module struct {
	types     [][]byte // each as it is encoded
	imports   [][]byte
	functions []uint32 // the types of the functions that the module defines
	tables    []table
	memories  []limits
	globals   []global
	exports   []export
	start     int // the start function's index, or -1
	elements  [][]byte
	bodies    [][]byte // locals and code
	data      []segment
	hasCount  bool   // there is a data count section
	count     uint32 // what it says
	namesData bool   // the code refers to data segments: known once it has been scanned
	entries   int    // of all element segments
	names     []byte // the name section
	customs   [][]byte

	importedFunctions, importedMemories int
	importedTypes                       []uint32 // of functions
	importedGlobals                     []global // without init

	declared map[uint32]bool // functions that code may refer to, and whether it does
	referred []uint32        // those that it refers to, each once: known once it has been scanned
}

type limits struct {
	flags    byte
	min, max uint32
}

type table struct {
	element byte
	limits  limits
}

type global struct {
	valueType, mutable byte
	init               []byte
}

type export struct {
	name  string
	kind  byte
	index uint32
}

// segment is a data segment. An active one has the expression of its offset.
type segment struct {
	flag   uint32
	memory uint32
	offset []byte // nil where the segment is passive
	at     int64  // the offset where it is a constant, else -1
	bytes  []byte
}

// decode reads a module.
func decode(wasm []byte) (*module, error) {
	const header = "\x00asm\x01\x00\x00\x00"
	if !strings.HasPrefix(string(wasm[:min(len(wasm), len(header))]), header) {
		return nil, errors.New("this is not a WebAssembly module of version 1")
	}
	m := &module{start: -1}
	r := reader{b: wasm, pos: len(header)}
	order := 0
	for !r.done() {
		id, body := r.byte(), r.bytes(r.u32())
		if place := strings.IndexByte(sectionOrder, id); place >= 0 {
			if place < order {
				r.fail(errors.New("it is there twice, or not in its place"))
			}
			order = place + 1
		}
		if r.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, r.err)
		}
		s := reader{b: body}
		m.section(id, &s)
		if s.err == nil && !s.done() {
			s.err = errors.New("it is longer than what it holds")
		}
		if s.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, s.err)
		}
	}
	if len(m.functions) != len(m.bodies) {
		return nil, fmt.Errorf("%d functions are declared and %d defined", len(m.functions), len(m.bodies))
	}
	if m.hasCount && uint64(m.count) != uint64(len(m.data)) {
		return nil, fmt.Errorf("%d data segments are declared and %d there", m.count, len(m.data))
	}
	return m, m.references()
}

// references checks that what refers to types, functions and globals by number
// means the module's own: in the new module there are more of them.
func (m *module) references() error {
	for i, t := range slices.Concat(m.importedTypes, m.functions) {
		if !m.hasType(int64(t)) {
			return fmt.Errorf("function %d is of type %d, which does not exist", i, t)
		}
	}
	m.declared = map[uint32]bool{}
	for _, e := range m.exports {
		if e.kind == kindFunction {
			m.declared[e.index] = false
		}
		if e.kind == kindFunction && !m.hasFunction(e.index) || e.kind == kindGlobal && !m.hasGlobal(e.index) {
			return fmt.Errorf("its export %q does not exist", e.name)
		}
	}
	if m.start >= 0 && !m.hasFunction(uint32(m.start)) {
		return fmt.Errorf("its start function, %d, does not exist", m.start)
	}
	var err error
	see := func(in *instruction) {
		if in.op == opRefFunc {
			m.declared[in.index] = false
		}
		if in.op == opRefFunc && !m.hasFunction(in.index) || in.op == opGlobalGet && !m.hasGlobal(in.index) {
			err = fmt.Errorf("a constant expression refers to %d, which does not exist", in.index)
		}
	}
	for _, g := range m.globals {
		(&reader{b: g.init}).expression(see)
	}
	for i, s := range m.data {
		if s.flag != 1 && !m.hasOffset(&s) {
			return fmt.Errorf("data segment %d has no place that is known when it is written", i)
		}
	}
	for _, e := range m.elements {
		m.entries += (&reader{b: e}).element(see)
	}
	return err
}

// hasOffset tells whether an active segment has a memory, and an offset that
// may stand there: a constant, or an imported global.
// Start has it in its code, where anything else would be allowed as well.
func (m *module) hasOffset(s *segment) bool {
	if s.memory != 0 || m.importedMemories+len(m.memories) == 0 {
		return false
	}
	var in instruction
	r := reader{b: s.offset}
	r.next(&in)
	if in.op == opGlobalGet && int64(in.index) < int64(len(m.importedGlobals)) {
		return m.importedGlobals[in.index].valueType == typeI32 && in.end+1 == len(s.offset)
	}
	return s.at >= 0
}

func (m *module) hasType(index int64) bool { return index < int64(len(m.types)) }

func (m *module) hasFunction(index uint32) bool {
	return uint64(index) < uint64(m.importedFunctions+len(m.functions))
}

// values is how many parameters and results a type has together.
func (m *module) values(typ uint32) int {
	r := reader{b: m.types[typ], pos: 1}
	return len(r.bytes(r.u32())) + len(r.bytes(r.u32()))
}

// refer notes that code refers to a function. Only one that is declared outside
// of code may be.
func (m *module) refer(function uint32) error {
	referred, declared := m.declared[function]
	if !declared {
		return fmt.Errorf("it refers to function %d, which no export, global or element segment declares", function)
	}
	if !referred {
		m.declared[function] = true
		m.referred = append(m.referred, function)
	}
	return nil
}

func (m *module) hasGlobal(index uint32) bool {
	return uint64(index) < uint64(len(m.importedGlobals)+len(m.globals))
}

func (m *module) section(id byte, r *reader) {
	switch id {
	case sectionCustom:
		m.custom(r)
	case sectionType:
		m.types = entries(r, (*reader).functionType)
	case sectionImport:
		m.imports = entries(r, m.importEntry)
	case sectionFunction:
		for range r.count() {
			m.functions = append(m.functions, r.u32())
		}
	case sectionTable:
		for range r.count() {
			m.tables = append(m.tables, table{element: r.byte(), limits: r.limits()})
		}
	case sectionMemory:
		for range r.count() {
			m.memories = append(m.memories, r.memory())
		}
	case sectionGlobal:
		for range r.count() {
			m.globals = append(m.globals, global{valueType: r.byte(), mutable: r.byte(), init: r.expression(nil)})
		}
	case sectionExport:
		for range r.count() {
			m.exports = append(m.exports, export{name: r.name(), kind: r.byte(), index: r.u32()})
		}
	case sectionStart:
		m.start = int(r.u32())
	case sectionElement:
		m.elements = entries(r, func(r *reader) { r.element(nil) })
	case sectionCode:
		for range r.count() {
			m.bodies = append(m.bodies, r.bytes(r.u32()))
		}
	case sectionData:
		for range r.count() {
			m.data = append(m.data, r.segment())
		}
	case sectionDataCount:
		m.count, m.hasCount = r.u32(), true
	default:
		r.fail(errors.New("it is unknown"))
	}
}

// entries reads a vector whose entries are kept as they are encoded.
func entries(r *reader, skip func(*reader)) (all [][]byte) {
	for range r.count() {
		start := r.pos
		skip(r)
		if r.err != nil {
			return nil
		}
		all = append(all, r.b[start:r.pos])
	}
	return all
}

func (r *reader) functionType() {
	if form := r.byte(); form != 0x60 {
		r.fail(fmt.Errorf("a type of form 0x%02x is unknown", form))
	}
	params, results := r.bytes(r.u32()), r.bytes(r.u32())
	if len(params) > maxParams || len(results) > maxParams {
		r.fail(fmt.Errorf("a type has %d parameters and %d results, the most are %d", len(params), len(results), maxParams))
	}
}

func (m *module) importEntry(r *reader) {
	if name := r.name(); name == RefillModule {
		r.fail(fmt.Errorf("it imports from %s, which is reserved", name))
	}
	r.name()
	switch kind := r.byte(); kind {
	case kindFunction:
		m.importedFunctions++
		m.importedTypes = append(m.importedTypes, r.u32())
	case kindTable:
		r.byte()
		r.limits()
	case kindMemory:
		m.importedMemories++
		r.memory()
	case kindGlobal:
		m.importedGlobals = append(m.importedGlobals, global{valueType: r.byte(), mutable: r.byte()})
	default:
		r.fail(fmt.Errorf("an import of kind %d is unknown", kind))
	}
}

func (r *reader) limits() (l limits) {
	l.flags = r.byte()
	l.min = r.u32()
	if l.flags&1 != 0 {
		l.max = r.u32()
	}
	switch {
	case l.flags > 1:
		r.fail(errors.New("shared and 64-bit memories are not supported"))
	case l.flags == 1 && l.min > l.max:
		r.fail(fmt.Errorf("a minimum of %d is more than the maximum of %d", l.min, l.max))
	}
	return l
}

// maxPages is how many pages of 64 KiB addresses of 32 bits reach.
const maxPages = 1 << 16

func (r *reader) memory() limits {
	l := r.limits()
	if l.min > maxPages || l.max > maxPages {
		r.fail(fmt.Errorf("a memory of more than %d pages is not possible", maxPages))
	}
	return l
}

// expression reads a constant expression up to its end. It calls see, which
// may be nil, for each instruction.
func (r *reader) expression(see func(*instruction)) []byte {
	start := r.pos
	var in instruction
	for in.op != opEnd || in.end == 0 {
		r.next(&in)
		if r.err != nil {
			return nil
		}
		if see != nil {
			see(&in)
		}
	}
	return r.b[start:r.pos]
}

// element reads an element segment; its eight forms are those of the
// specification's section 5.5.12. It calls see, which may be nil, for each
// instruction; a function's number that stands for itself is shown as the
// ref.func that it means. It answers how many entries there are.
func (r *reader) element(see func(*instruction)) (entries int) {
	flags := r.u32()
	if flags > 7 {
		r.fail(fmt.Errorf("an element segment of form %d is unknown", flags))
		return 0
	}
	if flags&1 == 0 { // active
		if flags&2 != 0 {
			r.u32() // the table
		}
		r.expression(see)
	}
	if flags&3 != 0 {
		r.byte() // the kind or the type
	}
	entries = r.count()
	for n := entries; n > 0 && r.err == nil; n-- {
		if flags&4 != 0 {
			r.expression(see)
			continue
		}
		start := r.pos - 1 // where the opcode would be
		if function := r.u32(); see != nil && r.err == nil {
			see(&instruction{start: start, end: r.pos, op: opRefFunc, index: function})
		}
	}
	return entries
}

func (r *reader) segment() (s segment) {
	s.flag, s.at = r.u32(), -1
	switch s.flag {
	case 0, 2:
		if s.flag == 2 {
			s.memory = r.u32()
		}
		s.offset = r.expression(nil)
		constant := reader{b: s.offset}
		var in instruction
		if constant.next(&in); in.op == opI32Const && in.end+1 == len(s.offset) {
			s.at = int64(uint32(in.value))
		}
	case 1:
	default:
		r.fail(fmt.Errorf("a data segment of form %d is unknown", s.flag))
	}
	s.bytes = r.bytes(r.u32())
	return s
}

// custom keeps custom sections, but not debug information: its offsets into
// the code would be wrong.
func (m *module) custom(r *reader) {
	whole := r.b
	name := r.name()
	rest := r.b[min(r.pos, len(r.b)):]
	r.pos = len(r.b)
	switch {
	case name == "name":
		m.names = rest
	case strings.HasPrefix(name, ".debug_"), name == "sourceMappingURL":
	default:
		m.customs = append(m.customs, whole)
	}
}
