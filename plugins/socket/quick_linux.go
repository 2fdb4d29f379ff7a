package socket

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Quick is a connection that reads and writes at once where it can, and waits as
// it did before where it cannot. One that is not a bare socket stays what it is.
func Quick(nc net.Conn) net.Conn {
	s, ok := nc.(bare)
	if !ok {
		return nc
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nc
	}
	c := &conn{bare: s, raw: raw}
	c.reader.try, c.writer.try = c.reader.read, c.writer.write
	return c
}

// bare is what *net.TCPConn and *net.UnixConn are.
type bare interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

type conn struct {
	bare
	raw            syscall.RawConn
	reader, writer side
}

// side is what goes on in one direction.
type side struct {
	mu   sync.Mutex
	try  func(fd uintptr) bool // bound once; false: the connection is to wait
	left []byte
	n    int
	err  error
}

// Read implements io.Reader.
func (c *conn) Read(p []byte) (int, error) {
	s := &c.reader
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.n, s.err = p, 0, nil
	err := c.raw.Read(s.try)
	s.left = nil
	if err == nil {
		err = s.err
	}
	return s.n, err
}

func (s *side) read(fd uintptr) bool {
	for len(s.left) > 0 {
		n, errno := Receive(fd, s.left)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			return false
		case errno != 0:
			s.err = os.NewSyscallError("read", errno)
		case n == 0:
			s.err = io.EOF
		default:
			s.n = n
		}
		break
	}
	return true
}

// Write implements io.Writer.
func (c *conn) Write(p []byte) (int, error) {
	s := &c.writer
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.n, s.err = p, 0, nil
	err := c.raw.Write(s.try)
	s.left = nil
	if err == nil {
		err = s.err
	}
	return s.n, err
}

func (s *side) write(fd uintptr) bool {
	for len(s.left) > 0 {
		n, errno := Send(fd, s.left[:min(len(s.left), AtOnce)], false)
		switch errno {
		case 0:
			s.left = s.left[n:]
			s.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			s.err = os.NewSyscallError("write", errno)
			return true
		}
	}
	return true
}
