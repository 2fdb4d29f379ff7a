package host_test

import (
	"testing"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// choice is a choice among peers of which those that are down have no room.
type choice struct {
	peers  []host.Peer
	chosen []int
	more   []int
	status int
	failed bool
}

func (c *choice) Peer(index int) (host.Peer, bool) {
	if index < 0 || index >= len(c.peers) {
		return host.Peer{}, false
	}
	return c.peers[index], true
}

func (c *choice) Choose(index int) abi.Errno {
	p, ok := c.Peer(index)
	switch {
	case !ok:
		return abi.BadArgument
	case p.State == "down":
		return abi.Busy
	}
	c.chosen = append(c.chosen[:0], index)
	return 0
}

func (c *choice) MoreTries(tries int)  { c.more = append(c.more[:0], tries) }
func (c *choice) Failure() (int, bool) { return c.status, c.failed }

func TestBalancer(t *testing.T) {
	const busy = int64(abi.Busy)
	g := newGuest(t)
	g.begin(abi.Balancer)
	c := g.call.Exchange.Balancer.(*choice)
	g.wantText(string(list("x-a", "10.0.0.1:80", "5", "12", "up", "1", "b:1", "b:1", "0", "0", "down", "0")), "balancer_peers")
	for index, want := range map[int]int64{0: done, 1: busy, 2: badArgument, -1: badArgument} {
		g.want(want, "balancer_set", index)
	}
	for address, want := range map[string]int64{"x-a": done, "10.0.0.1:80": done, "b:1": busy, "": notFound, "x": notFound, "X-A": notFound} {
		g.want(want, "balancer_set_address", address)
	}
	if len(c.chosen) != 1 || c.chosen[0] != 0 {
		t.Errorf("chosen are %v", c.chosen)
	}
	for tries, want := range map[int]int64{0: done, 7: done, 100: done, 101: badArgument, -1: badArgument} {
		if g.want(want, "balancer_more_tries", tries); want == done && c.more[0] != tries {
			t.Errorf("%d tries more, want %d", c.more[0], tries)
		}
	}
	g.want(0, "balancer_failure")
	c.status = 502
	g.want(502, "balancer_failure")
	c.failed = false
	g.want(notFound, "balancer_failure")

	g.want(done, "exit", 503)
	if x := g.call.Exchange; !x.Ended || x.Response.StatusCode() != 503 {
		t.Error("exit does not end the request")
	}
	g.want(wrongPhase, "response_set_status", 200)
	g.want(wrongPhase, "request_header_set", "x-a", "b")
	g.wantText("of the request", "request_header_get", "x-a")
	g.begin(abi.Content)
	g.want(wrongPhase, "balancer_set", 0)
	c.peers = nil
	g.begin(abi.Balancer)
	g.call.Exchange.Balancer = c
	g.wantText("", "balancer_peers")
	g.want(badArgument, "balancer_set", 0)
}
