//go:build unix

package upstream

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// alive tells whether the peer has neither closed the connection nor sent what
// nobody has asked for. Over TLS it may have sent what concerns TLS alone, as
// long as that is not the end.
func (c *Conn) alive() bool {
	open, sent := c.peek()
	if sent && c.secure && c.takeTLS() {
		open, sent = c.peek()
	}
	return open && !sent
}

// peek tells whether the connection is open, as far as the socket knows, and
// whether something has come that nobody has read.
func (c *Conn) peek() (open, sent bool) {
	nc := c.net
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = outer.NetConn()
	}
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return true, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, false
	}
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		sent = n > 0
		open = sent || err == syscall.EAGAIN
	})
	return open && err == nil, sent
}

// takeTLS reads what concerns TLS alone, session tickets mostly, and tells
// whether nothing else has come.
func (c *Conn) takeTLS() bool {
	c.net.SetReadDeadline(time.Now().Add(time.Millisecond)) // what has come is here
	c.readBy = 0
	var b [1]byte
	n, err := c.net.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
