// Package automaton tells which of several regular expressions match a text, in
// one pass over it that takes one to two nanoseconds a byte, however many
// expressions there are. Package regexp needs some tens of nanoseconds for each
// byte and expression.
//
// It does so with a finite automaton that is made while texts are read, as RE2
// does it. A state of the automaton stands for all the places in the
// expressions where a match may be at that point of the text; from each state a
// table leads to the next one, by the class of the next character. Characters
// that no expression tells apart are one class, so a row of the table is short.
//
//	expressions  ab, b+c     classes  a, b, c, all others
//	state        all others  a       b       c
//	0 {·ab ·b+c}  0          1       2       0
//	1 {·ab a·b ·b+c}  0      1       3       0    3: ab has matched
//	2 {·ab ·b+c b·+c}  0     1       2       4    4: b+c has matched
//
// A state or a step that a text needs and no text before has needed is made on
// the way, under a lock; all others are read without one. There may be
// exponentially many, so the automaton has a bound: where it is reached all
// states are forgotten, and a search for which that does not pay gives up. The
// caller then asks package regexp. So the time of a search stays linear in its
// text, whatever the expressions and the text.
//
// What matches is exactly what package regexp says, with regard to invalid
// UTF-8, too: each byte of that is a U+FFFD.
package automaton

import (
	"regexp/syntax"
	"sync"
	"sync/atomic"
)

// Set is some regular expressions that are matched together. It is safe for
// concurrent use.
type Set struct {
	prog    program
	classes *classes
	stride  uint32                // of the table's rows
	table   atomic.Pointer[table] // nil until the first search

	mu     sync.Mutex // over what changes the table
	memory *Memory
	build  builder
}

// New makes a set of programs. The one that matches is known by its place among
// them. The memory is that of the table, and may be shared by several sets. It
// is nil where the programs tell too many characters apart for a table.
func New(memory *Memory, progs ...*syntax.Prog) *Set {
	s := &Set{memory: memory, prog: join(progs)}
	var ok bool
	if s.classes, ok = classify(&s.prog); !ok {
		return nil
	}
	s.stride = s.classes.end + 1
	s.build = newBuilder(&s.prog)
	return s
}

// Clock is told how much a search computes. It may stop the search by a panic.
type Clock interface {
	// Spend notes steps, each of which took some nanoseconds.
	Spend(steps int)
}

// Match is the first of the expressions, in the order of the set, that matches
// anywhere in the text, or -1. It is not known where the search has given up:
// the table would have grown too large.
func (s *Set) Match(text []byte, clock Clock) (index int, known bool) {
	best := none
	w := s.walk(text, 0, clock)
	for w.goes && best > 0 {
		best = min(best, w.match())
		w.on(len(text))
	}
	w.tell()
	switch best = min(best, w.match()); {
	case w.lost:
		return 0, false
	case best == none:
		return -1, true
	}
	return best, true
}

// Skip is a place before which no match begins at or behind from, and whether
// there is a match at all. It is for package regexp to go on from there, and
// some bytes before the match. Like Match it may not be known.
func (s *Set) Skip(text []byte, from int, clock Clock) (at int, found, known bool) {
	const stride = 64 // bytes between looks whether a match may have begun
	at = from
	w := s.walk(text, from, clock)
	for w.goes && w.match() == none {
		if w.table.is(w.state, fresh) {
			at = w.at
		}
		w.on(w.at + stride)
	}
	w.tell()
	return at, w.match() != none, !w.lost
}
