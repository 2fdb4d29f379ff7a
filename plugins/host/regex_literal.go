package host

import (
	"bytes"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Most texts that a firewall sees do not match, and most expressions need some
// word: (?i)union.*select matches nothing that has no "union" in it, whatever
// the case. Looking for a word is some hundred times faster than matching, so
// that is done first.

// literal is a text that has to occur. Where fold is set it is in lower case
// and the case does not count.
type literal struct {
	text string
	fold bool
	rare int // which of its bytes to look for
}

const (
	maxLiteral  = 16 // bytes
	maxLiterals = 8
)

// literalsOf finds texts one of which is in everything that the expression
// matches; nil where there are none.
func literalsOf(tree *syntax.Regexp) []literal {
	switch tree.Op {
	case syntax.OpLiteral:
		return literalOf(tree.Rune, tree.Flags&syntax.FoldCase != 0)
	case syntax.OpCapture, syntax.OpPlus:
		return literalsOf(tree.Sub[0])
	case syntax.OpConcat:
		var best []literal
		for _, sub := range tree.Sub {
			if found := literalsOf(sub); shortest(found) > shortest(best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range tree.Sub {
			found := literalsOf(sub)
			if found == nil || len(all)+len(found) > maxLiterals {
				return nil
			}
			all = append(all, found...)
		}
		return all
	}
	return nil
}

func shortest(literals []literal) int {
	if len(literals) == 0 {
		return 0
	}
	n := maxLiteral
	for _, l := range literals {
		n = min(n, len(l.text))
	}
	return n
}

// literalOf is the longest piece of a literal that is fit for a search by
// bytes. Where case does not count that ends at letters outside of ASCII and
// at k and s, which have a third form there: the Kelvin sign and the long s.
func literalOf(runes []rune, fold bool) []literal {
	var best, piece []byte
	for _, r := range runes {
		switch {
		case r == utf8.RuneError: // also matches bytes that are not UTF-8
			piece = nil
			continue
		case fold && (r >= utf8.RuneSelf || strings.ContainsRune("kKsS", r)):
			piece = nil
			continue
		case fold && 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		}
		piece = utf8.AppendRune(piece, r)
		if len(piece) > maxLiteral {
			break
		}
		if len(piece) > len(best) {
			best = piece
		}
	}
	if len(best) == 0 {
		return nil
	}
	l := literal{text: string(best), fold: fold}
	for i := range best {
		if rarity(best[i]) > rarity(best[l.rare]) {
			l.rare = i
		}
	}
	return []literal{l}
}

// rarity is higher for what is rarer in texts.
func rarity(b byte) int {
	const frequent = "zqxjkvbpygfwmucldrhsnioate "
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	if i := strings.IndexByte(frequent, b); i >= 0 {
		return -i
	}
	return 1
}

// possible tells whether the text may match: false where a text that has to
// occur does not.
func (c *Call) possible(x *regex, text []byte) bool {
	if len(x.literals) == 0 {
		return true
	}
	const window = 64 << 10
	for begin := 0; ; begin += window {
		end := min(len(text), begin+window+maxLiteral)
		for i := range x.literals {
			if x.literals[i].in(text[begin:end]) {
				return true
			}
		}
		if end == len(text) {
			return false
		}
		c.pause()
	}
}

// in tells whether the literal occurs in a text.
func (l *literal) in(text []byte) bool {
	if !l.fold {
		return bytes.Contains(text, bytesOf(l.text))
	}
	// The two forms of the rare byte have a next place each: to look for both
	// anew each time would take the square of the time where one is rare.
	lower := l.text[l.rare]
	upper := lower
	if 'a' <= lower && lower <= 'z' {
		upper -= 'a' - 'A'
	}
	next := func(b byte, from int) int {
		if i := bytes.IndexByte(text[from:], b); i >= 0 {
			return from + i
		}
		return len(text)
	}
	at := next(lower, 0)
	other := len(text)
	if upper != lower {
		other = next(upper, 0)
	}
	for at < len(text) || other < len(text) {
		here := min(at, other)
		if begin := here - l.rare; begin >= 0 && begin+len(l.text) <= len(text) && equalLower(text[begin:begin+len(l.text)], l.text) {
			return true
		}
		if here == at {
			at = next(lower, here+1)
		} else {
			other = next(upper, here+1)
		}
	}
	return false
}

// equalLower tells whether b is a lower-case text, whatever the case of its
// ASCII letters.
func equalLower(b []byte, lower string) bool {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
