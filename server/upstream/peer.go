package upstream

// Peer is one address of a group. It is safe for concurrent use.
type Peer struct {
	Network, Address string // as for net.Dial: "tcp" and "host:port", or "unix" and a path
}

// Outcome is what came of passing a request on to a peer.
type Outcome int

const (
	Served  Outcome = iota // it has answered, whatever the status
	Failed                 // it could not be reached, was too late, or its answer was none
	Unasked                // nothing was sent: it says nothing about the peer
)

// Done ends what Pick began. It is called once for each peer picked, when its
// answer is over.
func (p *Peer) Done(Outcome) {}
