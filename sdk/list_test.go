//go:build !wasip1

package sdk

import (
	"slices"
	"testing"
)

func TestPairs(t *testing.T) {
	list := appendItem(appendItem(appendItem(appendItem(nil, "a"), "1"), ""), "2")
	for n := range len(list) + 1 {
		var got []string
		for name, value := range Pairs(list[:n]) {
			got = append(got, string(name)+"="+string(value))
		}
		var want []string
		if n >= 10 {
			want = append(want, "a=1")
		}
		if n == len(list) {
			want = append(want, "=2")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d of %d bytes are %q, want %q", n, len(list), got, want)
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add(appendItem(appendItem(nil, "a"), "b"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, list []byte) {
		var back []byte
		for name, value := range Pairs(list) {
			back = appendItem(appendItem(back, string(name)), string(value))
		}
		if !slices.Equal(back, list[:len(back)]) {
			t.Errorf("%q was read as %q", list, back)
		}
	})
}
