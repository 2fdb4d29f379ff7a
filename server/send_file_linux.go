package server

import (
	"errors"
	"syscall"
	"time"

	"phasm/plugins/socket"
	"phasm/server/static"
)

// sendFile has the kernel send a part of a file behind what is in the connection's
// buffer (sendfile(2)), and both in one packet where they fit. The file says from
// where on, as others may be sending it, too. The error is errors.ErrUnsupported
// where the rest has to be sent in another way: the connection is no bare socket,
// or the file's system cannot do it.
func (c *conn) sendFile(p *static.Part) (sent int64, err error) {
	bare, ok := c.net.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	c.goesOn = true
	err = c.w.Flush()
	c.goesOn = false
	if err != nil {
		return 0, err
	}
	if _, _, length := p.Rest(); c.loop != nil && length <= socket.AtOnce && p.InMemory() {
		if sent, err = c.trySendFile(p); err != syscall.EAGAIN {
			return sent, fileError(err)
		}
	}
	c.stepAside()
	n, err := c.sendFileSlowly(bare, p)
	return sent + n, fileError(err)
}

// trySendFile sends what the socket takes: EAGAIN means that it takes no more.
func (c *conn) trySendFile(p *static.Part) (sent int64, err error) {
	for {
		file, start, length := p.Rest()
		if length == 0 {
			return sent, nil
		}
		n, errno := socket.SendFile(uintptr(c.fd), file, start, int(length))
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return sent, errno
		case n == 0: // the file has become shorter
			return sent, nil
		}
		p.Skip(int64(n))
		sent += int64(n)
	}
}

// sendFileSlowly sends the rest of a part, each piece within the write timeout.
func (c *conn) sendFileSlowly(bare syscall.Conn, p *static.Part) (sent int64, err error) {
	raw, err := bare.SyscallConn()
	if err != nil {
		return 0, err
	}
	n, piece := 0, 0
	send := func(fd uintptr) bool {
		file, start, length := p.Rest()
		n, err = syscall.Sendfile(int(fd), file, &start, int(min(length, int64(piece))))
		return err != syscall.EAGAIN
	}
	for _, _, length := p.Rest(); length > 0; _, _, length = p.Rest() {
		c.writeWithin(time.Duration(c.config.Server.Timeouts.Write))
		for piece = int(min(length, sendPiece)); piece > 0; piece -= n {
			waitErr := raw.Write(send)
			switch {
			case waitErr != nil:
				return sent, waitErr
			case err == syscall.EINTR:
				n = 0
			case err != nil, n == 0:
				return sent, err
			}
			p.Skip(int64(n))
			sent += int64(n)
		}
	}
	return sent, nil
}

// fileError is errors.ErrUnsupported for what sendfile answers of files that it
// cannot send.
func fileError(err error) error {
	switch err {
	case syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP:
		return errors.ErrUnsupported
	}
	return err
}
