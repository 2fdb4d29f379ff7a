package main

import "strings"

// insert adds a rule to a list that has the longest prefixes first, so that
// the first rule that fits is the most specific one.
func insert(list []rule, r rule) []rule {
	i := 0
	for i < len(list) && len(list[i].from) >= len(r.from) {
		i++
	}
	list = append(list, rule{})
	copy(list[i+1:], list[i:])
	list[i] = r
	return list
}

// apply replaces the begin of a path by the first rule that fits. A prefix
// without a slash at its end fits whole segments only: "/blog" is for "/blog"
// and "/blog/1", not for "/blogger".
func apply(list []rule, path string) (string, bool) {
	for _, r := range list {
		rest, fits := strings.CutPrefix(path, r.from)
		if fits && (strings.HasSuffix(r.from, "/") || rest == "" || rest[0] == '/') {
			return r.to + rest, true
		}
	}
	return "", false
}

// escape writes a decoded path as it stands in a request target (RFC 3986,
// section 3.3).
func escape(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(path) {
		if stands(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// stands tells whether a byte stands for itself in a path.
func stands(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0
}
