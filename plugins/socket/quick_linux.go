package socket

import (
	"net"
	"sync"
	"syscall"
)

// Quick is a connection that reads and writes at once where it can, and waits as
// it did before where it cannot: beforeWait, which may be nil, is called first. One
// that is not a bare socket stays what it is.
func Quick(nc net.Conn, beforeWait func()) net.Conn {
	s, ok := nc.(bare)
	if !ok {
		return nc
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nc
	}
	c := &conn{bare: s}
	c.reader.bind(raw.Read, TryReceive, beforeWait)
	c.writer.bind(raw.Write, func(fd uintptr, p []byte) (int, error) { return TrySend(fd, p, false) }, beforeWait)
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
	reader, writer side
}

// Read implements io.Reader.
func (c *conn) Read(p []byte) (int, error) { return c.reader.do(p) }

// Write implements io.Writer.
func (c *conn) Write(p []byte) (int, error) { return c.writer.do(p) }

// side is what goes on in one direction.
type side struct {
	wait func(try func(fd uintptr) bool) error // a raw connection's Read or Write
	try  func(fd uintptr) bool                 // bound once; false: the connection is to wait

	mu  sync.Mutex
	p   []byte
	n   int // of it done
	err error
}

func (s *side) bind(wait func(func(fd uintptr) bool) error, try func(fd uintptr, p []byte) (int, error), beforeWait func()) {
	s.wait = wait
	s.try = func(fd uintptr) bool {
		var n int
		n, s.err = try(fd, s.p[s.n:])
		s.n += n
		if s.err == syscall.EAGAIN && beforeWait != nil {
			beforeWait()
		}
		return s.err != syscall.EAGAIN
	}
}

func (s *side) do(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.p, s.n, s.err = p, 0, nil
	err := s.wait(s.try)
	s.p = nil
	if err == nil {
		err = s.err
	}
	return s.n, err
}
