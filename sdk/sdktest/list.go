//go:build !wasip1

package sdktest

import "encoding/binary"

// appendItem adds a string to a list: its length as a little-endian u32, then
// its bytes.
func appendItem(dst []byte, item string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(item)))
	return append(dst, item...)
}

// parseList cuts a list into strings of its own. It refuses a list that is cut
// short and one of more than most items.
func parseList(list string, most int) ([]string, bool) {
	var items []string
	b := []byte(list)
	for len(b) > 0 {
		if len(b) < 4 || len(items) == most {
			return nil, false
		}
		n := uint64(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > uint64(len(b)) {
			return nil, false
		}
		items = append(items, string(b[:n]))
		b = b[n:]
	}
	return items, true
}
