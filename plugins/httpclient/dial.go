package httpclient

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialer is the key of the context's value that says for which exchange the
// transport dials.
type dialer struct{}

// dial connects, for one URL's host, to an address that it may lead to.
//
// The transport lets it go on when its exchange is over, for others to use the
// connection. Here it ends with an exchange that has failed, and counts as a
// part of any: what a plugin gives up must not pile up.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	x := ctx.Value(dialer{}).(*exchange)
	if !x.join() {
		return nil, errClosed
	}
	defer x.leave()
	return c.connect(ctx, x, network, address)
}

// dialTLS is dial, and agrees on encryption.
func (c *Client) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	x := ctx.Value(dialer{}).(*exchange)
	if !x.join() {
		return nil, errClosed
	}
	defer x.leave()
	conn, err := c.connect(ctx, x, network, address)
	if err != nil {
		return nil, err
	}
	config := c.tls.Clone()
	config.ServerName, _, _ = net.SplitHostPort(address)
	secure := tls.Client(conn, config)
	if err := x.within(ctx, x.steps.limits.TLS, "the TLS handshake", secure.HandshakeContext); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (c *Client) connect(ctx context.Context, x *exchange, network, address string) (conn net.Conn, err error) {
	name, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if isAddr(name) {
		if addr, _ := netip.ParseAddr(name); addr.Is6() {
			name = "[" + name + "]"
		}
	}
	host, ok := canonicalHost(name)
	if !ok {
		return nil, errURL
	}
	d := net.Dialer{
		Resolver: c.resolver,
		ControlContext: func(_ context.Context, _, to string, _ syscall.RawConn) error {
			addr, err := netip.ParseAddrPort(to)
			if err != nil {
				return err
			}
			return checkAddress(host, addr.Addr())
		},
	}
	err = x.within(ctx, x.steps.limits.Connect, "connecting", func(ctx context.Context) (err error) {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// within does a step towards a connection within a limit. It ends early where
// the exchange fails; one that has found another connection lets it go on.
func (x *exchange) within(ctx context.Context, limit time.Duration, what string, do func(context.Context) error) error {
	slow := tooSlow(what, limit)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(x.ctx, func() {
		if cause := context.Cause(x.ctx); cause != context.Canceled {
			cancel(cause)
		}
	})()
	ctx, end := context.WithTimeoutCause(ctx, limit, slow)
	defer end()
	err := do(ctx)
	if deadline, _ := ctx.Deadline(); err == nil {
		return nil
	} else if !time.Now().Before(deadline) {
		return slow
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
