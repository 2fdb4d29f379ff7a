// Package wasmtest puts WebAssembly modules together for tests: some 200 bytes
// that do exactly what a test needs, valid or not, without a toolchain.
package wasmtest

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Signature is a function's type as the binary format has it.
type Signature []byte

// Sig is the type of a function with these parameters and results, each a list
// of "i32" and "i64" with spaces between.
func Sig(params, results string) Signature {
	return append(append([]byte{0x60}, types(params)...), types(results)...)
}

// Phase is the type of a phase function, () → i32; Void is () → ().
var (
	Phase = Sig("", "i32")
	Void  = Sig("", "")
)

// Module is a module that grows by its methods. Imports come before functions,
// because a function's index counts them.
type Module struct {
	types, imports, funcs, tables, memories, globals, exports, elems, code, data [][]byte

	start    []byte
	names    [][]byte // of functions, for the name section
	customs  []byte
	imported int
	counted  bool // code names data segments, so their number comes first
}

// Plugin is a module with one page of memory, exported as a plugin's is.
func Plugin() *Module {
	m := &Module{}
	m.Memory(1)
	m.ExportMemory("memory")
	return m
}

// Import imports a function and answers its index.
func (m *Module) Import(module, name string, s Signature) int {
	m.imports = append(m.imports, slices.Concat(text(module), text(name), []byte{0}, m.typeOf(s)))
	m.imported++
	return m.imported - 1
}

// ImportMemory imports a memory of at least min pages.
func (m *Module) ImportMemory(module, name string, min int) {
	m.imports = append(m.imports, slices.Concat(text(module), text(name), []byte{2}, limits(min)))
}

// ImportGlobal imports a constant of type i32.
func (m *Module) ImportGlobal(module, name string) {
	m.imports = append(m.imports, slices.Concat(text(module), text(name), []byte{3, typeI32, 0}))
}

// Memory gives the module a memory of min pages that may grow to max pages.
func (m *Module) Memory(min int, max ...int) {
	m.memories = [][]byte{limits(min, max...)}
}

// Table gives the module a table that holds these functions.
func (m *Module) Table(functions ...int) {
	m.TableOf(len(functions))
	elem := slices.Concat([]byte{0}, I32Const(0), []byte{opEnd}, number(len(functions)))
	for _, f := range functions {
		elem = append(elem, number(f)...)
	}
	m.elems = append(m.elems, elem)
}

// TableOf gives the module a table of null references, as large as min says.
func (m *Module) TableOf(min int, max ...int) {
	m.tables = append(m.tables, slices.Concat([]byte{typeFuncRef}, limits(min, max...)))
}

// Global adds a mutable i32 and answers its index.
func (m *Module) Global(value int32) int {
	m.globals = append(m.globals, slices.Concat([]byte{typeI32, 1}, I32Const(value), []byte{opEnd}))
	return len(m.globals) - 1
}

// GlobalFunc adds a mutable reference to a function, null at first, and
// answers its index.
func (m *Module) GlobalFunc() int {
	m.globals = append(m.globals, slices.Concat([]byte{typeFuncRef, 1}, RefNull, []byte{opEnd}))
	return len(m.globals) - 1
}

// PassiveElements adds references to functions that table.init can write, as
// the next element segment.
func (m *Module) PassiveElements(functions ...int) {
	elem := append([]byte{1, 0}, number(len(functions))...)
	for _, f := range functions {
		elem = append(elem, number(f)...)
	}
	m.elems = append(m.elems, elem)
}

// Func adds a function and answers its index. The name goes into the name
// section.
func (m *Module) Func(name string, s Signature, body ...[]byte) int {
	return m.FuncWithLocals(name, s, "", body...)
}

// Next is the index of the function that is added next, so that a function can
// call itself. Nothing may be imported in between.
func (m *Module) Next() int { return m.imported + len(m.funcs) }

// FuncWithLocals is Func with local variables of these types after the
// parameters.
func (m *Module) FuncWithLocals(name string, s Signature, locals string, body ...[]byte) int {
	m.funcs = append(m.funcs, m.typeOf(s))
	var groups [][]byte
	for _, local := range valueTypes(locals) {
		groups = append(groups, []byte{1, local})
	}
	m.code = append(m.code, sized(slices.Concat(vector(groups), slices.Concat(body...), []byte{opEnd})))
	index := m.imported + len(m.funcs) - 1
	m.names = append(m.names, slices.Concat(number(index), text(name)))
	return index
}

