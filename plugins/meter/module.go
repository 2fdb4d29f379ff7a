package meter

import (
	"errors"
	"fmt"
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
	names     []byte // the name section
	customs   [][]byte

	importedFunctions, importedGlobals, importedMemories, importedTables int
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
	for !r.done() {
		id, body := r.byte(), r.bytes(r.u32())
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
	return m, nil
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
			m.memories = append(m.memories, r.limits())
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
		r.u32()
		m.hasCount = true
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
	r.bytes(r.u32()) // parameters
	r.bytes(r.u32()) // results
}

func (m *module) importEntry(r *reader) {
	if name := r.name(); name == RefillModule {
		r.fail(fmt.Errorf("it imports from %s, which is reserved", name))
	}
	r.name()
	switch kind := r.byte(); kind {
	case kindFunction:
		m.importedFunctions++
		r.u32()
	case kindTable:
		m.importedTables++
		r.byte()
		r.limits()
	case kindMemory:
		m.importedMemories++
		r.limits()
	case kindGlobal:
		m.importedGlobals++
		r.bytes(2)
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
	if l.flags > 1 {
		r.fail(errors.New("shared and 64-bit memories are not supported"))
	}
	return l
}

// reference is where a function's index stands.
type reference struct {
	start, end int
	function   uint32
}

// expression reads a constant expression up to its end. It calls see, which
// may be nil, for each reference to a function.
func (r *reader) expression(see func(reference)) []byte {
	start := r.pos
	var in instruction
	for in.op != opEnd || in.end == 0 {
		r.next(&in)
		if r.err != nil {
			return nil
		}
		if in.op == opRefFunc && see != nil {
			see(reference{in.start + 1, in.end, in.index})
		}
	}
	return r.b[start:r.pos]
}

// element reads an element segment; its eight forms are those of the
// specification's section 5.5.12.
func (r *reader) element(see func(reference)) {
	flags := r.u32()
	if flags > 7 {
		r.fail(fmt.Errorf("an element segment of form %d is unknown", flags))
		return
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
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if flags&4 != 0 {
			r.expression(see)
			continue
		}
		start := r.pos
		if function := r.u32(); see != nil {
			see(reference{start, r.pos, function})
		}
	}
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
