//go:build !wasip1

package sdktest

import (
	"crypto/tls"

	"phasm/sdk/abi"
)

// handshake is what the plugin's TLSCertificate handler runs for.
type handshake struct{ name, cert, key string }

// Certificate runs the plugin's TLSCertificate handler for a client that asks
// for a name, and answers the certificate and the key that it supplies: empty
// where it supplies none.
func (h *Host) Certificate(name string) (cert, key string) {
	h.fake.handshake = handshake{name: name}
	if h.fake.run(abi.TLSCertificate, nil) != abi.Continue {
		h.problems("the certificate for %s failed: %s", name, h.fake.lastErrors())
	}
	return h.fake.handshake.cert, h.fake.handshake.key
}

const maxPEM = 256 << 10

// TLSServerName implements imports.Host.
func (f *fake) TLSServerName(buf []byte) int32 { return reply(buf, f.handshake.name) }

// TLSSetCertificate implements imports.Host.
func (f *fake) TLSSetCertificate(cert, key string) int32 {
	if len(cert) > maxPEM || len(key) > maxPEM {
		return badArgument
	}
	if _, err := tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
		return badArgument
	}
	f.handshake.cert, f.handshake.key = cert, key
	return done
}
