package automaton

import "unicode/utf8"

// A step through the table has to wait for the one before it, some five cycles
// in which a processor could do more. So a long text is cut into four pieces that
// are read at once: the first from the state in which the walk is, the others
// from that in which no match has begun. Mostly that is right, or soon makes no
// difference: where the first piece ends, the walk goes on through the second
// one until it is in the state in which the second lane was at that place, and
// jumps to the lane's end.
//
//	text    an union of all: <scripts> | no scripts, no selects, …
//	walk    →→→→→→→→→→→→→→→→→→→→→→→→→→→ →→
//	lane 2                               →→→→→→→→→→→→→→→→→→→→→→→→→
//	                                       both are in the same state: jump
//
// Where a lane comes to a step that is notable or not known, or the states do
// not become the same, some work was for nothing; then the walk goes alone for a
// while.
const (
	lanes    = 4
	shortest = 64       // bytes of a piece with which it pays
	apart    = 64       // bytes after which the walk waits no longer for the same state
	alone    = 16 << 10 // bytes until the next attempt
)

// run goes on while the table knows the way and nothing is notable, up to a
// place in the text.
func (w *walk) run(to int) {
	for w.at >= w.alone && to-w.at >= lanes*shortest {
		if !w.inLanes((to - w.at) / lanes) {
			w.alone = w.at + alone
		}
	}
	w.runAlone(to)
}

func (w *walk) runAlone(to int) {
	w.at, w.state = w.table.run(w.text, w.at, to, w.state, w.set.classes)
}

// inLanes goes on through pieces of a size. It is false where not all lanes
// came to their ends, and the walk to that of the last one.
func (w *walk) inLanes(size int) bool {
	begin := w.at
	states := [lanes]uint32{w.state}
	for n := 1; n < lanes; n++ {
		before := w.text[begin+n*size-1]
		if before >= utf8.RuneSelf {
			return false
		}
		t, state, ok := w.set.start(sideOf(rune(before)))
		if !ok || t.generation != w.table.generation || t.match(state) != none || t.is(state, dead) {
			return false
		}
		w.table, states[n] = t, state
	}
	starts := states
	ran := w.table.runLanes(w.text[begin:], 0, size, &states, &w.set.classes.ascii)
	for ran < size && w.learn(begin+ran, size, &states) {
		ran = w.table.runLanes(w.text[begin:], ran, size, &states, &w.set.classes.ascii)
	}
	w.at, w.state = begin+ran, states[0]
	for n := 1; n < lanes; n++ {
		piece := begin + n*size
		if w.runAlone(piece); w.at != piece || !w.meet(starts[n], piece+min(ran, apart)) {
			return false
		}
		w.at, w.state = piece+ran, states[n]
	}
	return ran == size
}

// learn makes the steps on which lanes wait, each at a place of its piece. It is
// false where they wait for something else.
func (w *walk) learn(at, size int, states *[lanes]uint32) (learned bool) {
	for n, state := range states {
		class := uint32(w.set.classes.ascii[w.text[at+n*size]])
		if class == notASCII || w.table.steps[state+class].Load() != unknown {
			continue
		}
		t, _, ok := w.extend(state, class)
		if !ok || t.generation != w.table.generation {
			return false
		}
		w.table, learned = t, true
	}
	return learned
}

// meet goes on until it is in the same state as a lane that has begun here in a
// state. It is false where that does not happen up to a place.
func (w *walk) meet(lane uint32, to int) bool {
	for w.state != lane {
		if w.at == to {
			return false
		}
		class := uint32(w.set.classes.ascii[w.text[w.at]])
		next := w.table.steps[w.state+class].Load()
		if next >= notable {
			return false
		}
		w.state, lane = next, w.table.steps[lane+class].Load()
		w.at++
	}
	return true
}
