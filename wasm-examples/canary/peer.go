package main

import (
	"slices"

	"phasm/sdk"
)

// pick sends a request to a peer that has its version. Where none of those with
// the new one is up its users see the old one; nobody else sees the new one.
func pick(r *sdk.Request, c *sdk.Choice) sdk.Action {
	peers, err := c.Peers()
	if err != nil {
		sdk.Error("cannot see the peers: " + err.Error())
		return r.Exit(502)
	}
	if r.Ctx(key) == canary {
		if take(c, peers, func(p *sdk.Peer) bool { return isNew(p) && p.Up() }) {
			return sdk.Continue
		}
		if err := r.SetCtx(key, stable); err != nil { // the client is told what it has got
			sdk.Warn("cannot note the version: " + err.Error())
		}
	}
	if take(c, peers, func(p *sdk.Peer) bool { return !isNew(p) }) {
		return sdk.Continue
	}
	return r.Exit(502)
}

func isNew(p *sdk.Peer) bool { return slices.Contains(newPeers, p.Name) }

// take chooses, of the peers that fit and that the request has not tried, the
// one with the fewest requests for its weight, those that have failed last. It
// tells whether there is any.
func take(c *sdk.Choice, peers []sdk.Peer, fits func(*sdk.Peer) bool) bool {
	var order []int
	for i := range peers {
		if p := &peers[i]; !p.Tried && fits(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &peers[i], &peers[j]
		switch {
		case a.Up() && !b.Up():
			return -1
		case b.Up() && !a.Up():
			return 1
		}
		return a.Connections*b.Weight - b.Connections*a.Weight
	})
	for _, i := range order {
		if c.Set(i) == nil { // else it was taken out, or has no room
			return true
		}
	}
	return false
}
