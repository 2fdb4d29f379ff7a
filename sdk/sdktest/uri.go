//go:build !wasip1

package sdktest

import (
	"fmt"
	"strings"
)

// path is the path, decoded.
func (x *Exchange) path() string {
	path, _, _ := strings.Cut(x.uri, "?")
	return decode(path, false)
}

// canonicalTarget is a target as the server passes it on: its path decoded, clean,
// and escaped where it must be.
func canonicalTarget(target string) string {
	path, query, more := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		return target // OPTIONS *
	}
	var b strings.Builder
	for _, c := range []byte(cleanPath(decode(path, false))) {
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if more {
		b.WriteString("?" + query)
	}
	return b.String()
}

func (x *Exchange) query() string {
	_, query, _ := strings.Cut(x.uri, "?")
	return query
}

// arguments are the query's arguments, decoded.
func (x *Exchange) arguments() fields {
	var args fields
	for part := range strings.SplitSeq(x.query(), "&") {
		name, value, _ := strings.Cut(part, "=")
		if part != "" && part != "=" {
			args = append(args, field{decode(name, true), decode(value, true)})
		}
	}
	return args
}

// decode replaces escapes; one that is not valid stays as it is.
func decode(s string, plus bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(fromHex(s[i+1])<<4 | fromHex(s[i+2]))
			i += 2
		case c == '+' && plus:
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// cleanPath merges slashes and resolves dot segments (RFC 3986, section
// 5.2.4). A slash at the end stays.
func cleanPath(path string) string {
	var segments []string
	parts := strings.Split(path, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == ".":
			if last {
				segments = append(segments, "")
			}
		case part == "..":
			segments = segments[:max(len(segments)-1, 0)]
			if last {
				segments = append(segments, "")
			}
		case part != "":
			segments = append(segments, part)
		case last:
			segments = append(segments, "")
		}
	}
	return "/" + strings.Join(segments, "/")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func fromHex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
