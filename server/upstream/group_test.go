package upstream

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// weighted makes a group whose peers are called 127.0.0.1:1, :2 and so on, and
// have the weights.
func weighted(t testing.TB, b Balance, weights ...int) *Group {
	t.Helper()
	o := Options{Name: "u", Balance: b, MaxFails: 1}
	for i, w := range weights {
		o.Peers = append(o.Peers, PeerOptions{Address: address(i), Weight: w})
	}
	return opened(t, o)
}

func opened(t testing.TB, o Options) *Group {
	t.Helper()
	g := New(o)
	t.Cleanup(g.Close)
	return g
}

func address(i int) string { return fmt.Sprintf("127.0.0.1:%d", i+1) }

// letter is a peer's name in the tests' sequences: a is the first.
func letter(p *Peer) string {
	var i int
	fmt.Sscanf(p.Address, "127.0.0.1:%d", &i)
	return string(rune('a' + i - 1))
}

// picks are the letters of n picks that are served at once.
func picks(t testing.TB, g *Group, r *Request, n int) string {
	t.Helper()
	var b strings.Builder
	for range n {
		p, err := g.Pick(r)
		if err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(letter(p))
		p.Done(Served)
	}
	return b.String()
}

func pick(t testing.TB, g *Group, r *Request) *Peer {
	t.Helper()
	p, err := g.Pick(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// nginx documents the first of these sequences with its algorithm.
func TestRoundRobinSequence(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    string
	}{
		{[]int{5, 1, 1}, "aabacaaaabacaa"},
		{[]int{1, 1, 1}, "abcabcabc"},
		{[]int{3, 2}, "ababaababa"},
		{[]int{1}, "aaa"},
		{[]int{4, 2, 1}, "abacaba"},
		{[]int{MaxWeight, MaxWeight}, "abab"},
	} {
		if got := picks(t, weighted(t, RoundRobin, c.weights...), &Request{}, len(c.want)); got != c.want {
			t.Errorf("weights %v: %s, want %s", c.weights, got, c.want)
		}
	}
}

func TestTriedPeersAreNotPickedAgain(t *testing.T) {
	for b := range Random + 1 {
		g := weighted(t, b, 1, 2, 3)
		r := &Request{Client: netip.MustParseAddr("192.0.2.1"), Key: []byte("k")}
		for range 3 {
			p := pick(t, g, r)
			for _, tried := range r.Tried {
				if p == tried {
					t.Errorf("%v: %s twice", b, p)
				}
			}
			r.Tried = append(r.Tried, p)
		}
		if p, err := g.Pick(r); err != ErrNoPeer {
			t.Errorf("%v: a fourth of three: %v, %v", b, p, err)
		}
	}
}

func TestNoPeers(t *testing.T) {
	if p, err := opened(t, Options{}).Pick(&Request{}); err != ErrNoPeer {
		t.Errorf("%v, %v", p, err)
	}
}

// Open requests over weight stay level, and ties take turns.
func TestLeastConnections(t *testing.T) {
	g := weighted(t, LeastConnections, 2, 1, 1)
	if got := picks(t, g, &Request{}, 8); got != "abcaabca" {
		t.Errorf("ties: %s", got)
	}
	var got strings.Builder
	open := map[string][]*Peer{}
	for range 8 {
		p := pick(t, g, &Request{})
		open[letter(p)] = append(open[letter(p)], p)
		got.WriteString(letter(p))
	}
	if a, b, c := len(open["a"]), len(open["b"]), len(open["c"]); a != 4 || b != 2 || c != 2 {
		t.Fatalf("%d, %d and %d open in %s, want 4, 2 and 2", a, b, c, got.String())
	}
	open["b"][0].Done(Served)
	if p := pick(t, g, &Request{}); letter(p) != "b" {
		t.Errorf("%s is picked, though b has the fewest", letter(p))
	}
}

func TestIPHash(t *testing.T) {
	g := weighted(t, IPHash, 1, 1, 1, 1, 1)
	of := func(address string) string {
		return picks(t, g, &Request{Client: netip.MustParseAddr(address)}, 1)
	}
	seen := map[string]bool{}
	for i := range 100 {
		network := fmt.Sprintf("10.1.%d.", i)
		first := of(network + "1")
		seen[first] = true
		for _, last := range []string{"2", "99", "255"} {
			if got := of(network + last); got != first {
				t.Errorf("%s%s goes to %s, %s1 to %s", network, last, got, network, first)
			}
		}
		if got := of("::ffff:" + network + "7"); got != first {
			t.Errorf("the same in IPv6 notation goes to %s, not %s", got, first)
		}
	}
	if len(seen) != 5 {
		t.Errorf("100 networks go to %d of 5 peers", len(seen))
	}
	clear(seen)
	for i := range 100 { // of one network: every octet of IPv6 counts
		seen[of(fmt.Sprintf("2001:db8::%x", i+1))] = true
	}
	if len(seen) != 5 {
		t.Errorf("100 IPv6 addresses go to %d of 5 peers", len(seen))
	}
	if got := picks(t, g, &Request{}, 5); got != "abcde" {
		t.Errorf("clients without an address: %s", got)
	}
}

// keysOf counts where n keys go.
func keysOf(t testing.TB, g *Group, n int) (peers []string, count map[string]int) {
	count = map[string]int{}
	for i := range n {
		p := picks(t, g, &Request{Key: fmt.Appendf(nil, "/item/%d", i)}, 1)
		peers = append(peers, p)
		count[p]++
	}
	return peers, count
}

const manyKeys = 20000

func TestHashIsEven(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1, 1}, {1, 2, 3, 4}, {10, 1}} {
		sum := 0
		for _, w := range weights {
			sum += w
		}
		_, count := keysOf(t, weighted(t, Hash, weights...), manyKeys)
		for i, w := range weights {
			p := float64(w) / float64(sum)
			want, sigma := manyKeys*p, math.Sqrt(manyKeys*p*(1-p))
			if got := float64(count[string(rune('a'+i))]); math.Abs(got-want) > 4*sigma {
				t.Errorf("weights %v: peer %d has %v keys, want %.0f ± %.0f", weights, i, got, want, 4*sigma)
			}
		}
	}
}

