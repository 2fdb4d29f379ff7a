//go:build !wasip1

package sdktest

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// target is where a URL leads: scheme, host and port.
type target struct {
	scheme, host string
	port         int
}

// hostPattern is a target with a part left open: no scheme is either, port 0
// the scheme's own.
type hostPattern struct {
	target
	wildcard bool
}

// parseHost reads [SCHEME://]HOST[:PORT].
func parseHost(s string) (p hostPattern, ok bool) {
	rest := strings.ToLower(s)
	if scheme, after, found := strings.Cut(rest, "://"); found {
		p.scheme, rest = scheme, after
	}
	if addr, err := netip.ParseAddr(rest); err == nil && addr.Is6() {
		rest = "[" + rest + "]"
	}
	rest, p.port, ok = cutPort(rest)
	if after, found := strings.CutPrefix(rest, "*."); found {
		rest, p.wildcard = after, true
	}
	var known bool
	p.host, known = canonicalHost(rest)
	if p.wildcard {
		known = known && !isAddr(p.host)
		p.host = "." + p.host
	}
	return p, ok && known && (p.scheme == "" || p.scheme == "http" || p.scheme == "https")
}

// cutPort cuts a port off, 0 where there is none.
func cutPort(s string) (host string, port int, ok bool) {
	end := strings.LastIndexByte(s, ':')
	if end < 0 || strings.HasSuffix(s, "]") {
		return s, 0, true
	}
	n, err := strconv.ParseUint(s[end+1:], 10, 16)
	return s[:end], int(n), err == nil && n > 0
}

// canonicalHost writes the same host always the same way.
func canonicalHost(host string) (string, bool) {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return addr.Unmap().String(), found && err == nil && addr.Is6() && addr.Zone() == ""
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String(), addr.Is4()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", false
		}
	}
	return host, len(host) <= 253 && !isAddr(host)
}

func isAddr(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// maxURL is how long a URL may be, in bytes.
const maxURL = 16 << 10

// parseURL reads an absolute URL that the server takes.
func parseURL(s string) (t target, ok bool) {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return t, false
		}
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return t, false
	}
	host, port, ok := cutPort(u.Host)
	t.scheme, t.port = u.Scheme, port
	if port == 0 {
		t.port = t.ownPort()
	}
	var known bool
	t.host, known = canonicalHost(host)
	return t, ok && known
}

func (t target) ownPort() int {
	if t.scheme == "https" {
		return 443
	}
	return 80
}

// grant is the shortest pattern that allows it.
func (t target) grant() string {
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.port != t.ownPort() {
		host += ":" + strconv.Itoa(t.port)
	}
	return host
}

func (p hostPattern) allows(t target) bool {
	switch {
	case p.scheme != "" && p.scheme != t.scheme, p.port != t.port && (p.port != 0 || t.port != t.ownPort()):
		return false
	case p.wildcard:
		return !isAddr(t.host) && strings.HasSuffix(t.host, p.host)
	}
	return t.host == p.host
}
