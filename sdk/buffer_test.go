//go:build !wasip1

package sdk

import (
	"strings"
	"testing"
)

// TestScratch sees that the buffer for strings grows with what goes through
// it, up to a limit, and never shrinks.
func TestScratch(t *testing.T) {
	before := scratch
	defer func() { scratch = before }()
	for _, test := range []struct{ size, least, most int }{
		{10, scratchSize, scratchSize}, {scratchSize + 1, scratchSize + 1, maxScratch},
		{maxScratch + 1, scratchSize + 1, maxScratch}, {10, scratchSize + 1, maxScratch},
	} {
		s := strings.Repeat("x", test.size)
		if got := text(append(scratch, s...), nil); got != s {
			t.Errorf("%d bytes became %d", test.size, len(got))
		}
		if cap(scratch) < test.least || cap(scratch) > test.most || len(scratch) != 0 {
			t.Errorf("after %d bytes the buffer has %d of %d, want at most %d", test.size, len(scratch), cap(scratch), test.most)
		}
	}
	if got := text(append(scratch, "left over"...), ErrNotFound); got != "" {
		t.Errorf("an error became %q", got)
	}
}

func TestGrow(t *testing.T) {
	b := grow([]byte("before"), 10)
	if string(b) != "before" || cap(b)-len(b) < 10 || !fits(b, 10) || fits(b, int32(cap(b))) {
		t.Errorf("it became %q with room for %d", b, cap(b)-len(b))
	}
	if !fits(nil, 0) || !fits(nil, -1) || fits(nil, 1) {
		t.Error("nothing fits other than nothing")
	}
}
