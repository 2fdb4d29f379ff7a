package upstream

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// narrow is a group of one peer that serves one request at a time.
func narrow(t testing.TB, queue int) *Group {
	t.Helper()
	return opened(t, Options{Queue: queue, Peers: []PeerOptions{{Address: address(0), MaxConnections: 1}}})
}

func in(d time.Duration) *Request { return &Request{Deadline: time.Now().Add(d)} }

func TestConnectionLimit(t *testing.T) {
	g := opened(t, Options{Peers: []PeerOptions{{Address: address(0), MaxConnections: 2}, {Address: address(1), MaxConnections: 1}}})
	var open []*Peer
	for range 3 {
		open = append(open, pick(t, g, &Request{}))
	}
	if p, err := g.Pick(in(time.Hour)); !errors.Is(err, ErrBusy) {
		t.Fatalf("a fourth request: %v, %v", p, err)
	}
	open[1].Done(Served)
	if p := pick(t, g, &Request{}); p != open[1] {
		t.Errorf("%s is picked", p)
	}
}

func TestQueueIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := narrow(t, 3)
		p := pick(t, g, &Request{})
		var got []int
		var waiting sync.WaitGroup
		for i := range 3 {
			waiting.Go(func() {
				p := pick(t, g, in(time.Minute))
				got = append(got, i) // one at a time, as the peer has it
				p.Done(Served)
			})
			synctest.Wait()
		}
		if n := g.State().Waiting; n != 3 {
			t.Errorf("%d wait", n)
		}
		if _, err := g.Pick(in(time.Minute)); !errors.Is(err, ErrBusy) {
			t.Errorf("the queue is full, and a fourth request gets %v", err)
		}
		time.Sleep(5 * time.Second)
		p.Done(Served)
		waiting.Wait()
		if len(got) != 3 || got[0] != 0 || got[1] != 1 || got[2] != 2 {
			t.Errorf("served in the order %v", got)
		}
	})
}

func TestQueueEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := narrow(t, 3)
		pick(t, g, &Request{})
		for _, c := range []struct{ deadline, want time.Duration }{
			{1234 * time.Millisecond, 1234 * time.Millisecond}, {time.Hour, time.Minute}, // queue_timeout
		} {
			start := time.Now()
			if _, err := g.Pick(in(c.deadline)); !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
			if took := time.Since(start); took != c.want {
				t.Errorf("waits for %v, want %v", took, c.want)
			}
		}
		if n := g.State().Waiting; n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

func TestQueueLetsThoseGoWhoseClientHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := narrow(t, 3)
		pick(t, g, &Request{})
		start := time.Now()
		r := in(time.Minute)
		r.Gone = func() bool { return time.Since(start) > time.Second }
		if _, err := g.Pick(r); err != ErrGone {
			t.Error(err)
		}
		if took := time.Since(start); took > time.Second+glance {
			t.Errorf("it has waited for %v", took)
		}
	})
}

// One that cannot use the peer that is free does not hold up those behind it.
func TestQueuePassesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := opened(t, Options{Queue: 3, Peers: []PeerOptions{{Address: address(0), MaxConnections: 1}, {Address: address(1), MaxConnections: 1}}})
		a, b := pick(t, g, &Request{}), pick(t, g, &Request{})
		var waiting sync.WaitGroup
		waiting.Go(func() {
			r := in(time.Minute)
			r.Tried = []*Peer{a}
			if p := pick(t, g, r); p != b {
				t.Errorf("%s", p)
			}
		})
		synctest.Wait()
		waiting.Go(func() {
			if p := pick(t, g, in(time.Minute)); p != a {
				t.Errorf("%s", p)
			}
		})
		synctest.Wait()
		a.Done(Served)
		synctest.Wait()
		if n := g.State().Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		b.Done(Served)
		waiting.Wait()
	})
}

// What gives a peer room, or makes one, serves the queue; what leaves none
// that could ever be asked, or ends the group, sends it away.
func TestQueueSeesChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *Group) error
		want   error
	}{
		"limit":  {func(g *Group) error { return g.Change(address(0), Change{MaxConnections: new(2)}) }, nil},
		"add":    {func(g *Group) error { return g.Add(address(1), Change{}) }, nil},
		"down":   {func(g *Group) error { return g.Change(address(0), Change{Down: new(true)}) }, ErrNoPeer},
		"remove": {func(g *Group) error { return g.Remove(address(0)) }, ErrNoPeer},
		"close":  {func(g *Group) error { g.Close(); return nil }, ErrNoPeer},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := narrow(t, 1)
				pick(t, g, &Request{})
				var err error
				var waiting sync.WaitGroup
				waiting.Go(func() { _, err = g.Pick(in(time.Minute)) })
				synctest.Wait()
				start := time.Now()
				if err := c.change(g); err != nil {
					t.Fatal(err)
				}
				waiting.Wait()
				if err != c.want || time.Since(start) > glance {
					t.Errorf("%v after %v, want %v", err, time.Since(start), c.want)
				}
			})
		})
	}
}
