package automaton

import (
	"regexp/syntax"
	"slices"
)

// program is the instructions of all expressions of a set, one behind the
// other. Where an expression matches the argument is its place in the set.
type program struct {
	insts  []syntax.Inst
	starts []uint32 // one for each expression
	lines  bool     // an expression may begin with that of a line
}

func join(progs []*syntax.Prog) program {
	var p program
	for n, prog := range progs {
		base := uint32(len(p.insts))
		p.starts = append(p.starts, base+uint32(prog.Start))
		for _, inst := range prog.Inst {
			switch inst.Op {
			case syntax.InstAlt, syntax.InstAltMatch:
				inst.Arg += base
			case syntax.InstMatch:
				inst.Arg = uint32(n)
			case syntax.InstEmptyWidth:
				p.lines = p.lines || syntax.EmptyOp(inst.Arg)&syntax.EmptyBeginLine != 0
			}
			inst.Out += base
			p.insts = append(p.insts, inst)
		}
	}
	return p
}

// size is how many steps it takes at most to make a step of the table.
func (p *program) size() int { return len(p.insts) }

// A side is what of the character before a place expressions may look at.
type side uint8

const (
	other side = iota
	word
	newline
	begin // there is none
)

// runes are those that stand for each side.
var runes = [...]rune{other: ' ', word: 'a', newline: '\n', begin: -1}

func sideOf(r rune) side {
	switch {
	case r == '\n':
		return newline
	case syntax.IsWordChar(r):
		return word
	}
	return other
}

// none is no expression's place: it is larger than those.
const none = 1<<31 - 1

// builder makes states from states.
type builder struct {
	prog  *program
	here  set      // the places of a state, after its looks around
	there set      // those behind a character
	stack []uint32 // places that are still to be followed
}

func newBuilder(p *program) builder {
	return builder{prog: p, here: newSet(len(p.insts)), there: newSet(len(p.insts))}
}

// follow adds a place, and all to which it leads without a character, given
// what holds there. Of the instructions it keeps those that take a character
// and those that wait for what follows. It answers the first expression that
// matches there, or none.
func (b *builder) follow(set *set, pc uint32, holds syntax.EmptyOp) (match int) {
	match = none
	b.stack = append(b.stack[:0], pc)
	for len(b.stack) > 0 {
		pc := b.stack[len(b.stack)-1]
		b.stack = b.stack[:len(b.stack)-1]
		if !set.add(pc) {
			continue
		}
		switch inst := &b.prog.insts[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			b.stack = append(b.stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			b.stack = append(b.stack, inst.Out)
		case syntax.InstMatch:
			match = min(match, int(inst.Arg))
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^holds == 0 {
				b.stack = append(b.stack, inst.Out)
			}
		}
	}
	return match
}

// state is where matches may be, at a place of a text.
type state struct {
	places []uint32 // instructions that take a character, or wait for what follows; sorted
	before side     // what stands before, where one of them waits; else other
	match  int      // the first expression of which a match ends here, or has just ended
	facts  uint32   // dead, fresh
}

// looking are instructions that only the next character decides about. The
// others are decided when a state is made.
const looking = syntax.EmptyEndLine | syntax.EmptyEndText | syntax.EmptyWordBoundary | syntax.EmptyNoWordBoundary

// state is what there has, and the begin of each expression.
func (b *builder) state(before side, match int) state {
	s := state{match: match}
	s.places = b.keep(b.there.list, nil)
	old := len(b.there.list)
	if len(s.places) == 0 {
		s.facts |= fresh
	}
	holds := syntax.EmptyOpContext(runes[before], -2) &^ looking
	for _, pc := range b.prog.starts {
		s.match = min(s.match, b.follow(&b.there, pc, holds))
	}
	s.places = b.keep(b.there.list[old:], s.places)
	for _, pc := range s.places {
		if b.prog.insts[pc].Op == syntax.InstEmptyWidth {
			s.before = before
		}
	}
	if len(s.places) == 0 && !b.prog.lines {
		s.facts |= dead
	}
	slices.Sort(s.places)
	return s
}

// keep adds the instructions that take a character or wait for what follows.
func (b *builder) keep(list, places []uint32) []uint32 {
	for _, pc := range list {
		switch inst := &b.prog.insts[pc]; inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			places = append(places, pc)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&looking != 0 {
				places = append(places, pc)
			}
		}
	}
	return places
}

// next is the state behind a character, or at the end of the text where that
// is -1.
func (b *builder) next(s state, r rune) state {
	holds := syntax.EmptyOpContext(runes[s.before], r)
	match := none
	b.here.clear()
	for _, pc := range s.places {
		match = min(match, b.follow(&b.here, pc, holds))
	}
	b.there.clear()
	if r < 0 {
		return state{match: match, facts: dead}
	}
	before := sideOf(r)
	holds = syntax.EmptyOpContext(r, -2) &^ looking
	for _, pc := range b.here.list {
		switch inst := &b.prog.insts[pc]; inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if inst.MatchRune(r) {
				match = min(match, b.follow(&b.there, inst.Out, holds))
			}
		}
	}
	return b.state(before, match)
}

// set is a set of instructions that is cleared at once.
type set struct {
	list []uint32
	at   []uint32 // where in the list
}

func newSet(n int) set { return set{at: make([]uint32, n)} }

func (s *set) clear() { s.list = s.list[:0] }

// add tells whether the instruction was not there.
func (s *set) add(pc uint32) bool {
	if at := s.at[pc]; int(at) < len(s.list) && s.list[at] == pc {
		return false
	}
	s.at[pc] = uint32(len(s.list))
	s.list = append(s.list, pc)
	return true
}
