//go:build unix

package upstream

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// pulse is for looking whether a connection's peer is still there.
type pulse struct {
	raw        syscall.RawConn
	look       func(fd uintptr) // bound once
	open, sent bool             // what it has seen
}

// feel sets up the connection's pulse, if it has one.
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
		return // it is closed
	}
	p := &c.pulse
	p.raw, p.look = raw, func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.sent = n > 0
		p.open = p.sent || err == syscall.EAGAIN
	}
}

// alive tells whether the peer has neither closed the connection nor sent what
// nobody has asked for. Over TLS it may have sent what concerns TLS alone, as
// long as that is not the end. It is for whoever takes the connection out of those
// that wait.
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
	p := &c.pulse
	if p.raw == nil {
		return true, false
	}
	err := p.raw.Control(p.look)
	return p.open && err == nil, p.sent
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
