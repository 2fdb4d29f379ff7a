package router

// Params holds what a match took out of the path: the values of the pattern's
// wildcards, in the pattern's order. Its zero value is ready for use, and using
// it again for the next request allocates nothing.
//
// Values alias the path given to Match: they are valid for as long as the
// caller leaves that path unchanged, and no longer than the next Match or Reset.
// Params is not safe for concurrent use.
type Params struct {
	names   []string // the pattern's, shared and never written
	values  [][]byte
	rest    []byte
	hasRest bool
}

// Reset forgets the last match and keeps the memory. On a nil Params it does
// nothing.
func (p *Params) Reset() {
	if p == nil {
		return
	}
	p.names, p.values = nil, p.values[:0]
	p.rest, p.hasRest = nil, false
}

// Len returns the number of named wildcards.
func (p *Params) Len() int { return len(p.names) }

// Name returns the name of wildcard i, counted from 0. It panics unless
// 0 <= i < Len.
func (p *Params) Name(i int) string { return p.names[i] }

// Value returns the value of wildcard i, counted from 0. It panics unless
// 0 <= i < Len.
func (p *Params) Value(i int) []byte { return p.values[i] }

// Get returns the value of the wildcard of that name, and whether the pattern
// has one. A {name...} may have an empty value.
func (p *Params) Get(name string) ([]byte, bool) {
	for i, n := range p.names {
		if n == name {
			return p.values[i], true
		}
	}
	return nil, false
}

// Rest returns what the end of the pattern left open: the value of {name...},
// or of the nameless wildcard that a trailing slash is. It has no leading slash.
// The second result tells whether the pattern ends in either.
func (p *Params) Rest() ([]byte, bool) { return p.rest, p.hasRest }

// A search fills Params with these. It has none when only the pattern is wanted.

func (p *Params) setNames(names []string) {
	if p != nil {
		p.names = names
	}
}

func (p *Params) push(value []byte) {
	if p != nil {
		p.values = append(p.values, value)
	}
}

func (p *Params) pop() {
	if p != nil {
		p.values = p.values[:len(p.values)-1]
	}
}

func (p *Params) setRest(value []byte, named bool) {
	if p == nil {
		return
	}
	p.rest, p.hasRest = value, true
	if named {
		p.push(value)
	}
}
