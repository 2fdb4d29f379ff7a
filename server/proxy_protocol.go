package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"

	"github.com/pires/go-proxyproto"
)

// readProxyHeader takes from the connection the header by which a proxy that
// passes on bytes tells whose they are (PROXY protocol, versions 1 and 2; nginx:
// listen proxy_protocol). False means that there is nobody to serve: only
// trusted proxies may say who the client is, and a connection of theirs without
// a header has a client that nobody knows. The client then counts against the
// limit for its address, which the proxy's own does not.
func (c *conn) readProxyHeader() bool {
	s := c.server
	if !s.generation.Load().trusts(c.remote.Addr()) {
		c.refuseProxy(errors.New("the address is not in server.trusted_proxies"))
		return false
	}
	var header *proxyproto.Header
	begun := false
	err := c.greet(func() (net.Conn, error) {
		if _, err := c.r.Peek(1); err != nil {
			return nil, err
		}
		begun = true
		if err := c.awaitProxyLine(); err != nil {
			return nil, err
		}
		var err error
		header, err = proxyproto.Read(c.r)
		return c.socket, err
	})
	switch {
	case err != nil && !begun && !errors.Is(err, os.ErrDeadlineExceeded):
		return false // the proxy has looked whether anybody is there
	case err != nil:
		c.refuseProxy(err)
		return false
	}
	if client, ok := clientOf(header); ok {
		c.remote = client
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.countClient(c) {
		s.metrics.refused.Inc()
		return false
	}
	return true
}

// refuseProxy says why a connection with the PROXY protocol is closed.
func (c *conn) refuseProxy(err error) {
	c.server.metrics.proxyHeadersRefused.Inc()
	c.server.log().Warn("closed a connection for want of a PROXY header from a trusted proxy", "remote_addr", c.remote.String(), "error", err)
}

// maxProxyLine is the longest header of version 1, in bytes.
const maxProxyLine = 107

// awaitProxyLine waits for the whole header, where it is one of version 1 and
// has begun: the parser does not, and a proxy's system may send it in pieces.
func (c *conn) awaitProxyLine() error {
	for n := c.r.Buffered(); n < maxProxyLine; n = c.r.Buffered() {
		head, _ := c.r.Peek(n)
		if head[0] != proxyproto.SIGV1[0] || bytes.IndexByte(head, '\n') >= 0 {
			return nil
		}
		if _, err := c.r.Peek(n + 1); err != nil {
			return err
		}
	}
	return nil
}

// clientOf is the client that a header names. A proxy's own connection names
// none, nor does one that came to the proxy by other ways than TCP.
func clientOf(h *proxyproto.Header) (client netip.AddrPort, ok bool) {
	if h.Command.IsLocal() {
		return client, false
	}
	source, _, ok := h.TCPAddrs()
	if !ok {
		return client, false
	}
	client = source.AddrPort()
	return netip.AddrPortFrom(client.Addr().Unmap(), client.Port()), client.IsValid()
}

// unread is a connection of which a part has been read already.
type unread struct {
	net.Conn
	buffered io.Reader // nil once it has been read again
}

func (u *unread) Read(p []byte) (int, error) {
	if u.buffered != nil {
		if n, err := u.buffered.Read(p); err == nil {
			return n, nil
		}
		u.buffered = nil
	}
	return u.Conn.Read(p)
}

// belowTLS is what a handshake reads from: the socket, and before it what came
// in one piece with a PROXY header.
func (c *conn) belowTLS() net.Conn {
	n := c.r.Buffered()
	if n == 0 {
		return c.socket
	}
	head, _ := c.r.Peek(n)
	return &unread{c.socket, bytes.NewReader(bytes.Clone(head))}
}
