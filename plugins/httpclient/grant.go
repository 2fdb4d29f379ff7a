package httpclient

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Grant is a pattern of URLs that a plugin may ask for, by scheme, host and
// port.
type Grant struct {
	scheme   string // empty: http and https
	host     string // in lower case; behind a wildcard what the name must end in, with its dot
	wildcard bool
	port     uint16 // 0: the scheme's own
}

var errGrant = errors.New(`write a host as in "api.example.com", "api.example.com:8443", "*.example.org:443", "10.0.0.7:9000" or "http://internal:8080"`)

// ParseGrant reads [SCHEME://]HOST[:PORT]. A host is a name, *.NAME for all
// names that end in it, or an address; without a scheme it is for both, without
// a port for the scheme's own. The error says how to write one.
func ParseGrant(s string) (Grant, error) {
	var g Grant
	rest := strings.ToLower(s)
	if scheme, after, found := strings.Cut(rest, "://"); found {
		if scheme != "http" && scheme != "https" {
			return g, errors.New("the scheme must be http or https")
		}
		g.scheme, rest = scheme, after
	}
	if strings.ContainsAny(rest, "/?#@") {
		return g, errors.New("a grant is for a host, without path, query or user: " + errGrant.Error())
	}
	if addr, err := netip.ParseAddr(rest); err == nil && addr.Is6() {
		rest = "[" + rest + "]" // without a port, brackets add nothing
	}
	host, port, err := cutPort(rest)
	if err != nil {
		return g, err
	}
	g.port = port
	if after, found := strings.CutPrefix(host, "*."); found {
		host, g.wildcard = after, true
	}
	host, ok := canonicalHost(host)
	switch {
	case !ok:
		return g, errGrant
	case !g.wildcard:
		g.host = host
	case isAddr(host):
		return g, errors.New("a wildcard stands before a name, not an address")
	default:
		g.host = "." + host
	}
	return g, nil
}

// cutPort cuts a port off an authority. There is none where it is 0.
func cutPort(s string) (host string, port uint16, err error) {
	end := strings.LastIndexByte(s, ':')
	if end < 0 || strings.HasSuffix(s, "]") {
		return s, 0, nil
	}
	n, err := strconv.ParseUint(s[end+1:], 10, 16)
	if err != nil || n == 0 || s[end+1] == '+' {
		return "", 0, errors.New("the port must be a number from 1 to 65535")
	}
	return s[:end], uint16(n), nil
}

// canonicalHost writes the same host always the same way: a name in lower case
// without the dot at its end, an address in its shortest form, an IPv4 address
// mapped into IPv6 as the IPv4 address. Names are ASCII: others have to be
// written in the form that begins with xn--.
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
		if label == "" || len(label) > 63 {
			return "", false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", false
			}
		}
	}
	return host, len(host) <= 253 && !isAddr(host) // an address with a dot behind it is looked up as a name
}

func isAddr(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// Grants are all that a plugin has been given.
type Grants []Grant

// ParseGrants reads patterns; the error is that of the first that is none.
func ParseGrants(patterns []string) (Grants, error) {
	var all Grants
	for _, pattern := range patterns {
		g, err := ParseGrant(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// Allow tells whether a URL that ParseURL has taken may be asked for.
func (all Grants) Allow(u *url.URL) bool {
	host, _ := canonicalHost(hostOf(u))
	port, own := portOf(u)
	for _, g := range all {
		switch {
		case g.scheme != "" && g.scheme != u.Scheme:
		case g.port != port && (g.port != 0 || !own):
		case g.wildcard && !isAddr(host) && strings.HasSuffix(host, g.host), !g.wildcard && host == g.host:
			return true
		}
	}
	return false
}

// GrantFor is the shortest grant that allows the URL.
func GrantFor(u *url.URL) string {
	host, _ := canonicalHost(hostOf(u))
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port, own := portOf(u); !own {
		host += ":" + strconv.Itoa(int(port))
	}
	return host
}

// hostOf is a URL's host, an IPv6 address in its brackets.
func hostOf(u *url.URL) string {
	host, _, _ := cutPort(u.Host)
	return host
}

// portOf is a URL's port, and whether it is the scheme's own.
func portOf(u *url.URL) (port uint16, own bool) {
	standard := uint16(80)
	if u.Scheme == "https" {
		standard = 443
	}
	if _, port, _ = cutPort(u.Host); port == 0 {
		port = standard
	}
	return port, port == standard
}
