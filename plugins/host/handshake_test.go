package host_test

import (
	"strings"
	"testing"

	"phasm/sdk/abi"
)

// handshake takes every certificate but "bad".
type handshake struct{ name, cert, key string }

func (h *handshake) ServerName() string { return h.name }

func (h *handshake) SetCertificate(cert, key []byte) abi.Errno {
	if string(cert) == "bad" {
		return abi.BadArgument
	}
	h.cert, h.key = string(cert), string(key)
	return 0
}

func TestHandshake(t *testing.T) {
	g := newGuest(t)
	g.begin(abi.TLSCertificate)
	shaking := &handshake{name: "www.example.com"}
	g.call.Handshake = shaking
	if n, got := g.ask("tls_server_name", buffer(64)); n != 15 || got != "www.example.com" {
		t.Errorf("the name is %d, %q", n, got)
	}
	if n, _ := g.ask("tls_server_name", buffer(2)); n != 15 {
		t.Errorf("with room for two bytes it answers %d", n)
	}
	g.want(0, "tls_set_certificate", "a certificate", "its key")
	g.want(badArgument, "tls_set_certificate", "bad", "key")
	g.want(badArgument, "tls_set_certificate", strings.Repeat("x", 256<<10+1), "key")
	if shaking.cert != "a certificate" || shaking.key != "its key" {
		t.Errorf("it took %q and %q", shaking.cert, shaking.key)
	}
	g.begin(abi.Access)
	g.want(wrongPhase, "tls_server_name")
	g.want(wrongPhase, "tls_set_certificate", "a", "b")
}
