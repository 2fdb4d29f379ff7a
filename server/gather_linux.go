package server

import (
	"syscall"

	"phasm/plugins/socket"
)

// writeBoth writes all of a piece, and of the one behind it what the socket takes
// in the same system call.
func (c *conn) writeBoth(p, behind []byte) (n int, err error) {
	if c.loop == nil {
		return c.write(p)
	}
	var errno syscall.Errno = syscall.EINTR
	for errno == syscall.EINTR {
		n, errno = socket.SendBoth(uintptr(c.fd), p, behind[:min(len(behind), socket.AtOnce)])
	}
	switch {
	case errno == syscall.EAGAIN:
		n = 0
	case errno != 0:
		return 0, errno
	}
	if n >= len(p) {
		return n, nil
	}
	rest, err := c.write(p[n:])
	return n + rest, err
}
