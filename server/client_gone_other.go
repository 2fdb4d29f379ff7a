//go:build !unix

package server

// ClientGone implements host.Wire. Without a way to look into a socket it
// takes the client to be there.
func (x *exchange) ClientGone() bool { return false }
