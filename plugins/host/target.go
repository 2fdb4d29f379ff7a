package host

import "bytes"

// A request's path has one canonical form, and the request holds no other:
// what the router matches, plugins read and a peer is sent is the same.
// Escapes are decoded and slashes merged, dot segments resolved, and what may
// not stand in a path as it is (RFC 3986, section 3.3) is escaped again, in
// upper case. So %2F is a slash and %2e%2e/ goes up, whoever looks.

// IsCanonicalPath tells whether a path is surely in its canonical form. Some
// that are it does not recognise: those with escapes, or a dot behind a slash.
func IsCanonicalPath(path []byte) bool {
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	slash := false
	for _, c := range path {
		switch {
		case !pathBytes[c], slash && (c == '/' || c == '.'):
			return false
		}
		slash = c == '/'
	}
	return true
}

// AppendTarget appends a target in origin form, its path in canonical form and
// its query as it is. Not ok means that a client must not send it: an escape
// that is none, a control character, or a dot segment with a parameter
// ("/..;x/"), which some servers resolve and others do not. What is appended
// is good even then.
func AppendTarget(dst, target []byte) (_ []byte, ok bool) {
	path, query := target, []byte(nil)
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		path, query = target[:i], target[i:]
	}
	dst, ok = appendPath(dst, path)
	return append(dst, query...), ok
}

func appendPath(dst, path []byte) (_ []byte, ok bool) {
	dst, ok = append(dst, '/'), true
	root := len(dst)
	segment := root // where the last segment begins
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
				c = fromHex(path[i+1])<<4 | fromHex(path[i+2])
				i += 2
			} else {
				ok = false
			}
		}
		switch {
		case c == '/':
			dst, ok = endSegment(dst, root, segment, ok)
			if len(dst) > root && dst[len(dst)-1] != '/' {
				dst = append(dst, '/')
			}
			segment = len(dst)
		case pathBytes[c]:
			dst = append(dst, c)
		default:
			ok = ok && c >= ' ' && c != 0x7f
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return endSegment(dst, root, segment, ok)
}

// endSegment resolves the last segment where it consists of dots.
func endSegment(dst []byte, root, segment int, ok bool) ([]byte, bool) {
	switch last := dst[segment:]; {
	case len(last) == 0 || last[0] != '.':
	case string(last) == ".":
		dst = dst[:segment]
	case string(last) == "..":
		dst = dst[:segment]
		if segment > root { // the slash before stays: what goes is the segment in front of it
			dst = dst[:max(root, bytes.LastIndexByte(dst[:segment-1], '/')+1)]
		}
	case last[1] == ';' || len(last) > 2 && last[1] == '.' && last[2] == ';':
		ok = false
	}
	return dst, ok
}

// pathBytes may stand in a path as they are.
var pathBytes = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "-._~!$&'()*+,;=:@/" {
		t[c] = true
	}
	return t
}()

const upperHex = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func fromHex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&15 + 9
}
