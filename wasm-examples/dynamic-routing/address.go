package main

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"phasm/sdk"
)

var (
	port     int            // of addresses that have none
	networks []netip.Prefix // that servers may be in; none: all but reserved ones
)

// reserved are networks that lead to this machine, to the secrets of a cloud's
// machine, or to whoever translates addresses, beside those that netip knows.
var reserved = prefixes(
	"0.0.0.0/8", "255.255.255.255/32", "100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10",
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func configureAddresses() (err error) {
	if port, err = sdk.ConfigInt("port", 80); err != nil {
		return err
	}
	if port < 1 || port > 65535 {
		return errors.New("config.port is not between 1 and 65535")
	}
	texts, err := sdk.ConfigList("networks")
	networks = nil
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return errors.New("config.networks: " + strconv.Quote(text) + ` is no network, such as "10.0.0.0/8"`)
		}
		networks = append(networks, network)
	}
	return err
}

// Errors of addressOf.
var (
	errNoAddress  = errors.New("ipAddress must be an IP address, with a port or without, or the name of a peer")
	errNotAllowed = errors.New("ipAddress is not where servers may be")
)

// addressOf is what a server is registered with as a peer's address. It has
// come over the network: it must lead to nothing that clients are kept from. A
// name is good as that of a peer that the configuration has: choose adds none.
func addressOf(registered string) (address string, err error) {
	at, err := netip.ParseAddrPort(registered)
	if err != nil {
		addr, err := netip.ParseAddr(registered)
		if err != nil {
			return withPort(registered), nil
		}
		at = netip.AddrPortFrom(addr, uint16(port))
	}
	addr := at.Addr().Unmap()
	switch {
	case addr.Zone() != "" || at.Port() == 0:
		return "", errNoAddress
	case !allowed(addr):
		return "", errNotAllowed
	}
	return netip.AddrPortFrom(addr, at.Port()).String(), nil
}

func withPort(name string) string {
	if strings.Contains(name, ":") {
		return name
	}
	return name + ":" + strconv.Itoa(port)
}

// isName tells whether what addressOf has answered is a name's address.
func isName(address string) bool {
	_, err := netip.ParseAddrPort(address)
	return err != nil
}

func allowed(addr netip.Addr) bool {
	if len(networks) > 0 {
		return within(networks, addr)
	}
	return !addr.IsLoopback() && !addr.IsLinkLocalUnicast() && !addr.IsMulticast() && !within(reserved, addr)
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, network := range list {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
