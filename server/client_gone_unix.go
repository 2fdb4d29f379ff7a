//go:build unix

package server

import "syscall"

// ClientGone implements host.Wire: it looks for the end of the connection
// without reading from it. Behind bytes that nobody has read yet it sees none.
func (x *exchange) ClientGone() bool {
	raw, ok := x.conn.net.(syscall.Conn)
	if !ok || x.conn.r.Buffered() > 0 {
		return false
	}
	socket, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	err = socket.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err == syscall.ECONNRESET
	})
	return gone || err != nil
}
