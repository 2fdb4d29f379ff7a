//go:build unix

package server

import "syscall"

// gone tells whether the client has closed the connection: it looks for the end
// without reading. Behind bytes that nobody has read yet it sees none.
func (c *conn) gone() bool {
	raw, ok := c.socket.(syscall.Conn)
	if !ok || c.r.Buffered() > 0 {
		return false
	}
	socket, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	err = socket.Control(func(fd uintptr) {
		if c.tls != nil && hungUp(fd) {
			gone = true // TLS says good-bye in bytes that nobody may read here
			return
		}
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err == syscall.ECONNRESET
	})
	return gone || err != nil
}