// A peer that comes takes its share of the keys, and no other key moves; when
// it goes everything is as it was.
func TestHashMovesLittle(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1, 1}, {1, 2, 3, 4}} {
		g := weighted(t, Hash, weights...)
		before, _ := keysOf(t, g, manyKeys)
		share, w := 0.2, 1
		if weights[1] == 2 {
			share, w = 0.5, 10
		}
		if err := g.Add(address(4), Change{Weight: new(w)}); err != nil {
			t.Fatal(err)
		}
		after, count := keysOf(t, g, manyKeys)
		for i := range before {
			if before[i] != after[i] && after[i] != "e" {
				t.Fatalf("key %d has moved from %s to %s", i, before[i], after[i])
			}
		}
		if moved := float64(count["e"]) / manyKeys; math.Abs(moved-share) > 0.02 {
			t.Errorf("weights %v: %.3f of the keys have moved, want %.1f", weights, moved, share)
		}
		if err := g.Remove(address(4)); err != nil {
			t.Fatal(err)
		}
		if again, _ := keysOf(t, g, 1000); strings.Join(again, "") != strings.Join(before[:1000], "") {
			t.Error("keys have not gone back")
		}
	}
}

// A dead peer's keys go to all the others, not to one of them.
func TestHashSpreadsTheKeysOfADeadPeer(t *testing.T) {
	g := weighted(t, Hash, 1, 1, 1, 1)
	before, count := keysOf(t, g, manyKeys)
	if err := g.Change(address(0), Change{Down: new(true)}); err != nil {
		t.Fatal(err)
	}
	after, _ := keysOf(t, g, manyKeys)
	to := map[string]int{}
	for i := range before {
		if before[i] == "a" {
			to[after[i]]++
		} else if before[i] != after[i] {
			t.Fatalf("key %d has moved from the living %s to %s", i, before[i], after[i])
		}
	}
	for _, p := range []string{"b", "c", "d"} {
		if third := count["a"] / 3; to[p] < third*9/10 || to[p] > third*11/10 {
			t.Errorf("%s has got %d keys of %d", p, to[p], count["a"])
		}
	}
}

func TestHashWithoutAKeyTakesTurns(t *testing.T) {
	if got := picks(t, weighted(t, Hash, 1, 1, 1), &Request{}, 6); got != "abcabc" {
		t.Error(got)
	}
}

