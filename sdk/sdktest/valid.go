//go:build !wasip1

package sdktest

import "strings"

// isToken tells whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isFieldValue tells whether s may be a header's value (RFC 9110, section
// 5.5): no control characters but tab.
func isFieldValue(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// maxLine is how long a method or a target from a plugin may be, in bytes.
const maxLine = 64 << 10

// isTarget tells whether s may be an origin-form request target.
func isTarget(s string) bool {
	return len(s) <= maxLine && strings.HasPrefix(s, "/") && isURIText(s)
}

func isURIText(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

func isStatus(n int32) bool { return n >= 200 && n <= 599 }

func isRedirect(n int32) bool {
	switch n {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}
