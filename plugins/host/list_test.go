package host

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	for _, c := range []struct {
		name string
		list string
		max  int
		want []string // nil where the list is refused
	}{
		{"nothing", "", 0, []string{}},
		{"one", "\x03\x00\x00\x00abc", 1, []string{"abc"}},
		{"empty strings", "\x00\x00\x00\x00\x00\x00\x00\x00", 2, []string{"", ""}},
		{"any bytes", "\x02\x00\x00\x00\x00\xff\x01\x00\x00\x00\n", 9, []string{"\x00\xff", "\n"}},
		{"length of two bytes", "\x00\x01\x00\x00" + strings.Repeat("x", 256), 1, []string{strings.Repeat("x", 256)}},
		{"too many", "\x01\x00\x00\x00a\x01\x00\x00\x00b", 1, nil},
		{"none allowed", "\x00\x00\x00\x00", 0, nil},
		{"length cut short", "\x01\x00\x00", 9, nil},
		{"string missing", "\x01\x00\x00\x00", 9, nil},
		{"string cut short", "\x03\x00\x00\x00ab", 9, nil},
		{"second cut short", "\x01\x00\x00\x00a\x01", 9, nil},
		{"big-endian length", "\x00\x00\x00\x01a", 9, nil},
		{"largest length", "\xff\xff\xff\xffa", 9, nil},
	} {
		got, ok := parseList([]byte(c.list), c.max)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, ok, c.want)
		}
		if c.want == nil {
			continue
		}
		var again []byte
		for _, item := range c.want {
			again = appendItem(again, []byte(item))
		}
		if string(again) != c.list {
			t.Errorf("%s: written as %q, want %q", c.name, again, c.list)
		}
	}
}

// A list's strings stay when the guest's memory changes.
func TestListCopies(t *testing.T) {
	memory := []byte("\x01\x00\x00\x00a")
	items, _ := parseList(memory, 1)
	memory[4] = 'b'
	if items[0] != "a" {
		t.Errorf("the item became %q with the memory it came from", items[0])
	}
}

// FuzzList reads any bytes as a list. A list that is taken is the same bytes
// when it is written again; one that is refused is too long or cut short.
func FuzzList(f *testing.F) {
	f.Add([]byte(""), uint8(0))
	f.Add([]byte("\x01\x00\x00\x00a\x00\x00\x00\x00"), uint8(2))
	f.Add([]byte("\x01\x00\x00\x00a\x00\x00\x00"), uint8(2))
	f.Add([]byte("\xff\xff\xff\xff"), uint8(9))
	f.Fuzz(func(t *testing.T, list []byte, most uint8) {
		items, ok := parseList(list, int(most))
		if ok {
			var again []byte
			for _, item := range items {
				again = appendItem(again, []byte(item))
			}
			if len(items) > int(most) || !bytes.Equal(again, list) {
				t.Errorf("%q is read as %q, at most %d", list, items, most)
			}
			return
		}
		count, whole := 0, true
		for rest := list; whole && len(rest) > 0; count++ {
			whole = len(rest) >= 4 && int(binary.LittleEndian.Uint32(rest)) <= len(rest)-4
			if whole {
				rest = rest[4+binary.LittleEndian.Uint32(rest):]
			}
		}
		if items != nil || whole && count <= int(most) {
			t.Errorf("%q with %d items, at most %d, is refused", list, count, most)
		}
	})
}
