package upstream

import "time"

// Peer is one address of a group. It is safe for concurrent use. Its exported
// fields do not change.
type Peer struct {
	Network, Address string // as for net.Dial: "tcp" and "host:port", or "unix" and a path
	Name             string // the address as the configuration has it: of a name, what it stands for

	idle  idle
	group *Group
	text  string // see String
	host  string // see Host
	id    uint64 // what hashes are over: equal for equal addresses, in every process

	// All below belongs to the group's lock.
	weight   int64
	most     int // connections; 0: any number
	backup   bool
	down     bool // never asked, as the operator says
	draining bool // no new requests, as the operator says
	gone     bool // no peer of the group any more
	current  int64

	connections        int // requests picked for it that are not done
	requests, failures uint64

	fails  int       // since window began
	window time.Time // when failures stop to count
	inARow int
	out    bool      // taken out by failures
	retry  time.Time // when one request may try whether it is back
	trying bool      // a request has been picked for it since it is out

	sick   bool // taken out by health checks
	streak int  // good checks in a row, or bad ones where it is negative

	warm time.Time // when its slow start ends; zero: it has
}

// newPeer makes the peer of an address, for one that the configuration has as
// name.
func newPeer(g *Group, name, address string) *Peer {
	p := &Peer{Address: address, Name: name, group: g, host: hostField(name)}
	p.Network, _, _, _ = parseAddress(name)
	p.text = address
	if p.Network == "unix" {
		p.text = name
	}
	p.id = hashKey(p.text)
	p.idle.set(&g.options.Connecting)
	return p
}

// String is the peer's address, of a socket as the configuration writes it.
func (p *Peer) String() string { return p.text }

// Host is the peer's address as a Host header has it.
func (p *Peer) Host() string { return p.host }

// dismiss ends what a peer is for its group. Requests that it has go on. It is
// called locked.
func (p *Peer) dismiss() {
	p.gone = true
	p.idle.close()
}

// Outcome is what came of passing a request on to a peer.
type Outcome int

// Outcomes.
const (
	Served  Outcome = iota // it has answered, whatever the status
	Failed                 // it could not be reached, was too late, or its answer was none
	Unasked                // nothing was sent: it says nothing about the peer
)

// Done ends what Pick began. It is called once for each peer picked, when its
// answer is over.
func (p *Peer) Done(o Outcome) {
	g := p.group
	g.mu.Lock()
	defer g.mu.Unlock()
	p.connections--
	switch o {
	case Served:
		p.requests++
		p.served()
	case Failed:
		p.requests++
		p.failed()
	case Unasked:
		if p.trying { // the next may try in its place
			p.retry, p.trying = time.Time{}, false
		}
	}
	if len(g.queue.waiting) > 0 {
		g.serveQueue()
	}
}

// usable tells whether requests may go to it, were it not for failures.
func (p *Peer) usable() bool { return !p.down && !p.draining && !p.sick }

// askable tells whether this request may go to it, were there room.
func (p *Peer) askable(r *Request, now time.Time) bool {
	return p.usable() && !p.Tried(r) && !(p.out && p.group.live > 0 && now.Before(p.retry))
}

// unit is the share of a weight of 1, so that a slow start has steps.
const unit = 256

// share is the peer's part of the requests, 0 where this one may not go to it.
// Where now is zero no peer of the group is out, or in its slow start.
func (p *Peer) share(r *Request, now time.Time) int64 {
	if !p.usable() || p.full() || p.Tried(r) {
		return 0
	}
	share := p.weight * unit
	if now.IsZero() {
		return share
	}
	if p.out && p.group.live > 0 && now.Before(p.retry) {
		return 0
	}
	if left := p.warm.Sub(now); left > 0 {
		all := p.group.options.SlowStart
		share = max(1, int64(float64(share)*(1-min(1, float64(left)/float64(all)))))
	}
	return share
}

// HasRoom tells whether a request may go to the peer, as far as the operator's
// word and its connections count, and not its health.
func (p *Peer) HasRoom() bool {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	return p.hasRoom()
}

func (p *Peer) hasRoom() bool { return !p.gone && !p.down && !p.draining && !p.full() }

func (p *Peer) full() bool { return p.most > 0 && p.connections >= p.most }

// Tried tells whether the request has been tried at the peer.
func (p *Peer) Tried(r *Request) bool {
	for _, t := range r.Tried {
		if t == p {
			return true
		}
	}
	return false
}

// take counts a request that is picked for the peer.
func (p *Peer) take(now time.Time) {
	p.connections++
	if p.out {
		p.trying, p.retry = true, now.Add(p.group.options.FailTimeout)
	}
}
