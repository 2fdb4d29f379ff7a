package meter

import (
	"cmp"
	"slices"
)

// A stock Go module has tens of thousands of data segments, the text between
// runs of zeros, and the compiler keeps a record of each for each instance.
// Those that follow each other closely become one.

// maxGap is how many zeros between two segments are written out rather than
// have the second one stand for itself, and maxZeros how many in all beside as
// many as there are other bytes.
const (
	maxGap   = 4 << 10
	maxZeros = 1 << 20
)

// mergeData joins active segments that lie close to each other, once the code
// is known. Nothing is joined where that refers to segments by number; where the
// memory is somebody else's, who would see what is written before a segment that
// does not fit; and where their order matters because they overlap.
func (m *module) mergeData() {
	if m.namesData || m.importedMemories > 0 || len(m.data) == 0 {
		return
	}
	sorted := slices.Clone(m.data)
	slices.SortStableFunc(sorted, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	if sorted[0].at < 0 { // not known here
		return
	}
	merged := sorted[:1:1]
	merged[0].bytes = slices.Clone(merged[0].bytes)
	zeros := maxZeros
	for _, s := range sorted[1:] {
		last := &merged[len(merged)-1]
		end := last.at + int64(len(last.bytes))
		switch {
		case s.at < end || s.memory != last.memory:
			return
		case s.at > end+maxGap || s.at > end+int64(zeros):
			s.bytes = slices.Clone(s.bytes) // the original stays as it is
			merged = append(merged, s)
		default:
			zeros += len(s.bytes) - int(s.at-end)
			last.bytes = append(last.bytes, make([]byte, s.at-end)...)
			last.bytes = append(last.bytes, s.bytes...)
		}
	}
	m.data = merged
}

// data writes all segments as passive ones, and an empty one behind them.
func (w *rewrite) data() (b []byte) {
	for _, s := range w.m.data {
		b = append(b, 1)
		b = append(appendU32(b, uint32(len(s.bytes))), s.bytes...)
	}
	return append(b, 1, 0)
}

// segment is what the guest's code finds under a segment's number. An active
// segment is empty once it has been written, in each instance, whether it was
// that one which wrote it or the one that it is a copy of.
func (w *rewrite) segment(index uint32) uint32 {
	if int(index) < len(w.m.data) && w.m.data[index].flag != 1 {
		return uint32(len(w.m.data))
	}
	if int(index) >= len(w.m.data) {
		return index + 1 // of no meaning: the compiler will refuse it
	}
	return index
}

// start writes the function that does what instantiation did: it writes the
// active segments, in their order, and calls the start function.
func (w *rewrite) start() []byte {
	b := []byte{0} // no locals
	for i, s := range w.m.data {
		if s.flag == 1 {
			continue
		}
		b = append(b, s.offset[:len(s.offset)-1]...)
		b = append(b, opI32Const, 0, opI32Const)
		b = appendS32(b, int32(len(s.bytes)))
		b = appendU32(append(b, prefixMisc, opMemoryInit&0xff), uint32(i))
		b = appendU32(b, s.memory)
		b = appendU32(append(b, prefixMisc, opDataDrop&0xff), uint32(i)) // what it takes is free
	}
	if w.m.start >= 0 {
		start := uint32(w.m.start)
		if w.m.start >= w.imported {
			start++
		}
		b = appendU32(append(b, opCall), start)
	}
	return append(b, opEnd)
}
