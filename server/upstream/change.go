package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// entry is an address as the configuration or somebody at run time has given
// it, and the peers that it stands for.
type entry struct {
	options    PeerOptions  // in use
	configured *PeerOptions // as the configuration has it; nil where it came at run time
	removed    bool         // at run time, though the configuration has it
	draining   bool
	name, port string // of an address that is a name's, else empty
	peers      []*Peer
	unresolved bool // its name was not found when it was last asked for
	crowded    bool // it had more than maxAddresses
}

// Errors of changes at run time.
var (
	ErrNoSuchPeer = errors.New("the upstream has no such peer")
	ErrPeerExists = errors.New("the upstream has this peer already")
	ErrBadPeer    = errors.New("not a peer")
	ErrClosed     = errors.New("the upstream is closed")
	ErrFull       = fmt.Errorf("an upstream has at most %d peers", maxEntries)
	ErrChanging   = errors.New("the upstream is being changed")
)

// maxEntries is how many peers may be added at run time, together with those
// there are.
const maxEntries = 1024

// lookupPatience is how long a change waits for the addresses of a name.
const lookupPatience = 2 * time.Second

// Update gives the group other options. What is known of peers that stay is
// kept: their failures, their health, their connections, and what was changed
// at run time as long as the options say the same of the peer as before. Peers
// added at run time stay, those removed at run time stay away.
//
// While it waits for the addresses of new names the group serves as before. The
// others are asked for soon after.
func (g *Group) Update(o Options) {
	o = o.withDefaults()
	g.changing.Lock()
	defer g.changing.Unlock()
	if g.closed { // read only here, and set by Close, which takes turns with this
		return
	}
	g.stop()
	defer g.start()
	if g.resolveAt = time.Now(); g.entries == nil {
		g.resolveAt = g.resolveAt.Add(o.Resolve)
	}
	var fresh []*entry
	for _, p := range o.Peers {
		if e := g.entry(p.Address); e == nil || e.removed && *e.configured != p {
			fresh = append(fresh, newEntry(p))
		}
	}
	addresses := lookUpAll(o, fresh)

	g.mu.Lock()
	defer g.mu.Unlock()
	serving := g.entries != nil
	g.options = o
	entries := make([]*entry, 0, len(o.Peers))
	for _, p := range o.Peers {
		e := g.entry(p.Address)
		if i := slices.IndexFunc(fresh, func(e *entry) bool { return e.options.Address == p.Address }); i >= 0 {
			e = fresh[i]
			g.resolved(e, addresses[i], serving)
		} else if e.configured == nil || *e.configured != p {
			e.options, e.draining = p.withDefaults(), false
		}
		e.configured = &p
		entries = append(entries, e)
	}
	for _, e := range g.entries {
		switch {
		case slices.Contains(entries, e):
		case e.configured == nil:
			entries = append(entries, e)
		default:
			g.resolved(e, nil, serving)
		}
		for _, p := range e.peers {
			if o.Check == nil {
				p.sick, p.streak = false, 0
			}
			p.hasten()
		}
	}
	g.entries = entries
	g.arrange()
}

func (p PeerOptions) withDefaults() PeerOptions {
	set(&p.Weight, 1)
	return p
}

// Change is what becomes of a peer; what is nil stays.
type Change struct {
	Weight, MaxConnections *int
	Backup, Down, Draining *bool
}

// Change changes a peer, or all that a name stands for, by the address that
// the configuration has. A draining peer gets no new requests, and those it
// has end in peace.
func (g *Group) Change(address string, c Change) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entry(address)
	if e == nil || e.removed {
		return ErrNoSuchPeer
	}
	options, draining, err := c.apply(e.options, e.draining)
	if err != nil {
		return err
	}
	e.options, e.draining = options, draining
	g.arrange()
	return nil
}

// apply makes the change to what a peer has so far.
func (c *Change) apply(o PeerOptions, draining bool) (PeerOptions, bool, error) {
	assign(&o.Weight, c.Weight)
	assign(&o.MaxConnections, c.MaxConnections)
	assign(&o.Backup, c.Backup)
	assign(&o.Down, c.Down)
	assign(&draining, c.Draining)
	return o, draining, o.check()
}

func assign[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// Add adds a peer, or those that a name stands for, which must resolve. What
// the change leaves out is as in a configuration that leaves it out.
func (g *Group) Add(address string, c Change) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	return g.add(address, c)
}

// TryAdd is Add for a caller that must not wait: ErrChanging says that somebody
// else changes the group. It still waits for a name.
func (g *Group) TryAdd(address string, c Change) error {
	if !g.changing.TryLock() {
		return ErrChanging
	}
	defer g.changing.Unlock()
	return g.add(address, c)
}

