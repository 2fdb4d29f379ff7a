package httpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options say how a client connects. The zero value is the default.
type Options struct {
	Idle        int            // how many connections are kept for later; 0 means 1000
	IdlePerHost int            // how many of them to a host; 0 means 100
	IdleFor     time.Duration  // for how long; 0 means 60 s
	Ping        time.Duration  // for how long an HTTP/2 connection may be silent before it must prove to be alive within the same time; 0 means 20 s
	Roots       *x509.CertPool // the authorities that are trusted; nil means the machine's
	Resolver    *net.Resolver  // looks names up; nil means the operating system's
}

const (
	defaultIdle        = 1000
	defaultIdlePerHost = 100
	defaultIdleFor     = time.Minute
	defaultPing        = 20 * time.Second
	maxResponseHeader  = 64 << 10
	userAgent          = "phasm"
)

// Errors of requests, beside those of the network.
var (
	errAddress = errors.New("not granted")
	errTooLong = errors.New("the response's body is longer than the plugin allows")
	errTooSlow = errors.New("it took too long")
	errClosed  = errors.New("the request was closed")
)

// Client sends requests and keeps connections. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	tls       *tls.Config
	resolver  *net.Resolver
	ctx       context.Context // of all requests
	stop      context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New makes a client. It is the caller's to close.
func New(o Options) *Client {
	c := &Client{resolver: o.Resolver}
	c.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots, NextProtos: []string{"h2", "http/1.1"}}
	c.ctx, c.stop = context.WithCancelCause(context.Background())
	o.Idle = cmp.Or(o.Idle, defaultIdle)
	o.IdlePerHost = cmp.Or(o.IdlePerHost, defaultIdlePerHost)
	o.IdleFor = cmp.Or(o.IdleFor, defaultIdleFor)
	o.Ping = cmp.Or(o.Ping, defaultPing)
	c.transport = &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dial,
		DialTLSContext:         c.dialTLS,
		DisableCompression:     true,
		MaxIdleConns:           o.Idle,
		MaxIdleConnsPerHost:    o.IdlePerHost,
		IdleConnTimeout:        o.IdleFor,
		MaxResponseHeaderBytes: maxResponseHeader,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: o.Ping, PingTimeout: o.Ping},
		ReadBufferSize:         4 << 10,
		WriteBufferSize:        4 << 10,
	}
	return c
}

// run runs one request beside the caller, false where the client is closed.
func (c *Client) run(send func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Go(send)
	}
	return !c.closed
}

// Close ends all requests and connections, and waits for the former. What is
// asked for later fails.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop(errClosed)
	c.running.Wait()
	c.transport.CloseIdleConnections()
}
