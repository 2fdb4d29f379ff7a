//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// pulse is for looking whether a connection's peer is still there.
type pulse struct {
	raw   syscall.RawConn
	look  func(fd uintptr) // bound once
	alive bool
}

// feel sets up the pulse of a connection, if it has one.
func (c *Conn) feel() {
	nc := c.net
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return
	}
	p := &c.pulse
	p.raw = raw
	p.look = func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.alive = err == syscall.EAGAIN || c.secure && n > 0
	}
}

// alive tells whether the peer has neither closed the connection nor sent what
// nobody has asked for. Over TLS it may have sent what concerns TLS alone.
func (c *Conn) alive() bool {
	p := &c.pulse
	if p.raw == nil {
		return true
	}
	p.alive = false
	return p.raw.Control(p.look) == nil && p.alive
}
