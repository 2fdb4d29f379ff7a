package sdk

// Host functions write into a buffer and answer a length. Where that is larger
// than the buffer nothing was written, and the call is made again with more
// room:
//
//	n := imports.RequestPath(free(dst))
//	for !fits(dst, n) {
//		dst = grow(dst, n)
//		n = imports.RequestPath(free(dst))
//	}
//	return taken(dst, n)
//
// The pattern stands in each function as it is: through a function value, dst
// would escape and callers' buffers with it. It is a loop because an answer may
// grow between two calls, as a variable that tells the time does.

// free is the room behind dst's end.
func free(dst []byte) []byte { return dst[len(dst):cap(dst)] }

// fits tells whether an answer of n bytes, or an error, had room behind dst.
func fits(dst []byte, n int32) bool { return int(n) <= cap(dst)-len(dst) }

// grow makes room for n bytes behind dst.
func grow(dst []byte, n int32) []byte { return append(dst, make([]byte, n)...)[:len(dst)] }

// taken is dst with the n bytes that were written behind it, or the error that
// n stands for.
func taken(dst []byte, n int32) ([]byte, error) {
	if n < 0 {
		return dst, errnoOf(n)
	}
	return dst[:len(dst)+int(n)], nil
}

const (
	scratchSize = 4 << 10
	maxScratch  = 64 << 10 // a larger one is left to the garbage collector
)

// scratch takes the answers that become something else, or strings that are not
// for texts. There is one: a guest has one thread, and an answer is copied out
// before another host call is made. Calls that can run the plugin's filters in
// between do not use it.
var scratch = make([]byte, 0, scratchSize)

// text turns an answer appended to scratch into a string of its own, empty
// where there was an error.
func text(b []byte, err error) string {
	if err != nil {
		return ""
	}
	keepScratch(b)
	return string(b)
}

// keepScratch keeps a buffer that has grown, for the next answer.
func keepScratch(b []byte) {
	if cap(b) > cap(scratch) && cap(b) <= maxScratch {
		scratch = b[:0]
	}
}
