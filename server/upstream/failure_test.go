package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// three is a group of three peers with the options.
func three(t testing.TB, o Options) *Group {
	t.Helper()
	o.Peers = []PeerOptions{{Address: address(0)}, {Address: address(1)}, {Address: address(2)}}
	return opened(t, o)
}

// fail has the next request to a peer fail, and those before it served.
func fail(t testing.TB, g *Group, peer string) {
	t.Helper()
	for range 100 {
		p := pick(t, g, &Request{})
		if letter(p) == peer {
			p.Done(Failed)
			return
		}
		p.Done(Served)
	}
	t.Fatalf("%s is never picked", peer)
}

// count counts the picks of a peer among n.
func count(t testing.TB, g *Group, peer rune, n int) (of int) {
	t.Helper()
	for _, p := range picks(t, g, &Request{}, n) {
		if p == peer {
			of++
		}
	}
	return of
}

func TestADeadPeerIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := three(t, Options{MaxFails: 2, FailTimeout: 10 * time.Second})
		fail(t, g, "b")
		if n := count(t, g, 'b', 30); n != 10 {
			t.Fatalf("after one of two failures it has %d of 30 requests", n)
		}
		fail(t, g, "b")
		if n := count(t, g, 'b', 30); n != 0 {
			t.Fatalf("it is dead and has %d requests", n)
		}
		time.Sleep(10 * time.Second)
		r := &Request{}
		var trying *Peer
		for range 30 { // none of them is over
			if p := pick(t, g, r); letter(p) == "b" {
				if trying != nil {
					t.Fatal("two requests try whether it is back")
				}
				trying = p
			}
		}
		if trying == nil {
			t.Fatal("no request tries whether it is back")
		}
		trying.Done(Failed)
		if n := count(t, g, 'b', 30); n != 0 {
			t.Fatalf("it has failed again and has %d requests", n)
		}
		time.Sleep(10 * time.Second)
		if n := count(t, g, 'b', 30); n != 10 { // the first is served at once
			t.Fatalf("it is back and has %d of 30 requests", n)
		}
	})
}

// A request that tries and is never sent leaves the trial to the next, and one
// that hangs holds it for fail_timeout.
func TestTheOneThatTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := three(t, Options{MaxFails: 1})
		fail(t, g, "a")
		time.Sleep(10 * time.Second)
		trial := func() (found *Peer) {
			for range 6 {
				if p := pick(t, g, &Request{}); letter(p) == "a" {
					found = p
				} else {
					p.Done(Served)
				}
			}
			return found
		}
		first := trial()
		if first == nil {
			t.Fatal("none tries")
		}
		first.Done(Unasked)
		if trial() == nil {
			t.Fatal("the next does not try")
		}
		if trial() != nil {
			t.Fatal("two try")
		}
		time.Sleep(10 * time.Second)
		if trial() == nil {
			t.Fatal("none tries after one that hangs")
		}
	})
}

func TestOldFailuresDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := three(t, Options{MaxFails: 2, FailTimeout: time.Second})
		for range 5 {
			fail(t, g, "b")
			time.Sleep(time.Second)
		}
		if n := count(t, g, 'b', 30); n != 10 {
			t.Errorf("it has %d of 30 requests", n)
		}
	})
}

func TestFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := three(t, Options{MaxFailsInARow: 3, FailTimeout: time.Second})
		for range 2 {
			fail(t, g, "b")
			time.Sleep(time.Minute)
			fail(t, g, "b")
			if n := count(t, g, 'b', 3); n != 1 { // served: the row is over
				t.Fatalf("two in a row take it out: %d of 3", n)
			}
		}
		for range 3 {
			p := pick(t, g, &Request{Tried: []*Peer{g.tiers[0].peers[0], g.tiers[0].peers[2]}})
			p.Done(Failed)
			time.Sleep(time.Minute)
		}
		if s := g.State().Peers[1]; !g.entries[1].peers[0].out {
			t.Errorf("three in a row do not: %+v", s)
		}
	})
}

// A peer that was told not to be asked any more does not come back on its own.
func TestAllPeersFail(t *testing.T) {
	g := three(t, Options{MaxFails: 1})
	if err := g.Change(address(2), Change{Down: new(true)}); err != nil {
		t.Fatal(err)
	}
	fail(t, g, "a")
	if got := picks(t, g, &Request{}, 3); got != "bbb" {
		t.Fatal(got)
	}
	fail(t, g, "b")
	r := &Request{}
	for range 2 {
		p := pick(t, g, r)
		r.Tried = append(r.Tried, p)
		p.Done(Failed)
	}
	if _, err := g.Pick(r); err != ErrNoPeer {
		t.Fatalf("a third peer: %v", err)
	}
	p := pick(t, g, &Request{})
	p.Done(Served)
	if got, want := picks(t, g, &Request{}, 3), letter(p)+letter(p)+letter(p); got != want {
		t.Errorf("%s, but only %s is known to live", got, letter(p))
	}
}

func TestTheOnlyPeerIsNeverOut(t *testing.T) {
	g := opened(t, Options{MaxFails: 1, Peers: []PeerOptions{{Address: address(0)}}})
	fail(t, g, "a")
	if s := g.State().Peers[0]; s.State != "up" || s.Failures != 1 || s.Requests != 1 {
		t.Errorf("%+v", s)
	}
}

func TestNeverMoreThanAShareIsOut(t *testing.T) {
	g := three(t, Options{MaxFails: 1, MaxOut: 40}) // one of three
	fail(t, g, "a")
	for range 5 {
		fail(t, g, "b")
	}
	if got := picks(t, g, &Request{}, 4); got != "cbcb" && got != "bcbc" {
		t.Error(got)
	}
}

func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := three(t, Options{MaxFails: 1, FailTimeout: time.Second, SlowStart: 100 * time.Second})
		if n := count(t, g, 'a', 30); n != 10 {
			t.Fatalf("at the beginning %d of 30: slow already", n)
		}
		fail(t, g, "a")
		time.Sleep(time.Second)
		for n := 0; g.entries[0].peers[0].out; n++ {
			if picks(t, g, &Request{}, 1); n > 10 {
				t.Fatal("none tries")
			}
		}
		for _, c := range []struct {
			after time.Duration
			least int
			most  int
		}{{0, 0, 5}, {25 * time.Second, 105, 117}, {50 * time.Second, 195, 205}, {100 * time.Second, 330, 336}} {
			time.Sleep(time.Until(g.entries[0].peers[0].warm.Add(c.after - 100*time.Second)))
			if n := count(t, g, 'a', 1000); n < c.least || n > c.most {
				t.Errorf("after %v it has %d of 1000, want %d to %d", c.after, n, c.least, c.most)
			}
			if c.after < 100*time.Second {
				continue
			}
			if !g.entries[0].peers[0].warm.IsZero() || !g.settled {
				t.Error("the slow start does not end")
			}
		}
	})
}
