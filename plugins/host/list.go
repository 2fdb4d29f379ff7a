package host

import "encoding/binary"

// appendItem adds a string to a list: its length as a little-endian u32, then
// its bytes.
func appendItem(dst, item []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(item)))
	return append(dst, item...)
}

// parseList cuts a list from guest memory into strings of its own. It refuses
// a list that is cut short and one of more than max items.
func parseList(b []byte, max int) ([]string, bool) {
	var items []string
	for len(b) > 0 {
		if len(b) < 4 || len(items) == max {
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
