package automaton

import "unicode/utf8"

// walk is a search on its way through a text.
type walk struct {
	set   *Set
	text  []byte
	clock Clock
	from  int    // where in the text it began
	at    int    // where it is
	table *table // of the set, some time ago
	state uint32 // the begin of its row
	goes  bool   // neither is it at its end, nor is it known that nothing will match
	lost  bool   // it has given up
	alone int    // up to where it does without lanes
	told  int    // up to where the clock knows
	built int    // steps that the table did not have
}

// A walk tells its clock after so many bytes, and so many bytes of text for
// which the table has the steps take as long as one step that it has to make.
const (
	stretch      = 32 << 10
	bytesPerStep = 4
)

// patience is how many steps a walk may make before it gives up, beside one for
// worth bytes of text.
const (
	patience = 2000
	worth    = 10
)

// walk begins a search at a place of a text.
func (s *Set) walk(text []byte, from int, clock Clock) walk {
	before := begin
	if from > 0 {
		r, _ := utf8.DecodeLastRune(text[:from])
		before = sideOf(r)
	}
	w := walk{set: s, text: text, clock: clock, from: from, at: from, told: from}
	w.table, w.state, w.goes = s.start(before)
	w.lost = !w.goes
	return w
}

// match is the first expression of which a match ends where the walk is.
func (w *walk) match() int {
	if w.lost {
		return none
	}
	return w.table.match(w.state)
}

// on goes on to a notable state, to the end of the text, or up to a place before
// that, whichever comes first.
func (w *walk) on(to int) {
	if w.goes = w.goes && !w.table.is(w.state, dead); !w.goes {
		return
	}
	for {
		stop := min(to, len(w.text), w.told+stretch)
		w.run(stop)
		if w.at >= stop && w.at < len(w.text) {
			if w.at >= to {
				return
			}
			w.tell()
			continue
		}
		class, width := w.set.classes.next(w.text[w.at:])
		next := w.table.steps[w.state+class].Load()
		if next == unknown {
			t, made, ok := w.extend(w.state, class)
			if !ok {
				w.goes, w.lost = false, true
				return
			}
			w.table, next = t, made
		}
		w.state = next &^ notable
		w.at += width
		if width == 0 {
			w.goes = false
			return
		}
		if next&notable != 0 {
			return
		}
	}
}

// tell tells the clock.
func (w *walk) tell() {
	w.clock.Spend((w.at - w.told) / bytesPerStep)
	w.told = w.at
}

// extend has the table make a step. It is false where the walk has to give up.
func (w *walk) extend(state, class uint32) (t *table, next uint32, ok bool) {
	w.clock.Spend(w.set.prog.size())
	if w.built++; w.built > patience+(w.at-w.from)/worth {
		return nil, 0, false
	}
	return w.set.extend(w.table, state, class)
}
