package host

import (
	"net/netip"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// Upstream is an upstream whose peers a plugin may change. It is safe for
// concurrent use, and none of its methods waits.
type Upstream interface {
	// Peers are its peers. None of them is Tried.
	Peers() []Peer
	// Add adds a peer. The error is abi.Exists, abi.NoMemory where there are too
	// many, or abi.Busy.
	Add(address string, weight int) abi.Errno
	// Remove removes a peer by its Name. The error is abi.NotFound or abi.Busy.
	Remove(name string) abi.Errno
}

// Bounds of upstream_add.
const (
	maxPeerWeight  = 65535
	maxPeerAddress = 300 // bytes
)

// upstream is the granted upstream that the first argument names. Where there
// is none it has answered.
func (c *Call) upstream(s []uint64) Upstream {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return nil
	}
	u := c.Plugin.upstreams[string(name)]
	if u == nil {
		c.notGranted(s, Upstreams, name)
	}
	return u
}

func upstreamPeers(c *Call, s []uint64) {
	u := c.upstream(s)
	if u == nil {
		return
	}
	c.draft = c.draft[:0]
	for _, p := range u.Peers() {
		c.draft = appendPeer(c.draft, &p)
	}
	c.replyDraft(s, s[2], s[3])
}

func upstreamAdd(c *Call, s []uint64) {
	address, ok := c.view(s[2], s[3])
	weight := api.DecodeI32(s[4])
	if !ok || !isPeerAddress(string(address)) || weight < 1 || weight > maxPeerWeight {
		fail(s, abi.BadArgument)
		return
	}
	if u := c.upstream(s); u != nil {
		answer(s, int(u.Add(string(address), int(weight))))
	}
}

func upstreamRemove(c *Call, s []uint64) {
	name, ok := c.view(s[2], s[3])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	if u := c.upstream(s); u != nil {
		answer(s, int(u.Remove(string(name))))
	}
}

// isPeerAddress tells whether an address can be a peer's without asking for a
// name.
func isPeerAddress(address string) bool {
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		return strings.HasPrefix(path, "/") && len(path) <= maxPeerAddress && !strings.Contains(path, "\x00")
	}
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Port() != 0
}
