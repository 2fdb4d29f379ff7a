package server

import (
	"errors"
	"slices"
	"time"

	"phasm/plugins"
	"phasm/plugins/host"
	"phasm/sdk/abi"
	"phasm/server/config"
	"phasm/server/upstream"
)

// balancer is what the choice of an upstream's peer takes beside the group.
type balancer struct {
	plugin *plugins.Plugin // nil where there is none
	hash   *config.HashKey // where the key comes from; nil: there is none
	queue  time.Duration   // how long a request may wait for a peer with room
}

// balancers are those of the upstreams that need one, by their groups.
func (b *routeBuilder) balancers() map[*upstream.Group]*balancer {
	found := map[*upstream.Group]*balancer{}
	for _, u := range b.config.Upstreams {
		var one balancer
		if u.Balancer != "" {
			one.plugin = b.plugin("upstreams."+u.Name+".balancer", u.Balancer, abi.Balancer)
		}
		if u.Hash != "" {
			key, err := config.ParseHash(u.Hash)
			if err != nil {
				panic("BUG: the configuration let a hash through: " + err.Error())
			}
			one.hash = &key
		}
		if u.Queue > 0 {
			one.queue = time.Duration(u.QueueTimeout)
		}
		if one != (balancer{}) {
			found[b.upstreams[u.Name]] = &one
		}
	}
	return found
}

// errEnded is pick's error where a balancer has ended the exchange, or failed:
// the response is made.
var errEnded = errors.New("the balancer has ended the request")

// pick chooses the peer for the next try of an exchange. The upstream's
// balancer plugin runs first, where it has one; what it leaves open the group
// decides. What the request leaves out pick fills in: the key, and for how long
// it waits for a peer with room. The caller ends a peer by Done. After errEnded
// it leaves the response as it is; other errors are those of
// upstream.Group.Pick.
//
// Before each further try the caller adds the peer to the request's Tried, and
// says in Status what it has answered.
func (x *exchange) pick(group *upstream.Group, r *upstream.Request) (*upstream.Peer, error) {
	b := x.generation.balancers[group]
	if b == nil {
		return group.Pick(r)
	}
	if b.plugin != nil {
		c := &x.choice
		c.begin(group, r)
		x.Balancer = c
		final := x.call(b.plugin, abi.Balancer)
		x.Balancer = nil
		if final {
			return nil, errEnded
		}
		if c.chosen != nil && group.Take(c.chosen) == nil {
			return c.chosen, nil
		}
	}
	if b.hash != nil && len(r.Key) == 0 {
		r.Key = x.hashKey(b.hash)
	}
	if b.queue > 0 {
		r.Deadline = time.Now().Add(b.queue) // for each try: what the last one has taken is not waiting
		if r.Gone == nil {
			r.Gone = x.clientGone
		}
	}
	return group.Pick(r)
}

// balancedByPlugin tells whether a plugin chooses among the group's peers: it
// may choose one a second time.
func (x *exchange) balancedByPlugin(group *upstream.Group) bool {
	b := x.generation.balancers[group]
	return b != nil && b.plugin != nil
}

// hashKey is the exchange's key for a consistent hash, empty where it has none.
// It is valid as long as the request is not changed.
func (x *exchange) hashKey(k *config.HashKey) []byte {
	switch k.Source {
	case config.HashURI:
		return x.ReceivedURI()
	case config.HashHeader:
		return x.request.Header.Peek(k.Name)
	case config.HashCookie:
		return x.request.Header.Cookie(k.Name)
	default:
		x.choice.address = x.RemoteAddr.Addr().Unmap().AppendTo(x.choice.address[:0])
		return x.choice.address
	}
}

// choice is the choice of a peer for one try. It implements host.Balancer.
type choice struct {
	group   *upstream.Group
	request *upstream.Request
	peers   []*upstream.Peer // as they are when a plugin first looks, then those added since
	looked  bool
	version uint64 // of the group, as of the last look
	chosen  *upstream.Peer
	address []byte // the client's, where it is the key
}

func (c *choice) begin(group *upstream.Group, r *upstream.Request) {
	c.reset()
	c.group, c.request = group, r
}

// reset keeps no peer alive, and the room for them.
func (c *choice) reset() {
	clear(c.peers)
	*c = choice{peers: c.peers[:0], address: c.address}
}

// find is the peer with an index, nil where there is none.
func (c *choice) find(index int) *upstream.Peer {
	if !c.looked || index >= len(c.peers) && c.version != c.group.Version() {
		c.look()
	}
	if index < 0 || index >= len(c.peers) {
		return nil
	}
	return c.peers[index]
}

// look sees the peers. Those that were seen before keep their indices; the
// plugin itself may have added one since.
func (c *choice) look() {
	c.version = c.group.Version()
	if !c.looked {
		c.peers, c.looked = c.group.AppendPeers(c.peers), true
		return
	}
	for _, p := range c.group.Peers() {
		if !slices.Contains(c.peers, p) {
			c.peers = append(c.peers, p)
		}
	}
}

// Peer implements host.Balancer.
func (c *choice) Peer(index int) (host.Peer, bool) {
	p := c.find(index)
	if p == nil {
		return host.Peer{}, false
	}
	s := p.State()
	return host.Peer{
		Name: s.Peer, Address: s.Address, Weight: s.Weight, Connections: s.Connections, State: s.State, Tried: p.Tried(c.request),
	}, true
}

// Choose implements host.Balancer.
func (c *choice) Choose(index int) abi.Errno {
	p := c.find(index)
	switch {
	case p == nil:
		return abi.BadArgument
	case !p.HasRoom():
		return abi.Busy
	}
	c.chosen = p
	return 0
}

// MoreTries implements host.Balancer.
func (c *choice) MoreTries(tries int) { c.request.More = tries }

// Failure implements host.Balancer.
func (c *choice) Failure() (status int, failed bool) {
	return c.request.Status, len(c.request.Tried) > 0
}
