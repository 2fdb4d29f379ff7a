//go:build !wasip1

package sdktest

import (
	"net/netip"
	"slices"
	"strings"

	"phasm/sdk"
	"phasm/sdk/abi"
)

// UpstreamPeers grants the plugin to change the peers of an upstream, which it
// finds with these.
func UpstreamPeers(name string, peers ...sdk.Peer) Grant {
	return func(f *fake) { f.upstreams[name] = peersOf(peers) }
}

// Peers are the peers of an upstream, as the plugin has left them.
func (h *Host) Peers(upstream string) []sdk.Peer { return slices.Clone(h.fake.upstreams[upstream]) }

// Bounds of the server's.
const (
	maxPeers       = 1024
	maxPeerWeight  = 65535
	maxPeerAddress = 300
)

// UpstreamPeers implements imports.Host.
func (f *fake) UpstreamPeers(upstream string, buf []byte) int32 {
	peers, granted := f.upstreams[upstream]
	if !granted {
		return f.notGranted("upstreams", upstream)
	}
	return reply(buf, peerList(peers))
}

// UpstreamAdd implements imports.Host.
func (f *fake) UpstreamAdd(upstream, address string, weight int32) int32 {
	if !isPeerAddress(address) || weight < 1 || weight > maxPeerWeight {
		return badArgument
	}
	peers, granted := f.upstreams[upstream]
	switch {
	case !granted:
		return f.notGranted("upstreams", upstream)
	case slices.ContainsFunc(peers, func(p sdk.Peer) bool { return p.Name == address }):
		return int32(abi.Exists)
	case len(peers) >= maxPeers:
		return noMemory
	}
	address = strings.Clone(address)
	added := sdk.Peer{Name: address, Address: address, Weight: int(weight), State: "up"}
	f.upstreams[upstream] = append(peers, added)
	if f.phase == abi.Balancer && f.exchange.balancing.upstream == upstream {
		f.exchange.balancing.peers = append(f.exchange.balancing.peers, added)
	}
	return done
}

// UpstreamRemove implements imports.Host.
func (f *fake) UpstreamRemove(upstream, name string) int32 {
	peers, granted := f.upstreams[upstream]
	if !granted {
		return f.notGranted("upstreams", upstream)
	}
	i := slices.IndexFunc(peers, func(p sdk.Peer) bool { return p.Name == name })
	if i < 0 {
		return notFound
	}
	f.upstreams[upstream] = slices.Delete(peers, i, i+1)
	return done
}

func isPeerAddress(address string) bool {
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		return strings.HasPrefix(path, "/") && len(path) <= maxPeerAddress && !strings.Contains(path, "\x00")
	}
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Port() != 0
}
