package server

import (
	"bytes"
	"net/netip"
)

// An authority has one canonical form, and the Host header holds no other:
// lower case, no dot at the end, no port where it is the scheme's own, and an
// IPv6 address as it is written shortest. So a route's host, a plugin's
// comparison and a peer all see one name.

// maxAuthority is longer than any DNS name with a port.
const maxAuthority = 260

// isCanonicalHost tells whether an authority is surely in its canonical form.
// Those with a port or an IPv6 address it does not recognise.
func isCanonicalHost(b []byte) bool {
	if len(b) == 0 || len(b) > maxAuthority {
		return false
	}
	dot := true // one may neither begin nor end it nor follow another
	for _, c := range b {
		if !hostBytes[c] || 'A' <= c && c <= 'Z' || dot && c == '.' {
			return false
		}
		dot = c == '.'
	}
	return !dot
}

// isPlainAuthority tells whether an authority surely is none, or in its
// canonical form but for the scheme's own port.
func isPlainAuthority(b []byte) bool {
	name, port, found := bytes.Cut(b, []byte{':'})
	return len(b) == 0 || isCanonicalHost(name) && (!found || isPort(port))
}

// appendAuthority appends the canonical form of an authority. It is not ok for
// one that is none: RFC 3986 allows more, but no host that is on a network has
// it, and where a user or an escape stands there somebody is meant to be
// fooled.
func appendAuthority(dst, b []byte, tls bool) (_ []byte, ok bool) {
	if len(b) > maxAuthority {
		return dst, false
	}
	host, port := b, []byte(nil)
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i:], ']') < 0 {
		host, port = b[:i], b[i+1:]
		if !isPort(port) {
			return dst, false
		}
	}
	if len(host) > 0 && host[0] == '[' {
		if dst, ok = appendIPv6(dst, host); !ok {
			return dst, false
		}
	} else {
		begin := len(dst)
		for _, c := range bytes.TrimSuffix(host, []byte{'.'}) {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
		}
		if !isCanonicalHost(dst[begin:]) {
			return dst, false
		}
	}
	standard := "80"
	if tls {
		standard = "443"
	}
	if len(port) > 0 && string(port) != standard {
		dst = append(append(dst, ':'), port...)
	}
	return dst, true
}

// sameAuthority tells whether two authorities over TLS have one canonical form.
func sameAuthority(a, b string) bool {
	if a == b {
		return true
	}
	first, ok := appendAuthority(nil, []byte(a), true)
	second, okToo := appendAuthority(nil, []byte(b), true)
	return ok && okToo && bytes.Equal(first, second)
}

func appendIPv6(dst, host []byte) (_ []byte, ok bool) {
	if host[len(host)-1] != ']' {
		return dst, false
	}
	ip, err := netip.ParseAddr(string(host[1 : len(host)-1]))
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return dst, false
	}
	return append(ip.AppendTo(append(dst, '[')), ']'), true
}

// isPort tells whether b is a port, from 1 to 65535 without a leading zero.
func isPort(b []byte) bool {
	if len(b) == 0 || len(b) > 5 || b[0] == '0' {
		return false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

// hostBytes are what a name or an IPv4 address may have. An underscore is in
// names that people use, whatever RFC 1123 says.
var hostBytes = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	t['-'], t['_'], t['.'] = true, true, true
	return t
}()
