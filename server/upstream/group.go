package upstream

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// Options describe a group.
type Options struct {
	Name  string
	Peers []string // addresses: "host:port", or "unix:/path"
}

// Group is the peers of one upstream. It is safe for concurrent use.
type Group struct {
	name  string
	peers []*Peer
	next  atomic.Uint64
}

// Request is what the choice of a peer depends on. It belongs to one exchange,
// which keeps it for all its tries.
type Request struct {
	Client   netip.Addr
	Key      []byte    // what a consistent hash is over; belongs to the caller
	Deadline time.Time // how long to wait for a connection slot; zero: not at all
	Tried    []*Peer   // by this exchange already: none of them is picked again
}

// ErrNoPeer is that of a group none of whose peers may be asked: all are down,
// or have been tried.
var ErrNoPeer = errors.New("no live peer")

// New makes a group. Close gives back what it holds.
func New(o Options) *Group {
	g := &Group{name: o.Name}
	for _, address := range o.Peers {
		p := &Peer{Network: "tcp", Address: address}
		if path, unix := strings.CutPrefix(address, "unix:"); unix {
			p.Network, p.Address = "unix", path
		}
		g.peers = append(g.peers, p)
	}
	return g
}

// Pick chooses the peer for the next try. The caller ends it by Done.
func (g *Group) Pick(r *Request) (*Peer, error) {
	for range g.peers {
		p := g.peers[g.next.Add(1)%uint64(len(g.peers))]
		tried := false
		for _, t := range r.Tried {
			tried = tried || t == p
		}
		if !tried {
			return p, nil
		}
	}
	return nil, ErrNoPeer
}

// Close ends the group.
func (g *Group) Close() {}
