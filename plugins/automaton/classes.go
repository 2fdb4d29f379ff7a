package automaton

import (
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// classes tells the classes of characters. Those of a class are the same to
// each instruction. Rows of the table have a column for each class, behind two
// others.
type classes struct {
	ascii [256]uint16 // by byte; notASCII for those that begin or continue a longer character
	begin []rune      // of the intervals that lie outside of ASCII, too
	class []uint16    // of each interval
	runes []rune      // one of each class, by column
	end   uint32      // the column for the end of the text, the last one
}

// What else stands in a row.
const (
	notASCII = 0 // leads nowhere; holds the state's match
	facts    = 1 // holds what is known about the state
	columns  = 2
)

// mostClasses is how many columns a row may have.
const mostClasses = 1 << 14

// classify finds the classes, by splitting: at first all characters are one.
// Each instruction splits the classes of which it takes some and leaves some.
// It is false where they are too many.
func classify(p *program) (*classes, bool) {
	wanted := ranges(p)
	borders := []rune{0}
	for _, ranges := range wanted {
		for i := 0; i < len(ranges); i += 2 {
			borders = append(borders, ranges[i], ranges[i+1]+1)
		}
	}
	slices.Sort(borders)
	borders = slices.Compact(borders)
	ids := make([]int, len(borders))
	type half struct{ set, id int } // what a set has split off a class
	split := []half{{-1, 0}}        // by class
	for set, ranges := range wanted {
		for i := 0; i < len(ranges); i += 2 {
			n, _ := slices.BinarySearch(borders, ranges[i])
			for ; n < len(borders) && borders[n] <= ranges[i+1]; n++ {
				h := &split[ids[n]]
				if h.set != set {
					*h = half{set, len(split)}
					ids[n] = len(split)
					split = append(split, half{set, len(split)})
				} else {
					ids[n] = h.id
				}
			}
		}
	}
	c := &classes{begin: borders, class: make([]uint16, len(borders)), runes: make([]rune, columns)}
	column := map[int]uint16{}
	for n, id := range ids {
		if _, known := column[id]; !known {
			if len(c.runes) == mostClasses {
				return nil, false
			}
			column[id] = uint16(len(c.runes))
			c.runes = append(c.runes, borders[n])
		}
		c.class[n] = column[id]
	}
	for b := range rune(utf8.RuneSelf) {
		c.ascii[b] = uint16(c.of(b))
	}
	c.end = uint32(len(c.runes))
	c.runes = append(c.runes, -1)
	return c, true
}

// of is the class of a character.
func (c *classes) of(r rune) uint32 {
	low, high := 0, len(c.begin) // begin[low] <= r < begin[high]
	for low+1 < high {
		if middle := (low + high) / 2; c.begin[middle] <= r {
			low = middle
		} else {
			high = middle
		}
	}
	return uint32(c.class[low])
}

// next is the class of the next character of a text, or of its end, and its
// width in bytes.
func (c *classes) next(text []byte) (class uint32, width int) {
	if len(text) == 0 {
		return c.end, 0
	}
	if b := text[0]; b < utf8.RuneSelf {
		return uint32(c.ascii[b]), 1
	}
	r, width := utf8.DecodeRune(text)
	return c.of(r), width
}

// ranges are the sets of characters that a program tells apart, as pairs of a
// first and a last one, each set once.
func ranges(p *program) [][]rune {
	var all [][]rune
	known := map[uint64][]int{} // by a hash
	add := func(ranges []rune) {
		const prime = 1<<40 + 1<<8 + 0xb3
		var hash uint64
		for _, r := range ranges {
			hash = (hash ^ uint64(r)) * prime
		}
		if !slices.ContainsFunc(known[hash], func(n int) bool { return slices.Equal(all[n], ranges) }) {
			known[hash] = append(known[hash], len(all))
			all = append(all, ranges)
		}
	}
	for i := range p.insts {
		switch inst := &p.insts[i]; {
		case inst.Op == syntax.InstRuneAnyNotNL || inst.Op == syntax.InstEmptyWidth:
			add([]rune{'\n', '\n'})
			if inst.Op == syntax.InstEmptyWidth {
				add([]rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'})
			}
		case inst.Op != syntax.InstRune && inst.Op != syntax.InstRune1:
		case len(inst.Rune) == 1:
			forms := []rune{inst.Rune[0], inst.Rune[0]}
			if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
				for r := unicode.SimpleFold(inst.Rune[0]); r != inst.Rune[0]; r = unicode.SimpleFold(r) {
					forms = append(forms, r, r)
				}
			}
			add(forms)
		default:
			add(inst.Rune)
		}
	}
	return all
}
