package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// TLSCertificate registers what supplies the certificates for names
// (ssl_certificate_by_lua), on listeners that name the plugin:
//
//	[listeners.NAME.tls]
//	plugin = "PLUGIN"
//
// It runs in the handshake of a client that asks for a name which none of the
// listener's own certificates is for. What it supplies is used for that name
// for five minutes. Where it supplies none, or fails, the listener's first
// certificate is used; where there is none the handshake fails. An error is a
// fault of the plugin, and logged.
//
// There is no request yet: it runs on an instance of its own. A client may ask
// for any name, so do not trust it, and look it up before doing what is dear.
func TLSCertificate(f func(h *Handshake) error) {
	phases.Register(abi.TLSCertificate, lifecycle(func() error {
		return f(&Handshake{ServerName: text(appendServerName(scratch))})
	}))
}

// Handshake is the beginning of a TLS connection.
type Handshake struct {
	ServerName string // the name that the client asks for, in lower case
}

// SetCertificate supplies the certificate, followed by those that lead to the
// authority, and its private key, both in PEM form (set_cert, set_priv_key).
// The last call counts. [ErrBadArgument] says that they are no certificate and
// its key.
func (*Handshake) SetCertificate(cert, key string) error {
	return errnoOf(imports.TLSSetCertificate(cert, key))
}

func appendServerName(dst []byte) ([]byte, error) {
	n := imports.TLSServerName(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.TLSServerName(free(dst))
	}
	return taken(dst, n)
}