func (g *Group) add(address string, c Change) error {
	o, draining, err := c.apply(PeerOptions{Address: address, Weight: 1}, false)
	if err != nil {
		return err
	}
	if g.closed {
		return ErrClosed
	}
	e := g.entry(address) // entries change under changing
	if e != nil && !e.removed {
		return ErrPeerExists
	}
	if e == nil && len(g.entries) >= maxEntries {
		return ErrFull
	}
	fresh := newEntry(o)
	addresses := lookUpAll(g.options, []*entry{fresh})[0]
	if fresh.unresolved {
		return fmt.Errorf("%w: the name %s leads nowhere", ErrBadPeer, fresh.name)
	}
	if fresh.name != "" {
		g.stop()
		defer g.start()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if e != nil {
		e.options, e.removed = o, false
	} else {
		e = fresh
		g.entries = append(g.entries, e)
	}
	e.draining = draining
	g.resolved(e, addresses, true)
	g.arrange()
	return nil
}

// Remove removes a peer, or all that a name stands for. Requests that it has
// end in peace.
func (g *Group) Remove(address string) error {
	g.changing.Lock()
	defer g.changing.Unlock()
	return g.remove(address)
}

// TryRemove is Remove for a caller that must not wait, as TryAdd is Add.
func (g *Group) TryRemove(address string) error {
	if !g.changing.TryLock() {
		return ErrChanging
	}
	defer g.changing.Unlock()
	return g.remove(address)
}

func (g *Group) remove(address string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entry(address)
	if e == nil || e.removed {
		return ErrNoSuchPeer
	}
	g.resolved(e, nil, true)
	if e.removed = true; e.configured == nil {
		g.entries = slices.DeleteFunc(g.entries, func(other *entry) bool { return other == e })
	}
	g.arrange()
	return nil
}

// check tells what is wrong with a peer that comes at run time.
func (p PeerOptions) check() error {
	switch {
	case p.Weight < 1 || p.Weight > MaxWeight:
		return fmt.Errorf("%w: a weight is from 1 to %d", ErrBadPeer, MaxWeight)
	case p.MaxConnections < 0:
		return fmt.Errorf("%w: max_connections is not negative", ErrBadPeer)
	}
	return CheckAddress(p.Address)
}

// entry finds an entry by its address. It is called with one of the locks, and
// entries change under both.
func (g *Group) entry(address string) *entry {
	for _, e := range g.entries {
		if e.options.Address == address {
			return e
		}
	}
	return nil
}

func newEntry(o PeerOptions) *entry {
	e := &entry{options: o.withDefaults()}
	_, to, _, host := parseAddress(o.Address)
	if _, err := netip.ParseAddr(host); err != nil && host != "" {
		_, e.port, _ = net.SplitHostPort(to)
		e.name = host
	}
	return e
}

// resolved makes the entry's peers those that have the addresses. Those that
// stay are the same, those that go are dismissed. The addresses are in their
// order, and so the peers. It is called locked, and before arrange.
func (g *Group) resolved(e *entry, addresses []string, serving bool) {
	old := e.peers
	e.peers = nil
	for _, address := range addresses {
		if i, stays := slices.BinarySearchFunc(old, address, byAddress); stays {
			e.peers = append(e.peers, old[i])
			continue
		}
		p := newPeer(g, e.options.Address, address)
		if serving {
			p.warmUp()
		}
		e.peers = append(e.peers, p)
	}
	for _, p := range old {
		if _, stays := slices.BinarySearchFunc(e.peers, p.Address, byAddress); !stays {
			p.dismiss()
		}
	}
}

func byAddress(p *Peer, address string) int { return strings.Compare(p.Address, address) }

// arrange puts the peers into their tiers, with the options of their entries.
// It is called locked.
func (g *Group) arrange() {
	g.version.Add(1)
	g.tiers = [2]tier{{even: true}, {even: true}}
	for _, e := range g.entries {
		if e.removed {
			continue
		}
		for _, p := range e.peers {
			p.idle.set(&g.options.Connecting)
			p.weight, p.most, p.backup = int64(e.options.Weight), e.options.MaxConnections, e.options.Backup
			p.down, p.draining = e.options.Down, e.draining
			t := &g.tiers[0]
			if p.backup {
				t = &g.tiers[1]
			}
			t.even = t.even && (len(t.peers) == 0 || t.peers[0].weight == p.weight)
			t.peers = append(t.peers, p)
		}
	}
	g.recount()
	g.serveQueue()
}

// stop ends what start has begun, and waits for it.
func (g *Group) stop() {
	if g.end != nil {
		g.end()
		g.running.Wait()
		g.end = nil
	}
}

// start begins health checks and resolution, where the group has any.
func (g *Group) start() {
	ctx, end := context.WithCancel(context.Background())
	g.end = end
	if g.options.Check != nil {
		g.running.Go(func() { g.keepChecking(ctx) })
	}
	if slices.ContainsFunc(g.entries, func(e *entry) bool { return e.name != "" && !e.removed }) {
		g.running.Go(func() { g.keepResolving(ctx) })
	}
}
