//go:build unix

package server

import (
	"io"
	"syscall"
)

// awaitByte waits for the first byte of a request. A connection over a bare
// socket does so without a desk. It costs no system call more: what would wait
// tries to read first.
func (c *conn) awaitByte() error {
	if c.raw == nil {
		_, err := c.r.Peek(1)
		return err
	}
	if err := c.raw.Read(c.tryByte); err != nil {
		return err
	}
	return c.firstErr
}

// readFirst reads what has come. It is true where that is a byte, the end, or
// an error, and false where the connection is to wait.
func (c *conn) readFirst(fd uintptr) bool {
	c.sitDown(c.config)
	c.inlet.fd = int(fd)
	_, c.firstErr = c.r.Peek(1)
	c.inlet.fd = -1
	if c.firstErr == syscall.EAGAIN {
		c.getUp()
		return false
	}
	return true
}

// readNow reads what has come: EAGAIN means nothing.
func readNow(fd int, p []byte) (int, error) {
	for {
		switch n, err := syscall.Read(fd, p); {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// rawOf is the socket by its descriptor, nil for what is none.
func rawOf(c *conn) syscall.RawConn {
	socket, ok := c.net.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