func TestRandomFollowsWeights(t *testing.T) {
	g := weighted(t, Random, 1, 3)
	const n = 20000
	// With nothing open the first of two draws wins, and that is weighted.
	b := strings.Count(picks(t, g, &Request{}, n), "b")
	if want := n * 3 / 4; math.Abs(float64(b-want)) > 4*math.Sqrt(n*3./16) {
		t.Errorf("%d of %d, want %d", b, n, want)
	}
}

// Of two the one with less to do is picked: with two peers, always.
func TestRandomPicksTheLesser(t *testing.T) {
	g := weighted(t, Random, 1, 1)
	for range 50 {
		p, q := pick(t, g, &Request{}), pick(t, g, &Request{})
		if p == q {
			t.Fatal("both requests went to one of two idle peers")
		}
		p.Done(Served)
		q.Done(Served)
	}
}

func TestBackupsAreAskedLast(t *testing.T) {
	g := opened(t, Options{MaxFails: 1, Peers: []PeerOptions{
		{Address: address(0)}, {Address: address(1), Backup: true}, {Address: address(2)},
	}})
	if got := picks(t, g, &Request{}, 4); got != "acac" {
		t.Errorf("%s", got)
	}
	r := &Request{}
	for range 3 {
		r.Tried = append(r.Tried, pick(t, g, r))
	}
	if last := letter(r.Tried[2]); last != "b" {
		t.Errorf("the third try goes to %s", last)
	}
	for _, p := range r.Tried[:2] {
		p.Done(Failed)
	}
	if got := picks(t, g, &Request{}, 3); got != "bbb" {
		t.Errorf("with both others out: %s", got)
	}
}

func TestDownPeersAreNotAsked(t *testing.T) {
	g := opened(t, Options{Peers: []PeerOptions{{Address: address(0), Down: true}, {Address: address(1)}}})
	if got := picks(t, g, &Request{}, 3); got != "bbb" {
		t.Error(got)
	}
	if err := g.Change(address(1), Change{Down: new(true)}); err != nil {
		t.Fatal(err)
	}
	if p, err := g.Pick(&Request{}); err != ErrNoPeer {
		t.Errorf("all are down, and %v, %v is picked", p, err)
	}
}

func TestUnixPeers(t *testing.T) {
	p := pick(t, opened(t, Options{Peers: []PeerOptions{{Address: "unix:/run/app.sock"}}}), &Request{})
	if p.Network != "unix" || p.Address != "/run/app.sock" || p.String() != "unix:/run/app.sock" {
		t.Errorf("%+v", p)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	for b := range Random + 1 {
		g := weighted(t, b, 5, 1, 1)
		r := &Request{Client: netip.MustParseAddr("192.0.2.1"), Key: []byte("/some/path")}
		if n := testing.AllocsPerRun(1000, func() {
			p, _ := g.Pick(r)
			p.Done(Served)
		}); n != 0 {
			t.Errorf("%v: %v allocations", b, n)
		}
	}
}

// Goroutines pick, fail, wait, change and reload all at once; then nothing is
// counted that is not there.
func TestHammer(t *testing.T) {
	for b := range Random + 1 {
		o := Options{Balance: b, MaxFails: 2, FailTimeout: time.Millisecond, SlowStart: time.Millisecond, Queue: 4}
		for i := range 4 {
			o.Peers = append(o.Peers, PeerOptions{Address: address(i), Weight: i + 1, MaxConnections: 2, Backup: i == 3})
		}
		o.Peers = append(o.Peers, PeerOptions{Address: "app.test:80", MaxConnections: 2})
		o.Resolve = time.Millisecond
		o.Lookup = func(context.Context, string) ([]netip.Addr, error) { // each time another
			return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(rand.IntN(4))}), netip.AddrFrom4([4]byte{10, 0, 1, byte(rand.IntN(4))})}, nil
		}
		if b%2 == 1 { // and all are ill
			o.Check = &Check{Path: "/", Interval: time.Millisecond, Timeout: time.Second}
			o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
		}
		g := opened(t, o)
		var hammering sync.WaitGroup
		var picked sync.Map // those that are gone included
		for n := range 8 {
			hammering.Go(func() {
				for i := range 500 {
					r := &Request{Client: netip.AddrFrom4([4]byte{10, byte(n), byte(i)}), Key: []byte{byte(i)}, Deadline: time.Now().Add(time.Second)}
					for range 2 {
						p, err := g.Pick(r)
						if err != nil {
							break
						}
						picked.Store(p, true)
						r.Tried = append(r.Tried, p)
						p.Done(Outcome((i + n) % 3))
					}
				}
			})
		}
		hammering.Go(func() {
			for i := range 100 {
				if err := g.Add(address(9), Change{}); err != nil {
					t.Error(err)
				}
				for _, peer := range []string{address(i % 4), "app.test:80"} {
					if err := g.Change(peer, Change{Weight: new(1 + i%7), Draining: new(i%2 == 0)}); err != nil {
						t.Error(err)
					}
				}
				g.State()
				g.Update(o)
				if err := g.Remove(address(9)); err != nil {
					t.Error(err)
				}
			}
		})
		hammering.Wait()
		s := g.State()
		if s.Waiting != 0 || len(s.Peers) < 5 {
			t.Errorf("%v: %+v", b, s)
		}
		for p := range picked.Range {
			if s := p.(*Peer).State(); s.Connections != 0 {
				t.Errorf("%v: %+v", b, s)
			}
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, peers := range []int{3, 16, 100} {
		for balance := range Random + 1 {
			g := weighted(b, balance, make([]int, peers)...)
			r := &Request{Client: netip.MustParseAddr("192.0.2.1"), Key: []byte("/some/path?and=query")}
			b.Run(fmt.Sprintf("%v/%d", balance, peers), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p, _ := g.Pick(r)
					p.Done(Served)
				}
			})
		}
	}
}

