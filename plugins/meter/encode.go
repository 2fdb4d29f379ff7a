package meter

import "encoding/binary"

func appendU32(dst []byte, v uint32) []byte { return binary.AppendUvarint(dst, uint64(v)) }

// appendS32 is for i32.const and block types.
func appendS32(dst []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(dst, c)
		}
		dst = append(dst, c|0x80)
	}
}

func appendName(dst []byte, name string) []byte {
	return append(appendU32(dst, uint32(len(name))), name...)
}

// appendSection appends a section, or nothing where it has no entries.
func appendSection(dst []byte, id byte, count int, entries []byte) []byte {
	if count == 0 {
		return dst
	}
	head := appendU32(nil, uint32(count))
	dst = append(dst, id)
	dst = appendU32(dst, uint32(len(head)+len(entries)))
	return append(append(dst, head...), entries...)
}
