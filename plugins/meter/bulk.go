package meter

// A single memory.copy, memory.fill or memory.init may move gigabytes, and
// nothing stops it in between. So one of more than smallBulk bytes calls a
// function that works in chunks.
const (
	smallBulk = 4 << 10
	bulkChunk = 64 << 10
	chunkCost = 1000 // steps
)

var bulkParams = []byte{typeI32, typeI32, typeI32}

// helper is such a function: for an instruction and, with memory.init, a
// segment.
type helper struct {
	op      uint16
	segment uint32
}

// bulk replaces an instruction whose size is on top of the stack.
func (w *writer) bulk(in *instruction) {
	h := helper{op: in.op}
	if in.op == opMemoryInit {
		h.segment = w.segment(in.index)
	}
	w.flush(in.start, in.start)
	long := in.op != opMemoryInit || int(h.segment) < len(w.m.data) && len(w.m.data[h.segment].bytes) > smallBulk
	if long {
		typ := w.typeIndex(bulkParams, nil)
		w.op(opLocalTee, w.size)
		w.op(opLocalGet, w.size)
		w.out = appendS32(append(w.out, opI32Const), smallBulk)
		w.out = append(w.out, opI32GtU, opIf)
		w.out = appendS32(w.out, int32(typ))
		w.op(opCall, w.helperIndex(h))
		w.out = append(w.out, opElse)
	}
	w.move(h)
	w.copied = in.end
	if long {
		w.out = append(w.out, opEnd)
	}
}

func (w *rewrite) helperIndex(h helper) uint32 {
	first := uint32(w.imported + 1 + len(w.m.functions))
	for i := range w.helpers {
		if w.helpers[i] == h {
			return first + uint32(i)
		}
	}
	w.helpers = append(w.helpers, h)
	return first + uint32(len(w.helpers)-1)
}

// The locals of a helper.
const (
	bulkTo, bulkFrom, bulkSize = 0, 1, 2 // memory.fill: bulkFrom is the value
	bulkSteps                  = 3
)

// helper writes the function. What does not fit is left to one instruction,
// which traps before it writes anything.
func (w *rewrite) helper(h helper) []byte {
	f := writer{rewrite: w, steps: bulkSteps}
	f.out = append(f.out, 1, 1, typeI32) // one local
	f.tooLong(bulkTo, -1)
	switch h.op {
	case opMemoryCopy:
		f.tooLong(bulkFrom, -1)
		f.out = append(f.out, opI32Or)
	case opMemoryInit:
		f.tooLong(bulkFrom, len(w.m.data[h.segment].bytes))
		f.out = append(f.out, opI32Or)
	}
	f.out = append(f.out, opIf, noType&0x7f)
	f.whole(h)
	f.out = append(f.out, opReturn, opEnd)
	if h.op == opMemoryCopy { // backwards where the target lies behind
		f.op(opLocalGet, bulkTo)
		f.op(opLocalGet, bulkFrom)
		f.out = append(f.out, opI32GtU, opIf, noType&0x7f)
		f.chunks(h, true)
		f.out = append(f.out, opEnd)
	}
	f.chunks(h, false)
	return append(f.out, opEnd)
}

// tooLong leaves on the stack whether what is copied ends before local + size:
// the memory (-1), or a segment of so many bytes.
func (w *writer) tooLong(local uint32, segment int) {
	w.op(opLocalGet, local)
	w.out = append(w.out, opI64ExtendI32)
	w.op(opLocalGet, bulkSize)
	w.out = append(w.out, opI64ExtendI32, opI64Add)
	if segment < 0 {
		w.out = append(w.out, opMemorySize, 0, opI64ExtendI32, opI64Const, 16, opI64Shl)
	} else {
		w.out = appendS32(append(w.out, opI32Const), int32(segment))
		w.out = append(w.out, opI64ExtendI32)
	}
	w.out = append(w.out, opI64GtU)
}

// whole does all that is left in one instruction.
func (w *writer) whole(h helper) {
	w.op(opLocalGet, bulkTo)
	w.op(opLocalGet, bulkFrom)
	w.op(opLocalGet, bulkSize)
	w.move(h)
}

func (w *writer) move(h helper) {
	w.out = append(w.out, prefixMisc, byte(h.op))
	switch h.op {
	case opMemoryInit:
		w.out = append(appendU32(w.out, h.segment), 0)
	case opMemoryCopy:
		w.out = append(w.out, 0, 0)
	case opMemoryFill:
		w.out = append(w.out, 0)
	}
}

// chunks moves chunk by chunk, from the beginning or from the end.
func (w *writer) chunks(h helper, backwards bool) {
	w.out = append(w.out, opLoop, noType&0x7f)
	w.check(chunkCost)
	w.op(opLocalGet, bulkSize)
	w.chunk()
	w.out = append(w.out, opI32LeU, opIf, noType&0x7f)
	w.whole(h)
	w.out = append(w.out, opReturn, opEnd)
	if backwards {
		w.add(bulkSize, opI32Sub)
	}
	for _, local := range []uint32{bulkTo, bulkFrom} {
		w.op(opLocalGet, local)
		if backwards {
			w.op(opLocalGet, bulkSize)
			w.out = append(w.out, opI32Add)
		}
	}
	w.chunk()
	w.move(h)
	if !backwards {
		w.add(bulkTo, opI32Add)
		if h.op != opMemoryFill {
			w.add(bulkFrom, opI32Add)
		}
		w.add(bulkSize, opI32Sub)
	}
	w.out = append(w.out, opBr, 0, opEnd)
}

func (w *writer) chunk() { w.out = appendS32(append(w.out, opI32Const), bulkChunk) }

// add adds a chunk's size to a local, or takes it away.
func (w *writer) add(local uint32, op byte) {
	w.op(opLocalGet, local)
	w.chunk()
	w.out = append(w.out, op)
	w.op(opLocalSet, local)
}