// Phase adds a phase function that is exported under its name, on_content for
// example, and answers its index.
func (m *Module) Phase(name string, body ...[]byte) int {
	f := m.Func(name, Phase, body...)
	m.Export(name, f)
	return f
}

// Export exports a function.
func (m *Module) Export(name string, function int) {
	m.exports = append(m.exports, slices.Concat(text(name), []byte{0}, number(function)))
}

// ExportMemory exports the memory.
func (m *Module) ExportMemory(name string) {
	m.exports = append(m.exports, slices.Concat(text(name), []byte{2, 0}))
}

// Start makes a function the one that runs when the module is instantiated.
func (m *Module) Start(function int) { m.start = number(function) }

// Data puts bytes into the memory before the module runs.
func (m *Module) Data(offset int32, bytes string) {
	m.data = append(m.data, slices.Concat([]byte{0}, I32Const(offset), []byte{opEnd}, text(bytes)))
}

// Passive adds bytes that memory.init can write, as the next data segment.
func (m *Module) Passive(bytes string) {
	m.data = append(m.data, append([]byte{1}, text(bytes)...))
	m.counted = true
}

// CountData has the module say before its code how many data segments it has, as
// one says whose code names them.
func (m *Module) CountData() { m.counted = true }

// Custom adds a custom section.
func (m *Module) Custom(name string, content []byte) {
	m.customs = append(m.customs, section(0, slices.Concat(text(name), content))...)
}

// Bytes is the module in the binary format.
func (m *Module) Bytes() []byte {
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	wasm = append(wasm, vectorSection(1, m.types)...)
	wasm = append(wasm, vectorSection(2, m.imports)...)
	wasm = append(wasm, vectorSection(3, m.funcs)...)
	wasm = append(wasm, vectorSection(4, m.tables)...)
	wasm = append(wasm, vectorSection(5, m.memories)...)
	wasm = append(wasm, vectorSection(6, m.globals)...)
	wasm = append(wasm, vectorSection(7, m.exports)...)
	if m.start != nil {
		wasm = append(wasm, section(8, m.start)...)
	}
	wasm = append(wasm, vectorSection(9, m.elems)...)
	if m.counted {
		wasm = append(wasm, section(12, number(len(m.data)))...)
	}
	wasm = append(wasm, vectorSection(10, m.code)...)
	wasm = append(wasm, vectorSection(11, m.data)...)
	if len(m.names) > 0 {
		functions := section(1, vector(m.names)) // the name section's own subsection
		wasm = append(wasm, section(0, append(text("name"), functions...))...)
	}
	return append(wasm, m.customs...)
}

// typeOf is the index of a function type, which is added where it is new.
func (m *Module) typeOf(s Signature) []byte {
	for i, known := range m.types {
		if string(known) == string(s) {
			return number(i)
		}
	}
	m.types = append(m.types, s)
	return number(len(m.types) - 1)
}

const (
	typeI32     = 0x7f
	typeI64     = 0x7e
	typeFuncRef = 0x70
)

// types is a vector of value types from their names.
func types(names string) []byte { return sized(valueTypes(names)) }

func valueTypes(names string) (b []byte) {
	for _, name := range strings.Fields(names) {
		b = append(b, map[string]byte{"i32": typeI32, "i64": typeI64}[name])
	}
	return b
}

// number is n as LEB128.
func number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func text(s string) []byte { return append(number(len(s)), s...) }

func sized(b []byte) []byte { return append(number(len(b)), b...) }

func limits(min int, max ...int) []byte {
	if len(max) == 0 {
		return append([]byte{0}, number(min)...)
	}
	return slices.Concat([]byte{1}, number(min), number(max[0]))
}

func vector(items [][]byte) []byte {
	return append(number(len(items)), slices.Concat(items...)...)
}

func section(id byte, content []byte) []byte { return append([]byte{id}, sized(content)...) }

func vectorSection(id byte, items [][]byte) []byte {
	if len(items) == 0 {
		return nil
	}
	return section(id, vector(items))
}

// WithoutCustoms is a module that can be decoded without its custom sections:
// whatever is wrong with them, the module is valid.
func WithoutCustoms(wasm []byte) []byte {
	plain := slices.Clone(wasm[:8])
	for rest := wasm[8:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		end := 1 + n + int(size)
		if rest[0] != 0 {
			plain = append(plain, rest[:end]...)
		}
		rest = rest[end:]
	}
	return plain
}
