package meter

import (
	"errors"
	"fmt"
)

// module writes the new module.
func (w *rewrite) module() ([]byte, error) {
	m := w.m
	code, err := w.functions()
	if err != nil {
		return nil, err
	}
	functions := m.functions
	var extra [][]byte
	for _, h := range w.helpers {
		functions = append(functions, w.typeIndex(bulkParams, nil))
		extra = append(extra, w.helper(h))
	}
	if w.hasStart() {
		functions = append(functions, w.typeIndex(nil, nil))
		extra = append(extra, w.start())
	}
	for _, body := range extra {
		code = append(appendU32(code, uint32(len(body))), body...)
	}
	refill := appendName(appendName(nil, RefillModule), RefillName)
	refill = appendU32(append(refill, kindFunction), w.typeIndex(nil, []byte{typeI32}))

	var out, b []byte
	out = append(out, "\x00asm\x01\x00\x00\x00"...)
	out = appendSection(out, sectionType, len(w.types), join(w.types))
	out = appendSection(out, sectionImport, len(m.imports)+1, w.imports(refill))
	for _, t := range functions {
		b = appendU32(b, t)
	}
	out = appendSection(out, sectionFunction, len(functions), b)
	b = b[:0]
	for _, t := range m.tables {
		b = t.limits.append(append(b, t.element))
	}
	out = appendSection(out, sectionTable, len(m.tables), b)
	b = b[:0]
	for _, l := range m.memories {
		b = l.append(b)
	}
	out = appendSection(out, sectionMemory, len(m.memories), b)
	out = appendSection(out, sectionGlobal, len(m.globals)+2+len(m.referred)+len(w.scratch), w.globals())
	last := uint32(w.imported + len(functions)) // the refill function moves all by one
	count, exports := w.exports(last)
	out = appendSection(out, sectionExport, count, exports)
	b = b[:0]
	for _, e := range m.elements {
		b = w.shift(b, e, func(r *reader, see func(*instruction)) { r.element(see) })
	}
	out = appendSection(out, sectionElement, len(m.elements), b)
	if m.hasCount || len(m.data) > 0 {
		b = appendU32(b[:0], uint32(len(m.data)+1))
		out = append(appendU32(append(out, sectionDataCount), uint32(len(b))), b...)
	}
	out = appendSection(out, sectionCode, len(functions), code)
	if m.hasCount || len(m.data) > 0 {
		out = appendSection(out, sectionData, len(m.data)+1, w.data())
	}
	for _, c := range m.customs {
		out = append(appendU32(append(out, sectionCustom), uint32(len(c))), c...)
	}
	return w.names(out, last), nil
}

// functions writes the code of the module's own functions.
func (w *rewrite) functions() (code []byte, err error) {
	m := w.m
	s := scanner{module: m}
	plans := make([]plan, len(m.bodies))
	w.lights, w.costs = make([]bool, len(m.bodies)), make([]int, len(m.bodies))
	size, locals := 0, 0
	isGo := m.isGo()
	jumps := jumps{flow: flow{effort: flowEffort}}
	var frames frames
	for i, body := range m.bodies {
		params, _ := w.typeParts(m.functions[i])
		if isGo {
			body = frames.rewrite(params, jumps.rewrite(params, body))
		}
		if plans[i], err = s.scan(params, body); err != nil && isGo { // it may have become too much
			body = frames.rewrite(params, m.bodies[i])
			plans[i], err = s.scan(params, body)
		}
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", w.imported+i, err)
		}
		m.bodies[i] = body
		w.lights[i], w.costs[i] = plans[i].light(len(body)), lengthCost(len(body))+plans[i].extra
		if locals += plans[i].locals; locals > maxAllLocals {
			return nil, fmt.Errorf("its functions have more than %d locals together", maxAllLocals)
		}
		size += len(body)
	}
	if m.namesData && !m.hasCount {
		return nil, errors.New("its code refers to data segments, but does not say before how many there are")
	}
	if len(m.referred) > maxReferences {
		return nil, tooMany("functions that its code refers to", len(m.referred), maxReferences)
	}
	if m.mergeData(); len(m.data) > maxSegments {
		return nil, tooMany("data segments", len(m.data), maxSegments)
	}
	code = make([]byte, 0, size+size/8)
	f := writer{rewrite: w}
	for i, body := range m.bodies {
		params, results := w.typeParts(m.functions[i])
		code = f.function(code, &plans[i], params, results, body)
	}
	return code, nil
}

func (w *rewrite) imports(refill []byte) []byte { return append(join(w.m.imports), refill...) }

func (w *rewrite) globals() (b []byte) {
	for _, g := range w.m.globals {
		b = append(b, g.valueType, g.mutable)
		b = w.shift(b, g.init, func(r *reader, see func(*instruction)) { r.expression(see) })
	}
	for range 2 { // Steps, Changed
		b = append(b, typeI32, 1, opI32Const, 0, opEnd)
	}
	for _, function := range w.m.referred {
		b = appendU32(append(b, typeFuncRef, 0, opRefFunc), w.moved(function))
		b = append(b, opEnd)
	}
	for _, typ := range w.scratch {
		b = append(append(b, typ, 1), zero(typ)...)
	}
	return b
}

// exports writes the exports; start is the index of the function for Start.
func (w *rewrite) exports(start uint32) (count int, b []byte) {
	add := func(name string, kind byte, index uint32) {
		b = appendU32(append(appendName(b, name), kind), index)
		count++
	}
	for _, e := range w.m.exports {
		if e.kind == kindFunction {
			e.index = w.moved(e.index)
		}
		add(e.name, e.kind, e.index)
	}
	add(Steps, kindGlobal, w.stepsGlobal)
	add(Changed, kindGlobal, w.changedGlobal())
	for i, index := range w.numbers {
		add(GlobalName(i), kindGlobal, index)
	}
	if w.hasStart() {
		add(Start, kindFunction, start)
	}
	return count, b
}

// moved is a function's index in the new module: those that the module defines
// have moved by one.
func (w *rewrite) moved(function uint32) uint32 {
	if int(function) >= w.imported {
		function++
	}
	return function
}

// shift copies an entry in which the functions that the module defines have
// moved by one.
func (w *rewrite) shift(dst, entry []byte, read func(*reader, func(*instruction))) []byte {
	copied := 0
	read(&reader{b: entry}, func(in *instruction) {
		if in.op == opRefFunc && int(in.index) >= w.imported {
			dst = append(dst, entry[copied:in.start+1]...)
			dst = appendU32(dst, in.index+1)
			copied = in.end
		}
	})
	return append(dst, entry[copied:]...)
}

func (l limits) append(dst []byte) []byte {
	dst = appendU32(append(dst, l.flags), l.min)
	if l.flags&1 != 0 {
		dst = appendU32(dst, l.max)
	}
	return dst
}

func join(parts [][]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	all := make([]byte, 0, size+64)
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
