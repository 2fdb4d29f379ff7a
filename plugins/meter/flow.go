package meter

import "slices"

// flow is what is known of the ways through a function's pieces. The root is the
// table that the function begins at, its number theirs in all.
type flow struct {
	pieces     []piece
	entries    []bool  // those that the root leads to
	before     [][]int // of each piece, those that lead to it
	walk       []int   // in the order of a walk: reverse postorder
	order      []int   // of each piece its place in that; -1 where no way leads there
	dominators []int   // of each piece the last that all ways to it come by
	children   [][]int // of each piece, and the root, those that have it for that
	loops      []bool  // of each piece whether one that it dominates leads back to it
	effort     int     // what may yet be spent
}

// flowEffort is what may be spent on a module: what a function takes can grow with
// the square of its pieces.
const flowEffort = 1 << 26

// find finds all that, and answers whether a function could do with fewer ways from
// the root.
func (f *flow) find(pieces []piece) bool {
	n := len(pieces)
	f.pieces, f.entries = pieces, make([]bool, n+1)
	f.entries[0] = true
	for i := range pieces {
		p := &pieces[i]
		f.entries[i] = f.entries[i] || p.called || p.selected
		f.entries[i+1] = f.entries[i+1] || p.calls
		if p.selected {
			f.next(i, func(to int) { f.entries[to] = true })
		}
	}
	for more := true; more; {
		f.visit()
		f.dominate()
		if more = f.lead(); f.effort < 0 {
			return false
		}
	}
	f.children = make([][]int, n+1)
	for _, i := range f.walk {
		d := f.dominators[i]
		f.children[d] = append(f.children[d], i)
	}
	return len(f.children[n]) < n || slices.Contains(f.loops, true)
}

// next calls see with all pieces that one leads to.
func (f *flow) next(piece int, see func(to int)) {
	p := &f.pieces[piece]
	f.effort -= 1 + len(p.exits)
	for _, e := range p.exits {
		if e.outer == 0 {
			see(e.to)
		}
	}
	if p.falls && piece+1 < len(f.pieces) {
		see(piece + 1)
	}
}

// visit walks through the function.
func (f *flow) visit() {
	n := len(f.pieces)
	f.before, f.order, f.walk = make([][]int, n), slices.Repeat([]int{-1}, n), f.walk[:0]
	var visit func(piece int)
	visit = func(piece int) {
		f.order[piece] = n
		f.next(piece, func(to int) {
			f.before[to] = append(f.before[to], piece)
			if f.order[to] < 0 {
				visit(to)
			}
		})
		f.walk = append(f.walk, piece)
	}
	for i := n - 1; i >= 0; i-- {
		if f.entries[i] && f.order[i] < 0 {
			visit(i)
		}
	}
	for i := range n {
		if f.order[i] < 0 && f.pieces[i].code.start < f.pieces[i].code.end { // it is kept, whatever it is for
			f.entries[i] = true
			visit(i)
		}
	}
	for i := range n {
		if f.entries[i] {
			f.before[i] = append(f.before[i], n)
		}
	}
	slices.Reverse(f.walk)
	for i, piece := range f.walk {
		f.order[piece] = i
	}
}

// dominate finds what all ways to each piece come by, as Cooper, Harvey and Kennedy
// do in "A Simple, Fast Dominance Algorithm" (2001).
func (f *flow) dominate() {
	f.dominators = slices.Repeat([]int{-1}, len(f.pieces))
	for changed := true; changed && f.effort >= 0; {
		changed = false
		for _, piece := range f.walk {
			common := -1
			for _, b := range f.before[piece] {
				switch {
				case b < len(f.pieces) && f.dominators[b] < 0: // not known yet
				case common < 0:
					common = b
				default:
					common = f.common(common, b)
				}
			}
			if f.dominators[piece] != common {
				f.dominators[piece], changed = common, true
			}
			f.effort -= 1 + len(f.before[piece])
		}
	}
}

// common is the last that all ways to either of two pieces come by, unless that is
// too dear to find out.
func (f *flow) common(a, b int) int {
	place := func(piece int) int {
		if piece == len(f.pieces) {
			return -1
		}
		return f.order[piece]
	}
	for ; a != b && f.effort >= 0; f.effort-- {
		if place(a) > place(b) {
			a = f.dominators[a]
		} else {
			b = f.dominators[b]
		}
	}
	return a
}

// lead finds the loops. One that has several heads cannot be written as such: the
// root leads to these from now on, and lead answers true.
func (f *flow) lead() (more bool) {
	f.loops = make([]bool, len(f.pieces))
	for _, from := range f.walk {
		f.next(from, func(to int) {
			switch {
			case f.order[to] > f.order[from]:
			case f.common(to, from) == to:
				f.loops[to] = true
			case !f.entries[to] && f.dominators[to] < len(f.pieces):
				f.entries[to], more = true, true
			}
		})
	}
	return more
}
