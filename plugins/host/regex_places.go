package host

import (
	"bytes"
	"slices"
)

// An expression that is a plain word needs no matching: its matches are the
// places of its bytes. In UTF-8 no character begins in the middle of another
// one, so that holds for texts that are not UTF-8, too.

// The clock is told after so much of a text, in bytes, and so many places: neither
// takes more than some hundred microseconds.
const (
	stretch    = 32 << 10
	manyPlaces = 1 << 10
)

// What it is told, in instructions.
const (
	bytesPerInstruction  = 8
	instructionsPerPlace = 4
)

// places are where a word begins in a text, without those that overlap with one
// before.
type places struct {
	call  *Call
	word  []byte
	text  []byte
	from  int // where to look next
	end   int // of what is looked through next
	told  int // up to where the clock knows
	found int // places since then
}

func (c *Call) places(word string, text []byte) places {
	return places{call: c, word: bytesOf(word), text: text, end: min(stretch, len(text))}
}

// next is the next place, or -1.
func (p *places) next() int {
	for {
		if at := bytes.Index(p.text[p.from:p.end], p.word); at >= 0 {
			at += p.from
			p.from = at + len(p.word)
			if p.found++; p.found == manyPlaces {
				p.tell()
			}
			return at
		}
		if p.end == len(p.text) {
			p.from = p.end
			p.tell()
			return -1
		}
		p.from = max(p.from, p.end-len(p.word)+1) // of one that ends beyond
		p.end = min(p.from+len(p.word)+stretch, len(p.text))
		p.tell()
	}
}

// tell tells the clock what was done.
func (p *places) tell() {
	p.call.spend((p.from-p.told)/bytesPerInstruction + p.found*instructionsPerPlace)
	p.told, p.found = p.from, 0
}

// replaceWord appends a text with a word replaced at its places, as replace does.
// What replaces it is the same each time, so it is put together once.
func (c *Call) replaceWord(dst, text []byte, word string, template []byte, parts []part, limit int) (out []byte, n int, fits bool) {
	out, fits = dst, true
	copied, begin, end := 0, 0, 0 // begin and end of the first replacement
	for places := c.places(word, text); n != limit; n++ {
		at := places.next()
		if at < 0 {
			break
		}
		if n == 0 {
			out = slices.Grow(out, min(len(text), maxFound))
		}
		if len(out)+at-copied+end-begin > maxFound {
			return out, 0, false
		}
		out = append(out, text[copied:at]...)
		copied = at + len(word)
		if n > 0 {
			out = append(out, out[begin:end]...)
			continue
		}
		begin = len(out)
		for _, p := range parts {
			piece := bytesOf(word)
			if p.group < 0 {
				piece = template[p.begin:p.end]
			}
			if out, fits = put(out, piece); !fits {
				return out, 0, false
			}
		}
		end = len(out)
		c.spend(len(parts))
	}
	if n > 0 {
		out, fits = put(out, text[copied:])
	}
	return out, n, fits
}

// put appends b where that does not become more than a call may find.
func put(dst, b []byte) ([]byte, bool) {
	if len(dst)+len(b) > maxFound {
		return dst, false
	}
	return append(dst, b...), true
}
