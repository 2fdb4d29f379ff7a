package meter

import "slices"

// refill asks the host for more steps.
//
// The locals given are kept in globals meanwhile. To the compiler they do not
// live through the call then: else it would write each of them to the stack
// whenever it changes, in every pass of a loop that makes the call once in ten
// thousand. For the same reason a branch back to a loop follows the call at
// once, so that the two ways need not meet before.
func (w *writer) refill(locals []uint32) {
	globals := w.keep(locals)
	w.op(opCall, uint32(w.imported))
	if w.tight {
		w.op(opLocalSet, w.steps)
	} else {
		w.op(opGlobalSet, w.stepsGlobal)
	}
	for i, global := range globals {
		w.op(opGlobalGet, global)
		w.op(opLocalSet, locals[i])
	}
}

// Only a short loop is worth keeping locals for, of which it has few then.
const (
	maxTight = 4 << 10 // bytes
	maxKept  = 100
)

// kept are the locals that are worth keeping for what runs again.
func (w *writer) kept(again stretch) []uint32 {
	if w.keeping == 0 || again.end-again.start > maxTight || !again.tight(w.counting) {
		return nil
	}
	return w.plan.mentioned(again)
}

// keptBy are the locals that are worth keeping for what runs again in a loop.
func (w *writer) keptBy(l *loop) (locals []uint32) {
	first, _ := slices.BinarySearchFunc(w.plan.back, l.start, func(b back, at int) int { return b.at - at })
	for _, b := range w.plan.back[first:] {
		if b.at >= l.end {
			break
		}
		locals = append(locals, w.kept(b.again)...)
	}
	slices.Sort(locals)
	return slices.Compact(locals)
}

// keep puts locals into globals and answers which. References are not kept:
// in a global they would live on.
func (w *writer) keep(locals []uint32) (globals []uint32) {
	const each = 12 // bytes, about
	if len(locals) > maxKept || len(locals)*each > w.keeping {
		w.keeping = 0
		return nil
	}
	w.keeping -= len(locals) * each
	var used [256]int
	for _, local := range locals {
		typ := w.locals[local]
		if typ < typeV128 {
			return nil
		}
		global := w.scratchGlobal(typ, used[typ])
		used[typ]++
		globals = append(globals, global)
		w.op(opLocalGet, local)
		w.op(opGlobalSet, global)
	}
	return globals
}
