package host

// isToken tells whether b is a token (RFC 9110, section 5.6.2): a method or a
// header name.
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenBytes[c] {
			return false
		}
	}
	return len(b) > 0
}

// isFieldValue tells whether b may be a header's value (RFC 9110, section
// 5.5): no control characters but tab, so that a guest cannot smuggle in a
// header or a response of its own.
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isTarget tells whether b may be an origin-form request target: it begins
// with a slash and has no spaces, controls or fragment.
func isTarget(b []byte) bool { return len(b) > 0 && b[0] == '/' && isURIText(b) }

func isURIText(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

func isStatus(n int32) bool { return n >= 200 && n <= 599 }

var tokenBytes = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
