package upstream

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxAddresses is how many peers one name stands for at most.
const maxAddresses = 512

// askAgainIn is how soon a name is asked for again that has led nowhere so far.
const askAgainIn = time.Second

// lookUpAll finds the addresses of entries, of all names at once.
func lookUpAll(o Options, entries []*entry) [][]string {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	addresses := make([][]string, len(entries))
	var asking sync.WaitGroup
	for i, e := range entries {
		asking.Go(func() {
			var err error
			if addresses[i], err = e.lookUp(ctx, o); err != nil {
				e.unresolved = true
				o.Log.Warn("a peer's name leads nowhere; it is asked for again", "upstream", o.Name, "peer", e.options.Address, "error", err)
			}
		})
	}
	asking.Wait()
	return addresses
}

// lookUp finds the addresses that an entry stands for. There is at least one
// where the error is nil.
func (e *entry) lookUp(ctx context.Context, o Options) ([]string, error) {
	if e.name == "" {
		_, to, _, _ := parseAddress(e.options.Address)
		return []string{to}, nil
	}
	found, err := o.Lookup(ctx, e.name)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", e.name)
	}
	var addresses []string
	for _, a := range found {
		addresses = append(addresses, net.JoinHostPort(a.Unmap().String(), e.port))
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	if many := len(addresses) > maxAddresses; many != e.crowded {
		if e.crowded = many; many {
			o.Log.Warn("a name has more addresses than an upstream uses of one", "upstream", o.Name, "name", e.name,
				"addresses", len(addresses), "used", maxAddresses)
		}
	}
	return addresses[:min(len(addresses), maxAddresses)], nil
}

// keepResolving asks for the addresses of names again and again. The machine's
// resolver is asked, which knows /etc/hosts and whatever else the machine is
// set up with, but tells no time to live: hence the interval. A name that
// leads nowhere keeps the peers that it had; one that has none is asked for
// sooner.
func (g *Group) keepResolving(ctx context.Context) {
	for {
		pause := time.Until(g.resolveAt)
		if len(g.named(true)) > 0 {
			pause = min(pause, askAgainIn)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		now := time.Now()
		all := !now.Before(g.resolveAt)
		var asking sync.WaitGroup
		for _, e := range g.named(!all) {
			asking.Go(func() { g.resolve(ctx, e) })
		}
		if asking.Wait(); all && ctx.Err() == nil {
			g.resolveAt = now.Add(g.options.Resolve)
		}
	}
}

// named are the entries that are names, or of these those without a peer.
func (g *Group) named(lost bool) (entries []*entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.entries {
		if e.name != "" && !e.removed && (!lost || len(e.peers) == 0) {
			entries = append(entries, e)
		}
	}
	return entries
}

// resolve asks for the addresses of an entry's name.
func (g *Group) resolve(ctx context.Context, e *entry) {
	patience, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := e.lookUp(patience, g.options)
	if ctx.Err() != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.removed || !slices.Contains(g.entries, e) {
		return
	}
	if err != nil {
		if !e.unresolved {
			e.unresolved = true
			g.options.Log.Warn("a peer's name leads nowhere any more; its peers stay", "upstream", g.name, "peer", e.options.Address, "error", err)
		}
		return
	}
	e.unresolved = false
	if same(e.peers, addresses) {
		return
	}
	g.resolved(e, addresses, true)
	g.arrange()
	g.options.Log.Info("a peer's name has other addresses", "upstream", g.name, "peer", e.options.Address, "addresses", strings.Join(addresses, " "))
}

func same(peers []*Peer, addresses []string) bool {
	return slices.EqualFunc(peers, addresses, func(p *Peer, address string) bool { return p.Address == address })
}
