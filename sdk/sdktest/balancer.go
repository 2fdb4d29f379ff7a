//go:build !wasip1

package sdktest

import (
	"slices"
	"strconv"

	"phasm/sdk"
	"phasm/sdk/abi"
)

// balancing is the choice of a peer for an exchange.
type balancing struct {
	peers    []sdk.Peer
	failures []int // of the tries before: statuses, or 0
	chosen   int   // the index of the peer, -1 where none was chosen
	more     int
	upstream string // whose peers these are, where the plugin may change them
}

const maxMoreTries = 100

// Balance runs the plugin's balancer for the next try, and answers the address
// of the peer that it chooses: empty where it leaves that to the upstream.
func (x *Exchange) Balance() (address string) {
	x.balancing.chosen = -1
	x.run(abi.Balancer)
	if x.balancing.chosen < 0 {
		return ""
	}
	return x.balancing.peers[x.balancing.chosen].Address
}

// Fail has a try fail, for [Exchange.Balance] to be run again: with a status
// that the peer has answered, or 0 where it has not. The peer chosen last has
// been tried then.
func (x *Exchange) Fail(status int) {
	b := &x.balancing
	b.failures = append(b.failures, status)
	if b.chosen >= 0 {
		b.peers[b.chosen].Tried = true
	}
}

// MoreTries is how many tries more the plugin has asked for.
func (x *Exchange) MoreTries() int { return x.balancing.more }

// BalancerPeers implements imports.Host.
func (f *fake) BalancerPeers(buf []byte) int32 {
	return reply(buf, peerList(f.exchange.balancing.peers))
}

func peerList(peers []sdk.Peer) string {
	var list []byte
	for _, p := range peers {
		tried := "0"
		if p.Tried {
			tried = "1"
		}
		for _, item := range []string{p.Name, p.Address, strconv.Itoa(p.Weight), strconv.Itoa(p.Connections), p.State, tried} {
			list = appendItem(list, item)
		}
	}
	return string(list)
}

// BalancerSet implements imports.Host.
func (f *fake) BalancerSet(index int32) int32 {
	b := &f.exchange.balancing
	if index < 0 || int(index) >= len(b.peers) {
		return badArgument
	}
	if state := b.peers[index].State; state == "down" || state == "draining" {
		return int32(abi.Busy)
	}
	b.chosen = int(index)
	return done
}

// BalancerSetAddress implements imports.Host.
func (f *fake) BalancerSetAddress(address string) int32 {
	i := slices.IndexFunc(f.exchange.balancing.peers, func(p sdk.Peer) bool { return p.Address == address || p.Name == address })
	if i < 0 {
		return notFound
	}
	return f.BalancerSet(int32(i))
}

// BalancerMoreTries implements imports.Host.
func (f *fake) BalancerMoreTries(tries int32) int32 {
	if tries < 0 || tries > maxMoreTries {
		return badArgument
	}
	f.exchange.balancing.more = int(tries)
	return done
}

// BalancerFailure implements imports.Host.
func (f *fake) BalancerFailure() int32 {
	if failures := f.exchange.balancing.failures; len(failures) > 0 {
		return int32(failures[len(failures)-1])
	}
	return notFound
}

// peersOf are a test's peers with their defaults.
func peersOf(peers []sdk.Peer) []sdk.Peer {
	peers = slices.Clone(peers)
	for i := range peers {
		p := &peers[i]
		set(&p.Name, p.Address)
		set(&p.Address, p.Name)
		set(&p.State, "up")
		set(&p.Weight, 1)
	}
	return peers
}

func set[T comparable](field *T, byDefault T) {
	var zero T
	if *field == zero {
		*field = byDefault
	}
}
