package host

import "phasm/sdk/abi"

// Handshake is what a call in the tls_certificate phase is about. One goroutine
// uses it at a time.
type Handshake interface {
	// ServerName is the name that the client asks for, in lower case.
	ServerName() string
	// SetCertificate gives the certificate for it, and those that lead to the
	// authority, in PEM form, and its private key. It keeps neither. The last one
	// counts. The error is abi.BadArgument where they are no such thing.
	SetCertificate(cert, key []byte) abi.Errno
}

// maxPEM is how large a certificate or a key may be, in bytes.
const maxPEM = 256 << 10

func tlsServerName(c *Call, s []uint64) { c.replyText(s, c.Handshake.ServerName(), s[0], s[1]) }

func tlsSetCertificate(c *Call, s []uint64) {
	cert, ok := c.view(s[0], s[1])
	key, ok2 := c.view(s[2], s[3])
	if !ok || !ok2 || len(cert) > maxPEM || len(key) > maxPEM {
		fail(s, abi.BadArgument)
		return
	}
	answer(s, int(c.Handshake.SetCertificate(cert, key)))
}
