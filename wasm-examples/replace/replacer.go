package main

import "bytes"

// replacer replaces a text in a stream that comes in chunks.
//
// What it holds back between two chunks is the longest end of the stream that
// may be the begin of the text: never as much as the text itself, however
// small the chunks are. For the text "abab" and the chunks "xaba", "b…":
//
//	xaba   x goes out, aba is held back
//	abab…  found: its replacement goes out
type replacer struct {
	from, to []byte
	held     []byte
}

// reset forgets the stream so far.
func (r *replacer) reset() { r.held = r.held[:0] }

// append appends to dst what can go out after another chunk: after the last
// one, everything.
func (r *replacer) append(dst, chunk []byte, last bool) []byte {
	r.held = append(r.held, chunk...)
	rest := r.held
	for {
		before, after, found := bytes.Cut(rest, r.from)
		if !found {
			break
		}
		dst = append(append(dst, before...), r.to...)
		rest = after
	}
	hold := 0
	if !last {
		hold = overlap(rest, r.from)
	}
	dst = append(dst, rest[:len(rest)-hold]...)
	r.held = append(r.held[:0], rest[len(rest)-hold:]...)
	return dst
}

// overlap is the length of the longest end of b that text begins with, short
// of the whole text.
func overlap(b, text []byte) int {
	n := min(len(b), len(text)-1)
	for !bytes.HasSuffix(b, text[:n]) {
		n--
	}
	return n
}
