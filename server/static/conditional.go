package static

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// appendETag appends the strong entity tag of f: nginx's, with the content
// coding added so that no two codings of a file ever share one.
func appendETag(dst []byte, f *file) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, f.modified.Unix(), 16)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, f.size, 16)
	if f.encoding != "" {
		dst = append(dst, '-')
		dst = append(dst, f.encoding...)
	}
	return append(dst, '"')
}

// checkConditions evaluates the preconditions of a GET or HEAD request (RFC
// 9110, section 13.2.2) and returns 200, 304 or 412.
func checkConditions(h *fasthttp.RequestHeader, etag []byte, modified time.Time) int {
	if tags := list(h, fasthttp.HeaderIfMatch); len(tags) > 0 {
		if !matches(tags, etag, false) {
			return fasthttp.StatusPreconditionFailed
		}
	} else if date, ok := parseDate(h.Peek(fasthttp.HeaderIfUnmodifiedSince)); ok && modifiedSince(modified, date) {
		return fasthttp.StatusPreconditionFailed
	}
	if tags := list(h, fasthttp.HeaderIfNoneMatch); len(tags) > 0 {
		if matches(tags, etag, true) {
			return fasthttp.StatusNotModified
		}
	} else if date, ok := parseDate(h.Peek(fasthttp.HeaderIfModifiedSince)); ok && !modifiedSince(modified, date) {
		return fasthttp.StatusNotModified
	}
	return fasthttp.StatusOK
}

// list returns a header whose lines make one list (RFC 9110, section 5.3).
func list(h *fasthttp.RequestHeader, name string) []byte {
	lines := h.PeekAll(name)
	if len(lines) == 1 {
		return lines[0]
	}
	return bytes.Join(lines, []byte{','})
}

// rangeApplies tells whether If-Range lets a Range header count: if there is
// none, or its validator is that of the file (RFC 9110, section 13.1.5).
func rangeApplies(ifRange, etag []byte, modified time.Time) bool {
	if len(ifRange) == 0 || bytes.Equal(trim(ifRange), etag) {
		return true
	}
	date, ok := parseDate(ifRange)
	return ok && date.Unix() == modified.Unix()
}

// matches tells whether an If-Match or If-None-Match header admits etag, which
// is strong: by "*" or by a list that has it. The weak comparison ignores the
// W/ before a tag, in the strong one such a tag equals none. A list counts up to
// its first mistake.
func matches(list, etag []byte, weak bool) bool {
	for {
		list = bytes.TrimLeft(list, " \t,")
		if len(list) > 0 && list[0] == '*' {
			return true
		}
		tag, isWeak := bytes.CutPrefix(list, []byte("W/"))
		if len(tag) == 0 || tag[0] != '"' {
			return false
		}
		n := bytes.IndexByte(tag[1:], '"')
		if n < 0 {
			return false
		}
		if bytes.Equal(tag[:n+2], etag) && (weak || !isWeak) {
			return true
		}
		list = tag[n+2:]
	}
}

// modifiedSince compares in whole seconds, as finer ones are lost in a date.
func modifiedSince(modified, date time.Time) bool {
	return modified.Unix() > date.Unix()
}

// parseDate reads a date in any of the three formats of RFC 9110, section 5.6.7.
// A header without a valid one is to be ignored.
func parseDate(s []byte) (date time.Time, ok bool) {
	if len(s) == 0 {
		return time.Time{}, false
	}
	date, err := http.ParseTime(string(s))
	return date, err == nil
}
