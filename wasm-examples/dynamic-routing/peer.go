package main

import (
	"slices"
	"time"

	"phasm/sdk"
)

// upstream has the servers that requests have gone to as its peers.
const upstream = sdk.Upstream("servers")

// choose sends a request to its server, and nowhere else.
func choose(r *sdk.Request, c *sdk.Choice) sdk.Action {
	address := r.Ctx(target)
	if address == "" {
		sdk.Error("the plugin is not among the route's access plugins")
		return r.Exit(502)
	}
	err := c.SetAddress(address)
	if err == sdk.ErrNotFound && !isName(address) {
		if err = add(address); err == nil {
			err = c.SetAddress(address)
		}
	}
	if err != nil {
		sdk.Error("cannot pass a request on to " + address + ": " + err.Error())
		return r.Exit(502)
	}
	return sdk.Continue
}

// add makes an address a peer, unless it is one already.
func add(address string) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := upstream.Add(address, 1)
		switch {
		case err == sdk.ErrExists:
			return nil
		case err == sdk.ErrNoMemory && forget():
		case err == sdk.ErrBusy && wait < time.Second:
			if err := sdk.Sleep(int64(wait)); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// isPeer tells whether the upstream has a peer of that name.
func isPeer(name string) bool {
	peers, err := upstream.Peers()
	if err != nil {
		sdk.Error("cannot see the peers: " + err.Error())
	}
	return slices.ContainsFunc(peers, func(p sdk.Peer) bool { return p.Name == name })
}

// forget removes the peers that no server is registered at any more, and tells
// whether there were any. Names are the configuration's.
func forget() bool {
	names, err := servers.Keys(65536)
	if err != nil {
		return false
	}
	registered := map[string]bool{}
	for _, name := range names {
		if v, err := servers.Get(name); err == nil {
			address, _ := addressOf(v.String())
			registered[address] = true
		}
	}
	peers, _ := upstream.Peers()
	removed := false
	for i := range peers {
		if name := peers[i].Name; !registered[name] && !isName(name) {
			removed = upstream.Remove(name) == nil || removed
		}
	}
	return removed
}
