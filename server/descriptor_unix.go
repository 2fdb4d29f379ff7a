//go:build unix

package server

import (
	"io"
	"os"
	"syscall"
)

// descriptor is a connection's socket by its file descriptor, for what can be
// done at once.
type descriptor struct {
	raw      syscall.RawConn
	tryRead  func(fd uintptr) bool // readFirst, bound once
	tryWrite func(fd uintptr) bool // writeSome, bound once
	out      []byte                // what is left to write
	err      error                 // what the last try met
}

// bind binds the tries, once.
func (c *conn) bind() { c.tryRead, c.tryWrite = c.readFirst, c.writeSome }

// openDescriptor finds the socket, where requests come over it as it is.
func (c *conn) openDescriptor() {
	if s, ok := c.net.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
}

// awaitByte waits for the first byte of a request. A connection over a bare
// socket does so without a desk. It costs no system call more: what would wait
// tries to read first.
func (c *conn) awaitByte() error {
	if c.raw == nil {
		_, err := c.r.Peek(1)
		return err
	}
	if err := c.raw.Read(c.tryRead); err != nil {
		return err
	}
	return c.err
}

// readFirst reads what has come. It is true where that is a byte, the end, or
// an error, and false where the connection is to wait.
func (c *conn) readFirst(fd uintptr) bool {
	c.sitDown()
	c.inlet.fd = int(fd)
	_, c.err = c.r.Peek(1)
	c.inlet.fd = -1
	if c.err == syscall.EAGAIN {
		c.getUp()
		return false
	}
	return true
}

// read reads what has come: EAGAIN means nothing.
func (i *inlet) read(p []byte) (int, error) {
	for {
		switch n, errno := readNow(uintptr(i.fd), p); {
		case errno == syscall.EINTR:
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// atOnce is how many bytes are written at once: copying more takes so long that
// others should run meanwhile.
const atOnce = 32 << 10

// write writes within the deadline that is set.
func (c *conn) write(p []byte) (int, error) {
	if c.raw == nil || len(p) > atOnce {
		return c.net.Write(p)
	}
	c.out, c.err = p, nil
	err := c.raw.Write(c.tryWrite)
	if err == nil {
		err = c.err
	}
	n := len(p) - len(c.out)
	c.out = nil
	return n, err
}

// writeSome writes what the socket takes. It is false where the connection is to
// wait.
func (c *conn) writeSome(fd uintptr) bool {
	for len(c.out) > 0 {
		switch n, errno := writeNow(fd, c.out); errno {
		case 0:
			c.out = c.out[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			c.err = os.NewSyscallError("write", errno)
			return true
		}
	}
	return true
}
