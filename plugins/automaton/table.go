package automaton

import (
	"encoding/binary"
	"sync/atomic"
)

// table leads from a state and a class to the next state. A state is known by
// where its row begins. Readers take no lock: a step is written once, and where
// the table has to grow there is a new one, of the same generation.
type table struct {
	steps []atomic.Uint32
	*generation
}

// What is no row's begin.
const (
	notable = 1 << 31   // with the begin of a row: its state has a match, or is dead
	unknown = 1<<32 - 1 // nobody has made that step yet
)

// Facts about a state.
const (
	dead  = 1 << iota // nothing matches from there on
	fresh             // no match has begun before
)

// match is the first expression of which a match ends at a state, or none.
func (t *table) match(at uint32) int { return int(t.steps[at+notASCII].Load() &^ notable) }

func (t *table) is(at, fact uint32) bool { return t.steps[at+facts].Load()&fact != 0 }

// run goes on from a state at a place of a text, until it is at another place or
// behind it, the table does not know the way, or what comes is notable.
func (t *table) run(text []byte, i, to int, at uint32, c *classes) (int, uint32) {
	steps := t.steps
	for i < to {
		class := uint32(c.ascii[text[i]])
		next := steps[at+class].Load()
		if next < notable {
			at = next
			i++
			continue
		}
		if class != notASCII {
			break
		}
		class, width := c.next(text[i:])
		if next = steps[at+class].Load(); next >= notable {
			break
		}
		at = next
		i += width
	}
	return i, at
}

// runLanes runs through pieces of a text at once, each of so many bytes and from
// a state of its own, until one of them comes to a step that run does not take.
// So many bytes of each have been run through, before and afterwards.
func (t *table) runLanes(text []byte, ran, size int, states *[lanes]uint32, ascii *[256]uint16) int {
	steps := t.steps
	ta, tb, tc, td := text[:size], text[size:2*size], text[2*size:3*size], text[3*size:4*size]
	a, b, c, d := states[0], states[1], states[2], states[3]
	for ran < len(ta) && ran < len(tb) && ran < len(tc) && ran < len(td) {
		na, nb := steps[a+uint32(ascii[ta[ran]])].Load(), steps[b+uint32(ascii[tb[ran]])].Load()
		nc, nd := steps[c+uint32(ascii[tc[ran]])].Load(), steps[d+uint32(ascii[td[ran]])].Load()
		if na|nb|nc|nd >= notable {
			break
		}
		a, b, c, d = na, nb, nc, nd
		ran++
	}
	*states = [lanes]uint32{a, b, c, d}
	return ran
}

// generation is the states that have the same numbers. All but memory is under
// the lock of the set.
type generation struct {
	states []state
	rows   map[string]uint32 // by the state's key
	memory int               // what it has taken
	starts [begin + 1]atomic.Uint32
}

// Memory is what tables may take that share it.
type Memory struct{ left atomic.Int64 }

// NewMemory makes memory of so many bytes.
func NewMemory(bytes int) *Memory {
	m := &Memory{}
	m.left.Store(int64(bytes))
	return m
}

func (m *Memory) take(bytes int) bool {
	if m.left.Add(-int64(bytes)) >= 0 {
		return true
	}
	m.give(bytes)
	return false
}

func (m *Memory) give(bytes int) { m.left.Add(int64(bytes)) }

// Bounds of a table.
const (
	mostMemory  = 1 << 20 // bytes
	fewestRows  = 8       // that the first table has room for
	fewestKept  = 16      // states with which it pays to begin anew
	stateMemory = 200     // bytes of a state beside its places and its row
)

// start is the table, and its state at a place where no match has begun yet.
func (s *Set) start(before side) (t *table, at uint32, ok bool) {
	if t = s.table.Load(); t != nil {
		// A start that somebody has just made may lie beyond a table that had to
		// grow for it.
		if at = t.starts[before].Load(); at != unknown && int(at) < len(t.steps) {
			return t, at, true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.build.there.clear()
	if at, ok = s.intern(s.build.state(before, none)); !ok {
		return nil, 0, false
	}
	t = s.table.Load()
	t.starts[before].Store(at &^ notable)
	return t, at &^ notable, true
}

// extend makes the step from a state of a table by a class, and answers the
// table in which it leads somewhere. It is false where there is no room.
func (s *Set) extend(t *table, at, class uint32) (_ *table, next uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := t.states[at/s.stride]
	if now := s.table.Load(); now.generation != t.generation {
		if at, ok = s.intern(from); !ok {
			return nil, 0, false
		}
		at &^= notable
	}
	t = s.table.Load()
	if next = t.steps[at+class].Load(); next != unknown {
		return t, next, true
	}
	if next, ok = s.intern(s.build.next(from, s.classes.runes[class])); !ok {
		return nil, 0, false
	}
	now := s.table.Load()
	if now.generation == t.generation {
		now.steps[at+class].Store(next)
	}
	return now, next, true
}

// intern is where a state's row begins, with notable where it is that. If need
// be it makes the row: in the table of now, in a larger one, or in one that
// holds nothing else, where there is no more room.
func (s *Set) intern(x state) (at uint32, ok bool) {
	key := x.key()
	if t := s.table.Load(); t != nil {
		if at, known := t.rows[key]; known {
			return at, true
		}
		if at, ok := s.add(t, key, x); ok {
			return at, true
		}
		if len(t.states) < fewestKept {
			return 0, false
		}
		s.memory.give(t.memory)
	}
	t := &table{generation: &generation{rows: map[string]uint32{}}}
	for i := range t.starts {
		t.starts[i].Store(unknown)
	}
	return s.add(t, key, x)
}

// add adds a state's row to a table.
func (s *Set) add(t *table, key string, x state) (at uint32, ok bool) {
	n := len(t.states)
	rows := len(t.steps) / int(s.stride)
	need := stateMemory + 2*len(key)
	if n == rows {
		rows = max(fewestRows, 2*n)
		need += 4 * (rows - n) * int(s.stride)
	}
	if t.memory+need > mostMemory || !s.memory.take(need) {
		return 0, false
	}
	t.memory += need
	if n*int(s.stride) == len(t.steps) {
		larger := &table{make([]atomic.Uint32, rows*int(s.stride)), t.generation}
		for i := range t.steps {
			larger.steps[i].Store(t.steps[i].Load())
		}
		for i := len(t.steps); i < len(larger.steps); i++ {
			larger.steps[i].Store(unknown)
		}
		t = larger
	}
	at = uint32(n) * s.stride
	t.steps[at+notASCII].Store(notable | uint32(x.match))
	t.steps[at+facts].Store(x.facts)
	t.states = append(t.states, x)
	if x.match != none || x.facts&dead != 0 {
		t.rows[key] = at | notable
	} else {
		t.rows[key] = at
	}
	s.table.Store(t)
	return t.rows[key], true
}

// key tells states apart.
func (x *state) key() string {
	b := make([]byte, 0, 6+4*len(x.places))
	b = append(b, byte(x.before), byte(x.facts))
	b = binary.LittleEndian.AppendUint32(b, uint32(x.match))
	for _, place := range x.places {
		b = binary.LittleEndian.AppendUint32(b, place)
	}
	return string(b)
}
