package openloop

import (
	"bytes"
	"strconv"
)

// answer is what has been read of a response: no more than is needed to see
// where it ends.
type answer struct {
	status  int
	last    bool   // the server closes the connection after it
	head    []byte // until it is whole
	whole   bool   // the head is
	left    int    // bytes of the body that are missing
	chunked bool
	tail    []byte // the last bytes of a chunked body
}

func (a *answer) begin() { *a = answer{head: a.head[:0], tail: a.tail[:0]} }

// end is how a chunked body ends, with the end of the line before. A chunk could
// hold the same; no answer here does.
const end = "\r\n0\r\n\r\n"

// add tells whether the response is whole with what has been read now.
func (a *answer) add(data []byte) bool {
	if !a.whole {
		a.head = append(a.head, data...)
		at := bytes.Index(a.head, []byte("\r\n\r\n"))
		if at < 0 {
			return false
		}
		data = a.head[at+4:]
		a.tail = append(a.tail, "\r\n"...) // the head's
		a.parse(a.head[:at+2])
	}
	if !a.chunked {
		a.left -= len(data)
		return a.left <= 0
	}
	a.tail = append(a.tail, data[max(0, len(data)-len(end)):]...)
	a.tail = a.tail[max(0, len(a.tail)-len(end)):]
	return string(a.tail) == end
}

// parse reads the head, whose last line ends as all do.
func (a *answer) parse(head []byte) {
	a.whole = true
	if len(head) > 12 {
		a.status, _ = strconv.Atoi(string(head[9:12]))
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			a.left, _ = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			a.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Connection")):
			a.last = bytes.EqualFold(value, []byte("close"))
		}
	}
}
