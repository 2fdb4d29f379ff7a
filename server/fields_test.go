package server

import (
	"bytes"
	"errors"
	"testing"
)

func TestFields(t *testing.T) {
	for _, test := range []struct {
		lines string
		err   error
	}{
		{"\r\n", nil},
		{"A: b\r\nC:\r\n\r\n", nil},
		{"A: b\r\n", errNoEnd},
		{"A: b\n\r\n", errBareLF},
		{"A: b\r\n\n", errBareLF},
		{"A: b\r\n c\r\n\r\n", errFolded},
		{"A b: c\r\n\r\n", errFieldName},
		{"A\r\n\r\n", errFieldName},
		{":\r\n\r\n", errFieldName},
		{"A: \x00\r\n\r\n", errFieldValue},
	} {
		var f fields
		if err := f.scan([]byte(test.lines)); !errors.Is(err, test.err) {
			t.Errorf("%q: error %v, want %v", test.lines, err, test.err)
		} else if err == nil && f.size != len(test.lines) {
			t.Errorf("%q: %d bytes, want %d", test.lines, f.size, len(test.lines))
		}
	}
}

// Each byte at each place in a word is judged as it is alone.
func TestHasControl(t *testing.T) {
	for c := range 256 {
		want := c < ' ' && c != '\t' || c == 0x7f
		for size := 1; size < 20; size++ {
			for at := range size {
				for _, fill := range []byte{'a', 0xff, 0x80, ' ', '\t'} {
					b := bytes.Repeat([]byte{fill}, size)
					b[at] = byte(c)
					if hasControl(b) != want {
						t.Fatalf("byte %#x at %d of %d among %#x: %v", c, at, size, fill, !want)
					}
				}
			}
		}
	}
}

func BenchmarkHead(b *testing.B) {
	var h requestHead
	head := []byte(getHello)
	b.ReportAllocs()
	for b.Loop() {
		if h.scan(head) != 0 {
			b.Fatal("refused")
		}
	}
}
