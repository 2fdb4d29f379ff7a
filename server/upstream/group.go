package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Group is the peers of one upstream. It is safe for concurrent use.
type Group struct {
	name string

	mu      sync.Mutex
	options Options
	entries []*entry
	tiers   [2]tier
	live    int  // peers that are usable and not out
	settled bool // none is out or in its slow start: nothing depends on the time
	queue   queue
	closed  bool
	version atomic.Uint64 // of the list of peers

	changing  sync.Mutex // held by Update and Close, ahead of mu
	end       context.CancelFunc
	running   sync.WaitGroup // health checks and resolution
	resolveAt time.Time      // when names are asked for again; belongs to resolution while that runs
}

// tier are peers that are asked before those of the next: the group's own, and
// then the backups.
type tier struct {
	peers []*Peer
	even  bool // all have the same weight
}

// Request is what the choice of a peer depends on. It belongs to one exchange,
// which keeps it for all its tries.
type Request struct {
	Client   netip.Addr
	Key      []byte    // what a consistent hash is over; belongs to the caller
	Deadline time.Time // how long to wait for a connection slot; zero: not at all
	Tried    []*Peer   // by this exchange already: none of them is picked again

	// Status is what the peer tried last has answered, 0 where it gave no answer,
	// and More how many tries a balancer wants beyond those that the configuration
	// allows. Pick looks at neither: they are between the caller and its balancer.
	Status, More int

	// Gone tells whether nobody waits for the answer any more. It is asked about
	// every tenth of a second while the request is in the queue. May be nil.
	Gone func() bool

	// StepAside is called before the request waits in the queue. May be nil.
	StepAside func()
}

// Errors of Pick.
var (
	// ErrNoPeer is that of a group none of whose peers may be asked: all are
	// down, or have been tried.
	ErrNoPeer = errors.New("no live peer")
	// ErrBusy is that of a group whose live peers have as many requests as they
	// may: the queue is full, or the request has waited for as long as it may. It
	// is an ErrNoPeer as well.
	ErrBusy = fmt.Errorf("%w has room", ErrNoPeer)
)

// New makes a group. It waits for the addresses of names among its peers, but
// not for long: what does not resolve is logged, and tried again later. Close
// gives back what it holds.
func New(o Options) *Group {
	g := &Group{name: o.Name}
	g.Update(o)
	return g
}

// Name is the group's name.
func (g *Group) Name() string { return g.name }

// Peers are the group's peers, the backups last, those that are not asked
// included.
func (g *Group) Peers() []*Peer { return g.AppendPeers(nil) }

// AppendPeers appends what Peers answers.
func (g *Group) AppendPeers(dst []*Peer) []*Peer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append(append(dst, g.tiers[0].peers...), g.tiers[1].peers...)
}

// Version is another number whenever AppendPeers may answer other peers.
func (g *Group) Version() uint64 { return g.version.Load() }

// Take is Pick for a caller that has chosen the peer itself. What is known of
// the peer's health does not matter, nor whether it has been tried. It is
// ErrBusy where HasRoom is false.
func (g *Group) Take(p *Peer) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !p.hasRoom() {
		return ErrBusy
	}
	p.take(time.Now())
	return nil
}

// Pick chooses the peer for the next try. The caller ends it by Done. Of a
// request whose client has gone while it waited the error is ErrGone.
func (g *Group) Pick(r *Request) (*Peer, error) {
	g.mu.Lock()
	p := g.pick(r)
	if p == nil {
		return g.wait(r) // it unlocks
	}
	g.mu.Unlock()
	return p, nil
}

// Another tells whether there is a peer to pick besides this one, which the
// request is being tried at. In a group with a queue it need not have room.
func (g *Group) Another(r *Request, but *Peer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for i := range g.tiers {
		for _, p := range g.tiers[i].peers {
			if p != but && p.askable(r, now) && (!p.full() || g.options.Queue > 0) {
				return true
			}
		}
	}
	return false
}

// pick chooses a peer that has room, and counts the request. It answers nil
// where there is none. It is called locked.
//
// A peer that is out is passed over while there is one that is not. Once
// failures have taken all peers out they are asked again as if nothing were
// known of them: that one of them answers is possible, and that nobody does is
// certain otherwise. A group's only peer is therefore never out, as in nginx.
func (g *Group) pick(r *Request) *Peer {
	var now time.Time
	if !g.settled {
		now = time.Now()
		g.settle(now)
	}
	for i := range g.tiers {
		if p := g.choose(&g.tiers[i], r, now); p != nil {
			p.take(now)
			return p
		}
	}
	return nil
}

// choose chooses among the peers of a tier.
func (g *Group) choose(t *tier, r *Request, now time.Time) *Peer {
	switch g.options.Balance {
	case LeastConnections:
		return leastConnections(t.peers, r, now)
	case Random:
		return random(t.peers, r, now)
	case IPHash:
		if r.Client.IsValid() {
			return hashed(t.peers, t.even && g.settled, networkKey(r.Client), r, now)
		}
	case Hash:
		if len(r.Key) > 0 { // as in nginx an empty key is none
			return hashed(t.peers, t.even && g.settled, hashKey(r.Key), r, now)
		}
	}
	return roundRobin(t.peers, r, now)
}

// busy tells whether a peer may be asked that has no room. It is called locked.
func (g *Group) busy(r *Request) bool {
	now := time.Now()
	for i := range g.tiers {
		for _, p := range g.tiers[i].peers {
			if p.full() && p.askable(r, now) {
				return true
			}
		}
	}
	return false
}

// recount renews what is known of the group's peers as a whole. It is called
// locked, whenever the state of one has changed.
func (g *Group) recount() {
	g.live, g.settled = 0, true
	for i := range g.tiers {
		peers, sum := g.tiers[i].peers, int64(0)
		for _, p := range peers {
			if p.usable() && !p.out {
				g.live++
				sum += p.weight * unit
			}
			if p.out || !p.warm.IsZero() {
				g.settled = false
			}
		}
		if sum == 0 {
			continue
		}
		for _, p := range peers { // what greater weights have left would keep one from its turn for long
			p.current = max(-sum, min(p.current, sum))
		}
	}
}

// settle ends slow starts whose time is over. It is called locked.
func (g *Group) settle(now time.Time) {
	ended := false
	for i := range g.tiers {
		for _, p := range g.tiers[i].peers {
			if !p.warm.IsZero() && !now.Before(p.warm) {
				p.warm, ended = time.Time{}, true
			}
		}
	}
	if ended {
		g.recount()
	}
}

// Close ends the group: its health checks, and requests that wait for a peer.
// Peers that were picked stay good until they are done.
func (g *Group) Close() {
	g.changing.Lock()
	defer g.changing.Unlock()
	g.stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, e := range g.entries {
		for _, p := range e.peers {
			p.dismiss()
		}
	}
	g.endQueue()
}
