//go:build !wasip1

package sdktest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/sdktest"
)

func (h *real) BalancerPeers(b []byte) int32         { return h.i32("balancer_peers", b) }
func (h *real) BalancerSet(n int32) int32            { return h.i32("balancer_set", n) }
func (h *real) BalancerSetAddress(text string) int32 { return h.i32("balancer_set_address", text) }
func (h *real) BalancerMoreTries(n int32) int32      { return h.i32("balancer_more_tries", n) }
func (h *real) BalancerFailure() int32               { return h.i32("balancer_failure") }

func (h *real) UpstreamPeers(name string, b []byte) int32 { return h.i32("upstream_peers", name, b) }
func (h *real) UpstreamAdd(name, address string, weight int32) int32 {
	return h.i32("upstream_add", name, address, weight)
}
func (h *real) UpstreamRemove(name, peer string) int32 { return h.i32("upstream_remove", name, peer) }

// peers are an upstream's that plugins may change.
type peers struct{ all []host.Peer }

func (p *peers) Peers() []host.Peer { return p.all }

func (p *peers) find(name string) int {
	return slices.IndexFunc(p.all, func(one host.Peer) bool { return one.Name == name })
}

func (p *peers) Add(address string, weight int) abi.Errno {
	switch {
	case p.find(address) >= 0:
		return abi.Exists
	case len(p.all) >= 1024:
		return abi.NoMemory
	}
	p.all = append(p.all, host.Peer{Name: address, Address: address, Weight: weight, State: "up"})
	return 0
}

func (p *peers) Remove(name string) abi.Errno {
	i := p.find(name)
	if i < 0 {
		return abi.NotFound
	}
	p.all = slices.Delete(p.all, i, i+1)
	return 0
}

func TestUpstreamsConform(t *testing.T) {
	for _, phase := range []abi.Phase{abi.Timer, abi.Balancer, abi.Init} {
		conform(t, nil, sdktest.Request{}, step{phase, func(_ *sdk.Request, out *record) {
			for _, u := range []sdk.Upstream{"app", "nope", ""} {
				for _, address := range []string{"10.0.0.1:80", "[::1]:80", "unix:/run/a.sock", "10.0.0.1:80", "", "a:1", "10.0.0.1", "10.0.0.1:0", "unix:", "unix:a",
					"unix:/\x00", "unix:/" + strings.Repeat("x", 299), "unix:/" + strings.Repeat("x", 300)} {
					out.add("add", u, address, u.Add(address, 3))
				}
				for _, weight := range []int{0, -1, 1, 65535, 65536, math.MaxInt} {
					out.add("weight", weight, u.Add("10.0.0.2:80", weight), u.Remove("10.0.0.2:80"))
				}
				all, err := u.Peers()
				out.add("peers", all, err, u.Remove("10.0.0.1:80"), u.Remove("10.0.0.1:80"))
			}
			for i := range 1030 {
				out.add("many", sdk.Upstream("app").Add(fmt.Sprintf("10.1.0.1:%d", i+1), 1))
			}
		}})
	}
}

// balancer is a choice among a request's peers, as the server offers it.
type balancer []sdk.Peer

func (b balancer) Peer(index int) (host.Peer, bool) {
	if index < 0 || index >= len(b) {
		return host.Peer{}, false
	}
	p := b[index]
	return host.Peer{Name: p.Name, Address: p.Address, Weight: p.Weight, Connections: p.Connections, State: p.State, Tried: p.Tried}, true
}

func (b balancer) Choose(index int) abi.Errno {
	p, ok := b.Peer(index)
	switch {
	case !ok:
		return abi.BadArgument
	case p.State == "down" || p.State == "draining":
		return abi.Busy
	}
	return 0
}

func (balancer) MoreTries(int)        {}
func (balancer) Failure() (int, bool) { return 0, false }

func TestBalancerConforms(t *testing.T) {
	peers := []sdk.Peer{
		{Address: "127.0.0.1:1"}, {Name: "app.test:80", Address: "10.0.0.1:80", Weight: 65535, Connections: 7, Tried: true},
		{Address: "127.0.0.1:2", State: "down"}, {Address: "127.0.0.1:3", State: "draining"}, {Address: "127.0.0.1:4", State: "failed"},
	}
	for _, request := range []sdktest.Request{{Peers: peers}, {}} {
		conform(t, nil, request, step{abi.Balancer, func(_ *sdk.Request, out *record) {
			c := new(sdk.Choice)
			all, err := c.Peers()
			out.add("peers", all, err)
			for _, p := range all {
				out.add("up", p.Up())
			}
			for _, index := range []int{0, 1, 2, 3, 4, 5, -1, math.MaxInt, math.MinInt} {
				out.add("set", index, c.Set(index))
			}
			for _, address := range []string{"127.0.0.1:1", "app.test:80", "10.0.0.1:80", "127.0.0.1:2", "127.0.0.1:9", "", "127.0.0.1"} {
				out.add("set", address, c.SetAddress(address))
			}
			for _, tries := range []int{0, 1, 100, 101, -1, math.MaxInt} {
				out.add("more", tries, c.MoreTries(tries))
			}
			status, again := c.LastFailure()
			out.add("failure", status, again)
			out.add("short", imports.BalancerPeers(nil), imports.BalancerPeers(make([]byte, 10)))
		}})
	}
}
