package config

import (
	"net/netip"
	"strings"
)

// Passing is the part of an [upstreams.NAME] table that says how requests are
// passed on to a peer.
type Passing struct {
	// ConnectTimeout is how long connecting to a peer may take, TLS included. At
	// least 1ms. Default 5s.
	ConnectTimeout Duration `toml:"connect_timeout" default:"5s" min:"1ms"`

	// SendTimeout is how long a peer may take to receive the next piece of a
	// request. At least 1ms. Default 60s.
	SendTimeout Duration `toml:"send_timeout" default:"60s" min:"1ms"`

	// ReadTimeout is how long a peer may take for the next piece of its answer,
	// and a tunnel may be silent. At least 1ms. Default 60s.
	ReadTimeout Duration `toml:"read_timeout" default:"60s" min:"1ms"`

	// Buffer is how much of an answer may be held for a client that is slower than
	// the peer. 0 for none. Default 64KiB.
	Buffer Size `toml:"buffer" default:"64KiB" min:"0B"`

	// Keepalive is how many connections to a peer may wait for a request for
	// longer than a second, within which as many may be needed as just before.
	// Default 64.
	Keepalive int `toml:"keepalive" default:"64" min:"0"`

	// KeepaliveTimeout is how long they wait, at least 1ms. Default 60s.
	KeepaliveTimeout Duration `toml:"keepalive_timeout" default:"60s" min:"1ms"`

	// KeepaliveTime is how old a connection may be that is to wait again, at least
	// 1ms: behind the address others may serve now. Default 1h.
	KeepaliveTime Duration `toml:"keepalive_time" default:"1h" min:"1ms"`

	// Tries is how many peers a request is tried at, where that is safe: as long
	// as none of it has been sent, or where its method is idempotent, its body can
	// be sent again, and the peer has not begun to answer. From 1. Default 2.
	Tries int `toml:"tries" default:"2" min:"1"`

	// RetryBudget is how many further tries there may be for a hundred requests,
	// beside ten a second. Default 20.
	RetryBudget int `toml:"retry_budget" default:"20" min:"0"`

	// RetryStatus is what a peer answers that shall be asked of another: a status,
	// or the first and the last of a range. Default empty: none.
	RetryStatus string `toml:"retry_status"`

	// Host is what peers get as Host: client for what the client has sent, peer
	// for the peer's address, or a name. Default client.
	Host string `toml:"host" default:"client"`

	// Forwarded is how peers learn of the client: append for X-Forwarded-For with
	// the addresses that trusted proxies have put there before, replace for the
	// client's address alone, both with X-Forwarded-Proto and X-Forwarded-Host;
	// standard for RFC 7239's Forwarded; off. Default append.
	Forwarded string `toml:"forwarded" default:"append" choices:"append|replace|standard|off"`

	// TLS is for peers whose address begins with https://. Default: the
	// authorities that the machine trusts.
	TLS *UpstreamTLS `toml:"tls"`
}

// UpstreamTLS is tls = {ca, cert, key, server_name, verify} of an upstream.
type UpstreamTLS struct {
	// CA is a file of the certificate authorities that are trusted, in PEM.
	// Default empty: those of the machine.
	CA string `toml:"ca" file:"file"`

	// Cert is the file of phasm's own certificate, in PEM, where peers want one.
	// Default empty: none.
	Cert string `toml:"cert" file:"file"`

	// Key is the file of its key, in PEM. Required with Cert.
	Key string `toml:"key" file:"file"`

	// ServerName is the name that peers' certificates are for. Default empty: the
	// host of the peer's address.
	ServerName string `toml:"server_name"`

	// Verify says that certificates are verified. Default true.
	Verify Switch `toml:"verify" default:"true"`
}

// StatusRange is the first and the last status of "503" or "502-504".
func StatusRange(text string) (first, last int, err error) {
	return (&Health{Status: text}).StatusRange()
}

// checkPassing reports what makes no sense about how requests are passed on.
func (l *loader) checkPassing(path string, u Upstream) {
	at := keyPath(path, "retry_status")
	if l.given[at] && !l.reported(at) {
		if _, _, err := StatusRange(u.RetryStatus); err != nil {
			l.problem(at, "%v", err)
		}
	}
	if at = keyPath(path, "host"); l.given[at] && !l.reported(at) && (u.Host == "" || strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' })) {
		l.problem(at, `%s is no host; write "client", "peer" or a name as in "app.internal"`, describe(u.Host))
	}
	if u.TLS != nil && (u.TLS.Cert == "") != (u.TLS.Key == "") {
		l.problem(keyPath(path, "tls"), "cert and key belong together: one of them is missing")
	}
}

// checkTrustedProxies reports what is neither an address nor a network.
func (l *loader) checkTrustedProxies() {
	for i, text := range l.config.Server.TrustedProxies {
		if _, err := ParseNetwork(text); err != nil {
			l.problem(indexPath("server.trusted_proxies", i), `%s is neither an address nor a network; write one as in "10.0.0.1" or "10.0.0.0/8"`, describe(text))
		}
	}
}

// ParseNetwork parses an address, or a network as in 10.0.0.0/8.
func ParseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}
