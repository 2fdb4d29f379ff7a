package static

import (
	"bytes"
	"math"
	"strconv"

	"github.com/valyala/fasthttp"
)

// A byteRange is a part of a file: length bytes from start on.
type byteRange struct {
	start, length int64
}

// parseRange reads a Range header (RFC 9110, section 14.1.2) for a file of size
// bytes. The status is 206 for a part; 200 for the whole file if the header is to
// be ignored, because there is none, its unit is not bytes, it asks for several
// ranges, or the file is empty; and 416 if the one range has no byte of the file
// in it or is malformed, which nginx and net/http reject as well.
func parseRange(header []byte, size int64) (part byteRange, status int) {
	const unit = "bytes="
	if len(header) < len(unit) || !bytes.EqualFold(header[:len(unit)], []byte(unit)) {
		return byteRange{0, size}, fasthttp.StatusOK
	}
	spec := trim(header[len(unit):])
	if size == 0 || bytes.IndexByte(spec, ',') >= 0 {
		return byteRange{0, size}, fasthttp.StatusOK
	}
	part, ok := parseSpec(spec, size)
	if !ok {
		return byteRange{}, fasthttp.StatusRequestedRangeNotSatisfiable
	}
	return part, fasthttp.StatusPartialContent
}

// parseSpec reads first-last, first- or -length.
func parseSpec(spec []byte, size int64) (part byteRange, ok bool) {
	first, last, dash := bytes.Cut(spec, []byte{'-'})
	if len(first) == 0 {
		n, ok := parsePosition(last)
		n = min(n, size)
		return byteRange{size - n, n}, ok && n > 0
	}
	start, ok := parsePosition(first)
	if !ok || !dash || start >= size {
		return byteRange{}, false
	}
	end := size - 1
	if len(last) > 0 {
		stop, ok := parsePosition(last)
		if !ok || stop < start {
			return byteRange{}, false
		}
		end = min(end, stop)
	}
	return byteRange{start, end - start + 1}, true
}

// appendContentRange appends the Content-Range header for a part of a file of
// size bytes (RFC 9110, section 14.4).
func (r byteRange) appendContentRange(dst []byte, size int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, r.start, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, r.start+r.length-1, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, size, 10)
}

// parsePosition reads digits. Numbers beyond the range of int64 are its maximum,
// which is as far behind the end of any file.
func parsePosition(s []byte) (n int64, ok bool) {
	for _, c := range s {
		if c < '0' || '9' < c {
			return 0, false
		}
		digit := int64(c - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + digit
	}
	return n, len(s) > 0
}
