//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

// balanced is a host whose plugin has the balancer, and an exchange of it.
func balanced(t *testing.T, f func(*sdk.Request, *sdk.Choice) sdk.Action, peers ...sdk.Peer) (*sdktest.Host, *sdktest.Exchange) {
	before := phases.Save()
	t.Cleanup(func() { phases.Restore(before) })
	sdk.Balancer(f)
	h := sdktest.New(t, nil)
	return h, h.Begin(sdktest.Request{Peers: peers})
}

// A balancer that takes the peer with the largest weight that is up, and asks
// for a try more after each.
func TestBalancer(t *testing.T) {
	var failures []int
	_, x := balanced(t, func(_ *sdk.Request, c *sdk.Choice) sdk.Action {
		if status, again := c.LastFailure(); again {
			failures = append(failures, status)
		}
		peers, err := c.Peers()
		fails(t, "peers", err, nil)
		best := -1
		for i, p := range peers {
			if p.Up() && (best < 0 || p.Weight > peers[best].Weight) {
				best = i
			}
		}
		if best >= 0 {
			fails(t, "set", c.Set(best), nil)
			fails(t, "more", c.MoreTries(len(failures)+1), nil)
		}
		return sdk.Continue
	}, sdk.Peer{Address: "a:1"}, sdk.Peer{Address: "b:1", Weight: 3}, sdk.Peer{Address: "c:1", Weight: 2}, sdk.Peer{Address: "d:1", Weight: 9, State: "failed"})
	for i, want := range []string{"b:1", "c:1", "a:1", ""} {
		equal(t, "peer", x.Balance(), want)
		x.Fail(500 * (i % 2))
	}
	equal(t, "more tries", x.MoreTries(), 3)
	equalList(t, "failures", failures, []int{0, 500, 0})
}

func TestBalancerEndsTheRequest(t *testing.T) {
	h, _ := balanced(t, func(r *sdk.Request, _ *sdk.Choice) sdk.Action { return r.Exit(503) })
	r := h.Do(sdktest.Request{Peers: []sdk.Peer{{Address: "a:1"}}, Upstream: sdktest.Upstream{Chunks: []string{"of the peer"}}})
	equal(t, "status", r.Status, 503)
	equal(t, "body", r.Body, "503 Service Unavailable\n")
}

func TestBalancerOutsideOfItsPhase(t *testing.T) {
	sdktest.New(t, nil)
	var c sdk.Choice
	_, err := c.Peers()
	fails(t, "peers", err, sdk.ErrWrongPhase)
	fails(t, "set", c.Set(0), sdk.ErrWrongPhase)
	fails(t, "address", c.SetAddress("a:1"), sdk.ErrWrongPhase)
	fails(t, "more", c.MoreTries(1), sdk.ErrWrongPhase)
	_, again := c.LastFailure()
	equal(t, "again", again, false)
}