// BenchmarkPickParallel shows what the group's lock costs between cores.
func BenchmarkPickParallel(b *testing.B) {
	g := weighted(b, RoundRobin, 5, 1, 1)
	b.RunParallel(func(pb *testing.PB) {
		r := &Request{}
		for pb.Next() {
			p, _ := g.Pick(r)
			p.Done(Served)
		}
	})
}

// Whatever the weights were, after a change the peers have their shares at once.
func TestRoundRobinAfterAChangeOfWeight(t *testing.T) {
	for name, change := range map[string]func(g *Group) error{
		"weight": func(g *Group) error { return g.Change(address(0), Change{Weight: new(1)}) },
		"down":   func(g *Group) error { return g.Change(address(0), Change{Down: new(true)}) },
		"remove": func(g *Group) error { return g.Remove(address(0)) },
		"out":    func(g *Group) error { fail(t, g, "a"); return nil },
	} {
		for _, before := range []int{0, 1, 500, 501, 502, 503, 600} {
			g := weighted(t, RoundRobin, 1000, 1, 1)
			picks(t, g, &Request{}, before)
			if err := change(g); err != nil {
				t.Fatal(err)
			}
			next := picks(t, g, &Request{}, 300)
			if b, c := strings.Count(next, "b"), strings.Count(next, "c"); b < 90 || c < 90 {
				t.Errorf("%s after %d requests: of the next 300 b has %d, c %d", name, before, b, c)
			}
		}
	}
}

func TestAnother(t *testing.T) {
	for _, c := range []struct {
		name   string
		queue  int
		change Change // of the second of two peers
		tried  bool
		busy   bool
		want   bool
	}{
		{name: "free", want: true},
		{name: "tried", tried: true},
		{name: "down", change: Change{Down: new(true)}},
		{name: "backup", change: Change{Backup: new(true)}, want: true},
		{name: "full", change: Change{MaxConnections: new(1)}, busy: true},
		{name: "full, with a queue", queue: 1, change: Change{MaxConnections: new(1)}, busy: true, want: true},
	} {
		g := opened(t, Options{Queue: c.queue, Peers: []PeerOptions{{Address: address(0)}, {Address: address(1)}}})
		first, second := g.Peers()[0], g.Peers()[1]
		if err := g.Change(address(1), c.change); err != nil {
			t.Fatal(err)
		}
		r := &Request{}
		if c.tried {
			r.Tried = append(r.Tried, second)
		}
		if c.busy && g.Take(second) != nil {
			t.Fatal("there is no room")
		}
		if got := g.Another(r, first); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
