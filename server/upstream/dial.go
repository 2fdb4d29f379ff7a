package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Connecting says how connections to peers are made and kept.
type Connecting struct {
	Timeout     time.Duration // for connecting, and for TLS; default 5s
	Keep        int           // how many connections to a peer may wait for an exchange for longer than a second
	KeepTimeout time.Duration // and how long; default 60s
	KeepTime    time.Duration // how old one may be that is to wait again; default 1h
	TLS         *tls.Config   // for peers whose address begins with https://; nil: the default
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Connect is a connection to the peer for an exchange: one that waits for one,
// or a new one where there is none, or where fresh is set. One that is careful
// wants no waiting one that the peer may have closed meanwhile, as far as that
// can be told.
func (p *Peer) Connect(patience Patience, fresh, careful bool) (*Conn, error) {
	var c *Conn
	if !fresh {
		c = p.idle.take(careful)
	}
	if c == nil {
		patience.stepAside()
		var err error
		if c, err = p.dial(); err != nil {
			return nil, err
		}
	}
	c.begin(patience)
	return c, nil
}

func (p *Peer) dial() (*Conn, error) {
	p.group.mu.Lock()
	how, dial := p.group.options.Connecting, p.group.options.Dial
	p.group.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), how.Timeout)
	defer cancel()
	nc, secure, err := p.open(ctx, how, dial)
	if err != nil {
		return nil, err
	}
	return newConn(p, nc, secure, how.TLS), nil
}

// open connects to the peer, by TLS where its address says so. Nothing is left
// of what has not come about when ctx ends.
func (p *Peer) open(ctx context.Context, how Connecting, dial dialFunc) (nc net.Conn, secure bool, err error) {
	if nc, err = dial(ctx, p.Network, p.Address); err != nil {
		return nil, false, timedOut(ctx, err)
	}
	_, _, secure, host := parseAddress(p.Name)
	if !secure {
		return nc, false, nil
	}
	secured := tls.Client(nc, clientConfig(how.TLS, withoutZone(host)))
	if err := secured.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, true, fmt.Errorf("TLS: %w", timedOut(ctx, err))
	}
	return secured, true, nil
}

// clientConfig is for a peer of that name, unless the configuration has another.
func clientConfig(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName = host
	}
	return c
}

// timedOut tells a connection that takes too long from one that fails.
func timedOut(ctx context.Context, err error) error {
	if t, ok := err.(net.Error); ctx.Err() != nil || ok && t.Timeout() {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}
