package httpclient

import (
	"fmt"
	"net/netip"
)

// metadata are the addresses at which clouds tell a machine its secrets,
// beside those that are link-local.
var metadata = [...]netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::/32"),          // Amazon: ::254, and ::23 for the credentials of a pod
	netip.MustParsePrefix("fd20:ce::254/128"),       // Google
	netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), // Oracle
	netip.MustParsePrefix("192.0.0.192/32"),         // Oracle, before
	netip.MustParsePrefix("fd00:42::42/128"),        // Scaleway
	netip.MustParsePrefix("100.100.100.200/32"),     // Alibaba
	netip.MustParsePrefix("168.63.129.16/32"),       // Azure
}

// Networks that stand for more than one machine, or for this one.
var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")      // RFC 1122, section 3.2.1.3
	broadcast   = netip.MustParseAddr("255.255.255.255")  // RFC 919
	compatible  = netip.MustParsePrefix("::/96")          // IPv4 within IPv6: RFC 4291, section 2.5.5.1
	translated  = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	sixToFour   = netip.MustParsePrefix("2002::/16")      // RFC 3056
	siteLocal   = netip.MustParsePrefix("fec0::/10")      // RFC 3879
	translators = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
)

// checkAddress tells whether a connection for a URL's host, as canonicalHost
// writes it, may go to an address. It is asked for each address that is tried.
func checkAddress(host string, addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	what := special(addr)
	switch {
	case what == "", host == addr.String():
		return nil
	case host == "localhost" && addr.IsLoopback():
		return nil
	}
	return fmt.Errorf("%w: %s leads to %s, %s: only a grant for that very address allows it", errAddress, host, addr, what)
}

// special says why a name must not lead to an address; it is empty where it
// may.
func special(addr netip.Addr) string {
	for _, m := range metadata {
		if m.Contains(addr) {
			return "a metadata service"
		}
	}
	switch {
	case addr.IsLoopback():
		return "a loopback address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case addr.IsUnspecified(), thisNetwork.Contains(addr):
		return "no machine's address"
	case addr == broadcast:
		return "the broadcast address"
	case siteLocal.Contains(addr), translators.Contains(addr):
		return "an address that nobody may use"
	}
	if inner, ok := embedded(addr); ok {
		return special(inner)
	}
	return ""
}

// embedded is the IPv4 address that an IPv6 address leads to.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	b := addr.As16()
	switch {
	case !addr.Is6():
	case addr.Is4In6(), compatible.Contains(addr), translated.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}
