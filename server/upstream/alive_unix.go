//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// alive tells whether the peer has neither closed the connection nor sent what
// nobody has asked for. Over TLS it may have sent what concerns TLS alone.
func (c *Conn) alive() bool {
	nc := c.net
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = err == syscall.EAGAIN || c.secure && n > 0
	})
	return alive && err == nil
}
