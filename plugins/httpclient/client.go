package httpclient

import (
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
	IdlePerHost int            // how many connections to a host are kept for later; 0 means 100
	IdleFor     time.Duration  // for how long; 0 means 60 s
	Roots       *x509.CertPool // the authorities that are trusted; nil means the machine's
	Resolver    *net.Resolver  // looks names up; nil means the operating system's
}

const (
	defaultIdlePerHost = 100
	defaultIdleFor     = time.Minute
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
	if o.IdlePerHost == 0 {
		o.IdlePerHost = defaultIdlePerHost
	}
	if o.IdleFor == 0 {
		o.IdleFor = defaultIdleFor
	}
	c.transport = &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dial,
		DialTLSContext:         c.dialTLS,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    o.IdlePerHost,
		IdleConnTimeout:        o.IdleFor,
		MaxResponseHeaderBytes: maxResponseHeader,
		ForceAttemptHTTP2:      true,
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
