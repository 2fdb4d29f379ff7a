package meter

import "strings"

// Parts of the name section that say something of functions.
const (
	namesModule    = 0
	namesFunctions = 1
)

// maxName is where names are cut off, in bytes: each trap shows thirty of them.
const maxName = 256

// names appends the name section: the guest's names of functions, and that of
// Start. Parts that nobody reads are left out, and the guest's names where they
// are not well formed.
func (w *rewrite) names(dst []byte, start uint32) []byte {
	var module []byte
	var functions [][]byte
	r := reader{b: w.m.names}
	for !r.done() {
		id := r.byte()
		part := reader{b: r.bytes(r.u32())}
		switch id {
		case namesModule:
			module = part.b
		case namesFunctions:
			functions = w.functionNames(&part)
		}
	}
	if r.err != nil {
		module, functions = nil, nil
	}
	if w.hasStart() {
		functions = append(functions, appendName(appendU32(nil, start), Start))
	}
	section := appendName(nil, "name")
	if module != nil {
		section = append(appendU32(append(section, namesModule), uint32(len(module))), module...)
	}
	section = appendSection(section, namesFunctions, len(functions), join(functions))
	return append(appendU32(append(dst, sectionCustom), uint32(len(section))), section...)
}

// functionNames reads the names of functions. Those that the module defines
// have moved by one.
func (w *rewrite) functionNames(r *reader) (names [][]byte) {
	for range r.count() {
		index, name := r.u32(), r.name()
		if r.err != nil {
			return nil
		}
		if int(index) >= w.imported {
			index++
		}
		if int(index) <= w.imported+len(w.m.functions) {
			names = append(names, appendName(appendU32(nil, index), strings.ToValidUTF8(name[:min(len(name), maxName)], "")))
		}
	}
	return names
}
