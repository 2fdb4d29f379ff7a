package host_test

import (
	"testing"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// onePeer is an upstream with the peer x-a, which notes what it is told.
type onePeer struct{ added, removed string }

func (*onePeer) Peers() []host.Peer { return onlyPeer }

var onlyPeer = []host.Peer{{Name: "x-a", Address: "10.0.0.1:80", Weight: 2, State: "up"}}

func (u *onePeer) Add(address string, weight int) abi.Errno {
	if weight == 7 {
		return abi.Exists
	}
	u.added = address
	return 0
}

func (u *onePeer) Remove(name string) abi.Errno {
	if name != "x-a" {
		return abi.NotFound
	}
	u.removed = name
	return 0
}

func TestUpstream(t *testing.T) {
	g := newGuest(t)
	for phase := range abi.NumPhases {
		g.begin(phase)
		if phase == abi.Init || phase == abi.ExitWorker {
			g.want(wrongPhase, "upstream_add", "x-a", "127.0.0.1:1", 1)
			continue
		}
		g.wantText(string(list("x-a", "10.0.0.1:80", "2", "0", "up", "0")), "upstream_peers", "x-a")
		g.want(done, "upstream_add", "x-a", "127.0.0.1:1", 1)
		g.want(int64(abi.Exists), "upstream_add", "x-a", "127.0.0.1:1", 7)
		g.want(badArgument, "upstream_add", "x-a", "example.com:80", 1)
		g.want(badArgument, "upstream_add", "x-a", "127.0.0.1:1", 0)
		g.want(done, "upstream_remove", "x-a", "x-a")
		g.want(notFound, "upstream_remove", "x-a", "y")
		for _, name := range []string{"", "X-A", "other"} {
			g.want(notGranted, "upstream_peers", name)
			g.want(notGranted, "upstream_add", name, "127.0.0.1:1", 1)
			g.want(notGranted, "upstream_remove", name, "x-a")
		}
	}
}
