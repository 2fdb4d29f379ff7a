package host

import (
	"bytes"
	"io"
	"regexp"
	"time"
	"unicode/utf8"

	"phasm/plugins/automaton"
)

// Whether a text matches the expression's automaton tells, and about where a
// match begins; the rest is package regexp's, and everything where the automaton
// gives up.
//
// How that match is kept from taking more than the call may: package regexp knows
// no deadline, and its worst case is an instruction for each of the
// expression's and each byte of the text, some 5 to 10 ns. Where that is over
// within directly many it gets the text as it is, and takes its fastest way.
// Where it is more it gets the text rune by rune from a reader, which looks at
// the clock now and then and stops the guest there.

const (
	directly = 256 << 10 // instructions; up to here package regexp backtracks, with a bit for each
	perLook  = 100_000   // instructions from one look at the clock to the next
)

// matching is what a call needs to match.
type matching struct {
	reader runes
	spent  int    // instructions since the last look
	match  [2]int // of a literal
	parts  []part
	lost   bool // the automaton has given up in this call
}

// runes reads a text rune by rune, and looks at the clock on the way.
type runes struct {
	call *Call
	text []byte
	at   int
	cost int // of a rune, in instructions
}

// ReadRune implements io.RuneReader.
func (r *runes) ReadRune() (rune, int, error) {
	if r.at == len(r.text) {
		return 0, 0, io.EOF
	}
	if m := &r.call.matching; m.spent > perLook {
		m.spent = 0
		r.call.pause()
	}
	r.call.matching.spent += r.cost
	if b := r.text[r.at]; b < utf8.RuneSelf {
		r.at++
		return rune(b), 1, nil
	}
	char, width := utf8.DecodeRune(r.text[r.at:])
	r.at += width
	return char, width, nil
}

// read makes the text readable.
func (c *Call) read(text []byte, cost int) io.RuneReader {
	c.matching.reader = runes{c, text, 0, cost}
	return &c.matching.reader
}

// spend notes work that is about to be done, and looks at the clock where it is
// much.
func (c *Call) spend(instructions int) {
	if c.matching.spent += instructions; c.matching.spent > perLook {
		c.matching.spent = 0
		c.pause()
	}
	c.Budget.dear += time.Duration(instructions) * perInstruction
}

// clock is the call's for an automaton.
type clock struct{ *Call }

// Spend implements automaton.Clock.
func (c clock) Spend(steps int) { c.spend(steps) }

// automaton is that of an expression, or nil. It is made at the first match.
func (c *Call) automaton(x *regex) *automaton.Set {
	x.once.Do(func() { x.table = automaton.New(c.Plugin.regexes.memory, x.prog) })
	return x.table
}

// matches tells whether the text matches.
func (c *Call) matches(x *regex, text []byte) bool {
	if x.literal != "" {
		places := c.places(x.literal, text)
		return places.next() >= 0
	}
	if !c.possible(x, text) {
		return false
	}
	if a := c.automaton(x); a != nil {
		if n, known := a.Match(text, clock{c}); known {
			return n == 0
		}
	}
	if len(text) > directly/x.size {
		return x.re.MatchReader(c.read(text, x.size))
	}
	c.spend(x.size * len(text))
	return x.re.Match(text)
}

// find is the first match at or behind a place, or nil. The caller owns it.
func (c *Call) find(x *regex, text []byte, from int) []int {
	from, ok := c.skip(x, text, from)
	if !ok {
		return nil
	}
	re, begin, groups := x.re, from, 0
	if from > 0 && x.behind != nil {
		_, width := utf8.DecodeLastRune(text[:from])
		re, begin, groups = x.behind, from-width, 2
	}
	match := c.submatch(re, text[begin:], x.weight)
	if match == nil {
		return nil
	}
	match = match[groups:]
	for i := range match {
		if match[i] >= 0 {
			match[i] += begin
		}
	}
	return match
}

// skip goes on to where the first match may begin. It is false where there is
// none.
func (c *Call) skip(x *regex, text []byte, from int) (at int, ok bool) {
	if prefix, _ := x.re.LiteralPrefix(); prefix != "" && x.behind == nil {
		n := bytes.Index(text[from:], bytesOf(prefix))
		return from + n, n >= 0
	}
	a := c.automaton(x)
	if a == nil || c.matching.lost {
		return from, true
	}
	at, found, known := a.Skip(text, from, clock{c})
	if !known {
		c.matching.lost = true
		return from, true
	}
	return at, found
}

func (c *Call) submatch(re *regexp.Regexp, text []byte, weight int) []int {
	if len(text) > directly/weight {
		return re.FindReaderSubmatchIndex(c.read(text, weight))
	}
	c.spend(weight * len(text))
	return re.FindSubmatchIndex(text)
}

// each goes through the matches that do not overlap, at most so many (all,
// where limit is negative), while yield says so. As in Go an empty match that
// follows another one immediately is none. A match is valid until the next.
func (c *Call) each(x *regex, text []byte, limit int, yield func(match []int) bool) {
	if limit == 0 {
		return
	}
	if x.literal != "" {
		match := c.matching.match[:]
		places := c.places(x.literal, text)
		for ; limit != 0; limit-- {
			match[0] = places.next()
			match[1] = match[0] + len(x.literal)
			if match[0] < 0 || !yield(match) {
				return
			}
		}
		return
	}
	if !c.possible(x, text) {
		return
	}
	c.matching.lost = false
	for from, last, n := 0, -1, 0; from <= len(text); {
		match := c.find(x, text, from)
		if match == nil {
			return
		}
		c.spend(8 * len(match))
		empty := match[1] == from
		if !empty || match[0] != last {
			if !yield(match) {
				return
			}
			if n++; n == limit {
				return
			}
		}
		last = match[1]
		if from = match[1]; empty {
			_, width := utf8.DecodeRune(text[from:])
			from += max(1, width)
		}
	}
}
