package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// names are a resolver's.
type names struct {
	mu sync.Mutex
	of map[string][]string
}

func (n *names) set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string][]string{}
	}
	n.of[name] = addresses
}

func (n *names) lookUp(_ context.Context, name string) (found []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addresses, known := n.of[name]
	if !known {
		return nil, errors.New("no such host")
	}
	for _, a := range addresses {
		found = append(found, netip.MustParseAddr(a))
	}
	return found, nil
}

// addresses are those of a group's peers, with their states but for "up".
func addresses(g *Group) string {
	var list []string
	for _, p := range g.State().Peers {
		text := p.Address
		if p.State != "up" {
			text += " " + p.State
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n names
		n.set("app.test", "10.0.0.2", "10.0.0.1", "::ffff:10.0.0.2", "2001:db8::1")
		g := opened(t, Options{Lookup: n.lookUp, Resolve: 30 * time.Second, MaxFails: 1, Peers: []PeerOptions{
			{Address: "app.test:80", Weight: 2}, {Address: "late.test:81"}, {Address: address(0)},
		}})
		want := func(peers string) {
			t.Helper()
			if got := addresses(g); got != peers {
				t.Errorf("got  %s\nwant %s", got, peers)
			}
		}
		const rest = ", 127.0.0.1:1"
		want("10.0.0.1:80, 10.0.0.2:80, [2001:db8::1]:80,  unresolved" + rest)
		p := g.entries[0].peers[1]
		n.set("app.test", "10.0.0.2", "10.0.0.3")
		n.set("late.test", "10.9.9.9")
		time.Sleep(31 * time.Second)
		want("10.0.0.2:80, 10.0.0.3:80, 10.9.9.9:81" + rest)
		if g.entries[0].peers[0] != p || p.Gone() {
			t.Error("a peer that stays is another one")
		}
		if w := g.entries[0].peers[1].weight; w != 2 {
			t.Errorf("the new peer's weight is %d", w)
		}
		n.set("app.test") // an answer without addresses
		n.mu.Lock()
		delete(n.of, "late.test")
		n.mu.Unlock()
		time.Sleep(31 * time.Second)
		want("10.0.0.2:80, 10.0.0.3:80, 10.9.9.9:81" + rest)
		n.set("app.test", "10.0.0.4")
		time.Sleep(31 * time.Second)
		want("10.0.0.4:80, 10.9.9.9:81" + rest)
		if !p.Gone() {
			t.Error("a peer whose address is gone does not say so")
		}
	})
}

// A resolver that hangs holds up neither start nor end.
func TestHangingResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		g := New(Options{Peers: []PeerOptions{{Address: "app.test:80"}, {Address: "b.test:80"}},
			Lookup: func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }})
		if took := time.Since(start); took > lookupPatience {
			t.Errorf("New takes %v", took)
		}
		time.Sleep(32 * time.Second) // it asks again
		start = time.Now()
		g.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("Close takes %v", took)
		}
	})
}

func TestChanges(t *testing.T) {
	g := weighted(t, RoundRobin, 1, 1)
	if got := picks(t, g, &Request{}, 2); got != "ab" {
		t.Fatal(got)
	}
	steps := []struct {
		do   func() error
		want string // the next picks
	}{
		{func() error { return g.Add(address(2), Change{Weight: new(2)}) }, "cabc"},
		{func() error { return g.Change(address(1), Change{Draining: new(true)}) }, "cac"},
		{func() error { return g.Change(address(1), Change{Draining: new(false)}) }, "cabc"},
		{func() error { return g.Change(address(2), Change{Weight: new(1), Backup: new(true)}) }, "abab"},
		{func() error { return g.Remove(address(0)) }, "bb"},
		{func() error { return g.Add(address(0), Change{}) }, "abab"},
		{func() error { return g.Remove(address(2)) }, "abab"},
	}
	for i, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		got := picks(t, g, &Request{}, len(s.want))
		if strings.Join(slices.Sorted(strings.SplitSeq(got, "")), "") != strings.Join(slices.Sorted(strings.SplitSeq(s.want, "")), "") {
			t.Errorf("step %d: %s, want those of %s", i, got, s.want)
		}
	}
}

