package httpclient

// buffer holds what is on its way in a body, up to a fixed number of bytes.
// Its memory is allocated when it is first needed.
type buffer struct {
	data  []byte
	begin int // of what has not been taken
}

const bufferSize = 32 << 10

func (b *buffer) len() int { return len(b.data) - b.begin }

// put adds as much of p as there is room for.
func (b *buffer) put(p []byte) int {
	if b.begin > 0 && len(b.data)+len(p) > bufferSize {
		b.data = b.data[:copy(b.data, b.data[b.begin:])]
		b.begin = 0
	}
	n := min(len(p), bufferSize-len(b.data))
	b.data = append(b.data, p[:n]...)
	return n
}

// take moves what there is, and fits, into p.
func (b *buffer) take(p []byte) int {
	n := copy(p, b.data[b.begin:])
	if b.begin += n; b.begin == len(b.data) {
		b.data, b.begin = b.data[:0], 0
	}
	return n
}
