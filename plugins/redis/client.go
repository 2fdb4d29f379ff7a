package redis

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"phasm/plugins/socket"
)

// Client talks to one Redis, single, watched by sentinels or a cluster. It is
// safe for concurrent use.
type Client struct {
	options rueidis.ClientOption
	cluster bool
	caches  bool
	key     [sha256.Size]byte
	users   int // guarded by Clients.mu

	current  atomic.Pointer[connected] // nil before the first connection
	good     atomic.Bool               // the last command was answered: the next need not be afraid to wait
	sent     atomic.Int64              // how many commands wait for replies without a goroutine of their own
	blocked  atomic.Int64              // how many commands block, each on a connection of its own
	nodes    nodes                     // of a cluster, for scripts
	complain atomic.Int64              // when Complain said yes last, in nanoseconds since 1970

	mu         sync.Mutex
	connecting *attempt // one that goes on
	closed     bool
}

// connected is the library's client once it has met a server.
type connected struct{ rueidis.Client }

// attempt is a connection that is being made.
type attempt struct {
	done   chan struct{}
	client *connected // valid once done is closed, nil where it failed
	err    error
}

// ErrClosed is the error of a client after Close.
var ErrClosed = errors.New("the client is closed")

// New makes a client that connects when it is used first. The error is about
// certificates, or there is no address.
func New(options Options) (*Client, error) {
	library, err := options.library()
	if err != nil {
		return nil, err
	}
	c := &Client{options: library, cluster: options.Cluster, caches: options.Cache > 0}
	c.options.DialCtxFn = c.dial
	return c, nil
}

// dial opens a connection. Who comes meanwhile waits patiently.
func (c *Client) dial(ctx context.Context, address string, dialer *net.Dialer, protection *tls.Config) (net.Conn, error) {
	c.good.Store(false)
	open := dialer.DialContext
	if protection != nil {
		open = (&tls.Dialer{NetDialer: dialer, Config: protection}).DialContext
	}
	conn, err := open(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &guarded{Conn: socket.Quick(conn, nil), client: c}, nil
}

// Timeout is how long connecting, or a command, may take.
func (c *Client) Timeout() time.Duration { return c.options.Dialer.Timeout }

// Close ends the connections. Commands that run fail. Where the server does not
// answer it takes a second.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	going := c.connecting
	c.mu.Unlock()
	if going != nil {
		<-going.done
	}
	c.good.Store(false)
	if used := c.current.Load(); used != nil {
		used.Close()
	}
}

// maxSent is below the 1024 commands that the library queues for a connection:
// who comes when the queue is full waits for room, however long that takes.
const maxSent = 512

// ready is the library's client where nothing keeps a command from being sent
// at once, else nil. In a cluster any command may be the first for its node.
// The caller counts itself off sent when it has the reply.
func (c *Client) ready() *connected {
	if c.cluster || !c.good.Load() {
		return nil
	}
	if c.sent.Add(1) > maxSent {
		c.sent.Add(-1)
		return nil
	}
	return c.current.Load()
}

// connect waits for the library's client, up to the timeout. It may be called
// by many at once, who then wait for the same.
func (c *Client) connect() (*connected, error) {
	if used := c.current.Load(); used != nil {
		return used, nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if used := c.current.Load(); used != nil {
		c.mu.Unlock()
		return used, nil
	}
	going := c.connecting
	if going == nil {
		going = &attempt{done: make(chan struct{})}
		c.connecting = going
		go c.attempt(going)
	}
	c.mu.Unlock()
	<-going.done
	return going.client, going.err
}

// attempt makes the library's client. It comes back after the timeout, times
// the number of addresses where there are several.
func (c *Client) attempt(a *attempt) {
	made, err := rueidis.NewClient(c.options)
	c.mu.Lock()
	c.connecting = nil
	if err == nil {
		a.client = &connected{made}
		c.current.Store(a.client)
	} else {
		a.err = err
	}
	c.mu.Unlock()
	if err != nil && made != nil {
		made.Close() // a single server's client comes even so
	}
	close(a.done)
}

// outcome is what has become of a command.
type outcome struct {
	reply []byte
	err   error
}

// patiently has a goroutine wait for a connection and for the reply, so that
// the caller can leave when ctx ends: the library waits for a connection that
// somebody else opens however long that takes. The goroutine ends after twice
// the client's timeout at most. What do uses must not change any more.
func (c *Client) patiently(ctx context.Context, dst []byte, do func(context.Context, *connected) ([]byte, error)) ([]byte, error) {
	answer := make(chan outcome, 1)
	go func() {
		client, err := c.connect()
		if err != nil {
			answer <- outcome{err: err}
			return
		}
		within, cancel := context.WithTimeout(context.Background(), c.Timeout())
		defer cancel()
		reply, err := do(within, client)
		answer <- outcome{reply, err}
	}()
	select {
	case o := <-answer:
		return append(dst, o.reply...), o.err
	case <-ctx.Done():
		return dst, ctx.Err()
	}
}

// Complain tells whether an error deserves a line in the log: one in ten
// seconds does.
func (c *Client) Complain() bool {
	const interval = 10 * time.Second
	now, last := time.Now().UnixNano(), c.complain.Load()
	return now-last > int64(interval) && c.complain.CompareAndSwap(last, now)
}

// Request is one command.
type Request struct {
	Args  []string // the name first; none may change as long as the command runs, nor after a timeout
	Keys  []int    // the positions of the keys among Args, ascending
	Reads bool     // it changes nothing, and may be sent twice

	// Scripts says that it may run a script, which can answer errors in Redis'
	// words.
	Scripts bool

	// Blocks says that it may block until something happens: [Client.Do] gives
	// it a connection of its own. Pipelines and transactions must not have it.
	Blocks bool
}

// clone is a request that shares only strings with r.
func (r Request) clone() Request {
	r.Args, r.Keys = slices.Clone(r.Args), slices.Clone(r.Keys)
	return r
}
