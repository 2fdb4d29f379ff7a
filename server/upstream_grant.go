package server

import (
	"errors"

	"phasm/plugins/host"
	"phasm/sdk/abi"
	"phasm/server/config"
	"phasm/server/upstream"
)

// upstreamGrants are the upstreams whose peers a plugin may change.
func upstreamGrants(g *generation, p config.Plugin) map[string]host.Upstream {
	if len(p.Grants.Upstreams) == 0 {
		return nil
	}
	grants := map[string]host.Upstream{}
	for _, name := range p.Grants.Upstreams {
		grants[name] = changedByPlugin{g.upstreams[name]}
	}
	return grants
}

// changedByPlugin is a group as plugins change it. It implements host.Upstream.
type changedByPlugin struct{ group *upstream.Group }

// Peers implements host.Upstream.
func (c changedByPlugin) Peers() (peers []host.Peer) {
	for _, p := range c.group.State().Peers {
		peers = append(peers, host.Peer{Name: p.Peer, Address: p.Address, Weight: p.Weight, Connections: p.Connections, State: p.State})
	}
	return peers
}

// Add implements host.Upstream.
func (c changedByPlugin) Add(address string, weight int) abi.Errno {
	return errnoOfChange(c.group.TryAdd(address, upstream.Change{Weight: &weight}))
}

// Remove implements host.Upstream.
func (c changedByPlugin) Remove(name string) abi.Errno {
	return errnoOfChange(c.group.TryRemove(name))
}

func errnoOfChange(err error) abi.Errno {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, upstream.ErrPeerExists):
		return abi.Exists
	case errors.Is(err, upstream.ErrNoSuchPeer):
		return abi.NotFound
	case errors.Is(err, upstream.ErrFull):
		return abi.NoMemory
	case errors.Is(err, upstream.ErrChanging):
		return abi.Busy
	case errors.Is(err, upstream.ErrClosed):
		return abi.Closed
	}
	return abi.BadArgument
}
