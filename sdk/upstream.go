package sdk

import "phasm/sdk/internal/imports"

// Upstream is the name of an upstream whose peers the plugin may change while
// requests are served, as service discovery does from a timer:
//
//	[plugins.NAME.grants]
//	upstreams = ["app"]
//
// One that is not granted is [ErrNotGranted]; a plugin that uses an Upstream is
// refused where none is granted. In init and exit_worker all is
// [ErrWrongPhase]. [ErrBusy] says that the upstream is being changed
// otherwise: try again.
type Upstream string

// Peers are the upstream's peers.
func (u Upstream) Peers() ([]Peer, error) {
	b, err := u.appendPeers(scratch)
	return peersOf(text(b, err)), err
}

func (u Upstream) appendPeers(dst []byte) ([]byte, error) {
	n := imports.UpstreamPeers(string(u), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.UpstreamPeers(string(u), free(dst))
	}
	return taken(dst, n)
}

// Add adds a peer: an IP address and a port, or "unix:/path", and a weight from
// 1 to 65535. The peer survives reloads, and not the process. [ErrExists] says
// that the upstream has it already, [ErrNoMemory] that it has 1024. A balancer can choose the peer
// at once.
func (u Upstream) Add(address string, weight int) error {
	return errnoOf(imports.UpstreamAdd(string(u), address, clamp(weight)))
}

// Remove removes a peer by its Name; what it is serving goes on. [ErrNotFound]
// says that the upstream has no such peer.
func (u Upstream) Remove(name string) error {
	return errnoOf(imports.UpstreamRemove(string(u), name))
}
