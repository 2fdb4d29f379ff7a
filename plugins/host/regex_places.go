package host

import "bytes"

// An expression that is a plain word needs no matching: its matches are the
// places of its bytes. In UTF-8 no character begins in the middle of another
// one, so that holds for texts that are not UTF-8, too.

// stretch is how much of a text is looked through before the clock is told, in
// bytes; nothing of that takes more than some hundred microseconds.
const stretch = 32 << 10

// What the clock is told, in instructions.
const (
	bytesPerInstruction  = 8
	instructionsPerPlace = 4
)

// places goes through the places where a literal begins, which do not overlap,
// while yield says so.
func (c *Call) places(literal string, text []byte, yield func(at int) bool) {
	for from, done := 0, 0; done < len(text); {
		done = min(done+stretch, len(text))
		end := min(done+len(literal)-1, len(text)) // of one that begins in the last byte
		n := 0
		for from < end {
			at := bytes.Index(text[from:end], bytesOf(literal))
			if at < 0 {
				break
			}
			n++
			if !yield(from + at) {
				return
			}
			from += at + len(literal)
		}
		from = max(from, done)
		c.spend(stretch/bytesPerInstruction + n*instructionsPerPlace)
	}
}
