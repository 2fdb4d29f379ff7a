package sdk

import (
	"strconv"

	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Balancer registers what chooses the peer that a request is passed on to
// (balancer_by_lua), in upstreams whose balancer the plugin is:
//
//	[upstreams.NAME]
//	balancer = "plugin"
//
// It runs ahead of each try: again where the peer before did not answer. Where
// it chooses none the upstream's own balance decides. [Request.Exit] ends the
// request instead.
func Balancer(f func(r *Request, c *Choice) Action) {
	phases.Register(abi.Balancer, func() Action { return f(&request, &choice) })
}

// Choice is the choice of a peer for one try (ngx.balancer).
type Choice struct{}

var choice Choice

// Peer is one of an upstream's.
type Peer struct {
	Name        string // its address as the configuration has it
	Address     string // the address to connect to: where Name is a name's, one that it stands for
	Weight      int
	Connections int    // requests that it is serving
	State       string // up, down, draining, unhealthy or failed
	Tried       bool   // by this request
}

// Up tells whether the upstream's own balance would choose the peer.
func (p *Peer) Up() bool { return p.State == "up" && !p.Tried }

// Peers are the upstream's peers; [Choice.Set] counts them as they follow here.
func (*Choice) Peers() ([]Peer, error) {
	b, err := appendPeers(scratch)
	return peersOf(text(b, err)), err
}

// peersOf are the peers in a list, six items each.
func peersOf(list string) (peers []Peer) {
	for {
		var items [6]string
		for i := range items {
			ok := false
			if items[i], list, ok = cutItem(list); !ok {
				return peers
			}
		}
		p := Peer{Name: items[0], Address: items[1], State: items[4], Tried: items[5] == "1"}
		p.Weight, _ = strconv.Atoi(items[2])
		p.Connections, _ = strconv.Atoi(items[3])
		peers = append(peers, p)
	}
}

func appendPeers(dst []byte) ([]byte, error) {
	n := imports.BalancerPeers(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.BalancerPeers(free(dst))
	}
	return taken(dst, n)
}

// Set chooses a peer for this try by its index in [Choice.Peers], whatever its
// health (set_current_peer). [ErrBadArgument] says that there is no such peer,
// [ErrBusy] that the operator has taken it out, or that it serves as many
// requests as it may.
func (*Choice) Set(index int) error { return errnoOf(imports.BalancerSet(clamp(index))) }

// SetAddress is [Choice.Set] by one of the peer's addresses; [ErrNotFound] says
// that the upstream has no such peer.
func (*Choice) SetAddress(address string) error {
	return errnoOf(imports.BalancerSetAddress(address))
}

// MoreTries lets the request have more tries than the configuration gives it,
// up to 100, should this one fail (set_more_tries). The last call counts.
func (*Choice) MoreTries(tries int) error {
	return errnoOf(imports.BalancerMoreTries(clamp(tries)))
}

// LastFailure is what became of the try before (get_last_failure): status is
// that of an answer with which the request goes on to another peer, 0 where the
// peer has not answered. At the first try again is false.
func (*Choice) LastFailure() (status int, again bool) {
	n := imports.BalancerFailure()
	return int(max(n, 0)), n >= 0
}
