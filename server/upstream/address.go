package upstream

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// parseAddress takes a peer's address apart: what net.Dial wants, whether the
// peer speaks TLS, and the host that the address names, empty for a socket.
func parseAddress(address string) (network, to string, secure bool, host string) {
	if path, unix := strings.CutPrefix(address, unixPrefix); unix {
		return "unix", path, false, ""
	}
	to, secure = strings.CutPrefix(address, "https://")
	to = strings.TrimPrefix(to, "http://")
	host, _, _ = net.SplitHostPort(to)
	return "tcp", to, secure, host
}

// hostField is the Host header for a peer of that address. The zone of an IPv6
// address means something on this machine alone.
func hostField(address string) string {
	network, to, _, host := parseAddress(address)
	if network == "unix" {
		return "localhost"
	}
	if plain := withoutZone(host); plain != host {
		_, port, _ := net.SplitHostPort(to)
		return net.JoinHostPort(plain, port)
	}
	return to
}

// withoutZone is an IPv6 address without its zone, and anything else as it is.
func withoutZone(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() != "" {
		return a.WithZone("").String()
	}
	return host
}

// CheckAddress tells what is wrong with the address of a peer.
func CheckAddress(address string) error {
	network, to, _, host := parseAddress(address)
	if network == "unix" && to != "" {
		return nil
	}
	_, port, err := net.SplitHostPort(to)
	if err != nil || host == "" || port == "" || strings.ContainsAny(to, " \r\n\x00/") || len(to) > 300 {
		return fmt.Errorf(`%w: %.300q; write one as in "127.0.0.1:9000" or "unix:/run/app.sock"`, ErrBadPeer, address)
	}
	return nil
}
