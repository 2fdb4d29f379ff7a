package upstream

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Balance is the way in which a group chooses among its live peers.
type Balance uint8

// Ways to balance. In all of them a peer's weight is its share.
const (
	RoundRobin       Balance = iota // in turn (nginx: the default)
	LeastConnections                // who has the fewest requests for its weight (nginx: least_conn)
	IPHash                          // by the first three octets of an IPv4 address, or the whole IPv6 one (nginx: ip_hash)
	Hash                            // by Request.Key (nginx: hash … consistent)
	Random                          // who has fewer requests of two picked by chance (nginx: random two)
)

// Options describe a group. The zero value of a field is its default.
type Options struct {
	Name    string
	Peers   []PeerOptions // no address twice
	Balance Balance

	// MaxFails is how many failures within FailTimeout take a peer out, and
	// MaxFailsInARow how many of them without an answer in between, however long
	// they take. 0: none do.
	MaxFails, MaxFailsInARow int
	// FailTimeout is how long failures count, how long a peer is out then, and
	// how often one request tries whether it is back. Default 10s.
	FailTimeout time.Duration
	// MaxOut is the most of the group's peers, in percent, that failures may
	// take out at once. Default 100.
	MaxOut int
	// SlowStart is how long the share of a peer that is back, or that has come
	// while requests were served, grows up to its weight. 0: it has all at once.
	SlowStart time.Duration
	// Queue is how many requests may wait for a peer with room, and QueueTimeout
	// how long, at most until Request.Deadline. Default 0 and 60s.
	Queue        int
	QueueTimeout time.Duration

	Connecting Connecting

	Check *Check // how peers are asked about their health; nil: not at all

	// Resolve is how often names among the addresses are asked for anew.
	// Default 30s.
	Resolve time.Duration
	// Lookup finds a name's addresses. Default: the machine's own resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Dial connects to peers. Default: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Log is told of peers that come, go and fail. Default: nobody is.
	Log *slog.Logger
}

// PeerOptions describe a peer, or all those that a name stands for.
type PeerOptions struct {
	Address        string // "host:port", or "unix:/path"
	Weight         int    // from 1 to MaxWeight; default 1
	MaxConnections int    // requests at the same time; 0: any number
	Backup         bool   // asked only while none of the others can be
	Down           bool   // never asked
}

// MaxWeight is the largest weight of a peer.
const MaxWeight = 65535

// Check says how peers are asked about their health: by GET, over HTTP/1.1,
// each time on a connection of its own, by TLS where their address begins with
// https://.
type Check struct {
	Path     string        // and query; begins with a slash
	Interval time.Duration // between two rounds, give or take a tenth
	Timeout  time.Duration // for connection, request and head of the response
	// A status from MinStatus to MaxStatus is good. Default: 200 to 399.
	MinStatus, MaxStatus int
	// Rise is how many good answers in a row bring a peer back, Fall how many bad
	// or missing ones take it out. Default 1.
	Rise, Fall int
}

// withDefaults fills in what was left out.
func (o Options) withDefaults() Options {
	set(&o.FailTimeout, 10*time.Second)
	set(&o.MaxOut, 100)
	set(&o.QueueTimeout, time.Minute)
	set(&o.Connecting.Timeout, 5*time.Second)
	set(&o.Connecting.KeepTimeout, time.Minute)
	set(&o.Connecting.KeepTime, time.Hour)
	set(&o.Resolve, 30*time.Second)
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Check != nil {
		c := *o.Check
		set(&c.MinStatus, 200)
		set(&c.MaxStatus, 399)
		set(&c.Rise, 1)
		set(&c.Fall, 1)
		o.Check = &c
	}
	return o
}

func set[T comparable](field *T, byDefault T) {
	var zero T
	if *field == zero {
		*field = byDefault
	}
}