func TestBadChanges(t *testing.T) {
	g := weighted(t, RoundRobin, 1)
	for _, c := range []struct {
		err  error
		want error
	}{
		{g.Add(address(0), Change{}), ErrPeerExists},
		{g.Add("nonsense", Change{}), ErrBadPeer},
		{g.Add(":80", Change{}), ErrBadPeer},
		{g.Add("unix:", Change{}), ErrBadPeer},
		{g.Add("a b:80", Change{}), ErrBadPeer},
		{g.Add(address(1), Change{Weight: new(-1)}), ErrBadPeer},
		{g.Add(address(1), Change{Weight: new(MaxWeight + 1)}), ErrBadPeer},
		{g.Add(address(1), Change{MaxConnections: new(-1)}), ErrBadPeer},
		{g.Change(address(0), Change{Weight: new(0)}), ErrBadPeer},
		{g.Change(address(1), Change{Weight: new(1)}), ErrNoSuchPeer},
		{g.Remove(address(1)), ErrNoSuchPeer},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("got %v, want %v", c.err, c.want)
		}
	}
	if got := addresses(g); got != address(0) {
		t.Errorf("%s", got)
	}
	o := g.options
	o.Lookup = (&names{}).lookUp
	o.Peers = []PeerOptions{{Address: address(0)}}
	g.Update(o)
	if err := g.Add("nowhere.test:80", Change{}); !errors.Is(err, ErrBadPeer) {
		t.Errorf("a name that leads nowhere: %v", err)
	}
	for i := 1; i < maxEntries; i++ {
		if err := g.Add(address(i), Change{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Add(address(maxEntries), Change{}); err == nil {
		t.Error("there is no end to peers")
	}
	g.Close()
	if err := g.Add("127.0.0.2:1", Change{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// What an update leaves as it is stays as it is.
func TestUpdate(t *testing.T) {
	o := Options{MaxFails: 1, FailTimeout: time.Hour, Peers: []PeerOptions{
		{Address: address(0)}, {Address: address(1)}, {Address: address(2)}, {Address: address(3)}, {Address: address(4)},
	}}
	g := opened(t, o)
	peer := func(i int) *Peer { return g.entry(address(i)).peers[0] }
	a, c := peer(0), peer(2)
	busy := pick(t, g, &Request{Tried: []*Peer{peer(1), c, peer(3), peer(4)}})
	fail(t, g, "b")
	for _, err := range []error{
		g.Change(address(0), Change{Weight: new(7)}),
		g.Change(address(3), Change{Weight: new(7)}),
		g.Remove(address(4)),
		g.Add(address(5), Change{}),
		g.Add(address(6), Change{Weight: new(9)}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	o.Peers = []PeerOptions{{Address: address(7)}, {Address: address(0)}, {Address: address(1)},
		{Address: address(3), Weight: 2}, {Address: address(4)}, {Address: address(6)}}
	g.Update(o)
	const want = "127.0.0.1:8, 127.0.0.1:1, 127.0.0.1:2 failed, 127.0.0.1:4, 127.0.0.1:7, 127.0.0.1:6"
	if got := addresses(g); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if peer(0) != a || busy != a || g.State().Peers[1].Connections != 1 {
		t.Error("a peer that stays has lost its connection")
	}
	if !c.Gone() {
		t.Error("a peer that has left the configuration does not say so")
	}
	for i, want := range map[int]int64{0: 7, 3: 2, 6: 1, 5: 1} {
		if got := peer(i).weight; got != want {
			t.Errorf("the weight of peer %d is %d, want %d", i, got, want)
		}
	}
	o.Peers[4].Weight = 3 // the configuration speaks of the removed one again
	g.Update(o)
	if w := peer(4).weight; w != 3 {
		t.Errorf("its weight is %d", w)
	}
	busy.Done(Served)
}

// However often the configuration is loaded, names are asked for: at once, and
// then at the interval.
func TestNamesAreAskedForAcrossUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n names
		n.set("app.test", "10.0.0.1")
		o := Options{Lookup: n.lookUp, Resolve: 30 * time.Second, Peers: []PeerOptions{{Address: "app.test:80"}}}
		g := opened(t, o)
		n.set("app.test", "10.0.0.2")
		g.Update(o)
		synctest.Wait()
		if got := addresses(g); got != "10.0.0.2:80" {
			t.Errorf("after an update: %s", got)
		}
		n.set("app.test", "10.0.0.3")
		n.set("other.test", "10.0.1.1")
		for range 4 { // each has resolution begin anew
			time.Sleep(10 * time.Second)
			if err := g.Add("other.test:80", Change{}); err != nil {
				t.Fatal(err)
			}
			if err := g.Remove("other.test:80"); err != nil {
				t.Fatal(err)
			}
		}
		if got := addresses(g); got != "10.0.0.3:80" {
			t.Errorf("after additions: %s", got)
		}
	})
}

// A name that has led nowhere so far is asked for soon again: without it the
// peer does nothing.
func TestUnknownNamesAreAskedForSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n names
		g := opened(t, Options{Lookup: n.lookUp, Resolve: time.Hour, Peers: []PeerOptions{{Address: "app.test:80"}, {Address: "b.test:80"}}})
		time.Sleep(time.Minute)
		n.set("app.test", "10.0.0.1")
		time.Sleep(2 * time.Second)
		if got := addresses(g); got != "10.0.0.1:80,  unresolved" {
			t.Error(got)
		}
	})
}

// A name may stand for hundreds of peers. What is beyond the limit is said.
func TestNamesWithManyAddresses(t *testing.T) {
	var log strings.Builder
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String())
		}
		return list
	}
	for n, want := range map[int]int{300: 300, maxAddresses: maxAddresses, maxAddresses + 1: maxAddresses} {
		log.Reset()
		var resolver names
		resolver.set("app.test", many(n)...)
		g := opened(t, Options{Lookup: resolver.lookUp, Log: slog.New(slog.NewTextHandler(&log, nil)), Peers: []PeerOptions{{Address: "app.test:80"}}})
		if got := len(g.Peers()); got != want {
			t.Errorf("%d addresses are %d peers", n, got)
		}
		if said := strings.Contains(log.String(), "level=WARN"); said != (n > want) {
			t.Errorf("%d addresses: %s", n, log.String())
		}
	}
}

// Times that an update shortens are shorter for what runs already.
func TestUpdateShortensTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{MaxFails: 1, FailTimeout: time.Hour, SlowStart: time.Hour}
		g := three(t, o)
		o.Peers = g.options.Peers
		fail(t, g, "a")
		if err := g.Add(address(3), Change{}); err != nil {
			t.Fatal(err)
		}
		if n := count(t, g, 'd', 30); n > 1 {
			t.Errorf("the slow one has %d of 30", n)
		}
		o.FailTimeout, o.SlowStart = time.Second, 0
		g.Update(o)
		if n := count(t, g, 'd', 30); n != 10 {
			t.Errorf("without a slow start it has %d of 30", n)
		}
		time.Sleep(time.Second)
		if n := count(t, g, 'a', 40); n != 10 {
			t.Errorf("after fail_timeout the one that was out has %d of 40", n)
		}
	})
}
