package sdk

import "iter"

// Pairs goes through a list of names and values as [Request.AppendHeaders] and
// its likes append it. Names and values are parts of the list. To go through
// one without allocating, append it to a buffer in a package variable: one on
// the stack would be moved off it.
func Pairs(list []byte) iter.Seq2[[]byte, []byte] { return pairs(list) }

// pairs stops where the list is cut short.
func pairs[T string | []byte](list T) iter.Seq2[T, T] {
	return func(yield func(name, value T) bool) {
		for rest := list; ; {
			name, after, ok := cutItem(rest)
			if !ok {
				return
			}
			value, after, ok := cutItem(after)
			if !ok || !yield(name, value) {
				return
			}
			rest = after
		}
	}
}

// cutItem cuts the first item off a list: a little-endian u32 length and that
// many bytes.
func cutItem[T string | []byte](list T) (item, rest T, ok bool) {
	if len(list) < 4 {
		return item, rest, false
	}
	n := uint64(list[0]) | uint64(list[1])<<8 | uint64(list[2])<<16 | uint64(list[3])<<24
	if n > uint64(len(list)-4) {
		return item, rest, false
	}
	return list[4 : 4+n], list[4+n:], true
}

// appendItem adds an item to a list.
func appendItem(dst []byte, item string) []byte {
	n := uint32(len(item))
	dst = append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(dst, item...)
}

// valuesOf are the values in a list whose name same accepts.
func valuesOf(list, name string, same func(a, b string) bool) []string {
	var values []string
	for n, v := range pairs(list) {
		if same(n, name) {
			values = append(values, v)
		}
	}
	return values
}
