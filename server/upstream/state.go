package upstream

import "time"

// State is what a group tells about itself.
type State struct {
	Name    string      `json:"name"`
	Balance string      `json:"balance"`
	Waiting int         `json:"waiting"` // requests that wait for a peer with room
	Peers   []PeerState `json:"peers"`
}

// PeerState is what is known of a peer.
type PeerState struct {
	Peer           string `json:"peer"`    // as the configuration has it: by this it is changed
	Address        string `json:"address"` // the same, or one that the name stands for; empty where it does for none
	State          string `json:"state"`   // see Health
	Backup         bool   `json:"backup"`
	Weight         int    `json:"weight"`
	MaxConnections int    `json:"max_connections"` // 0: any number
	Connections    int    `json:"connections"`     // requests that it is serving
	Requests       uint64 `json:"requests"`        // that it has been asked to serve and that are over
	Failures       uint64 `json:"failures"`        // those of them that failed
}

// Health says whether a peer is asked, and if not why.
type Health uint8

// Healths, of which the first that holds counts.
const (
	Up       Health = iota
	Down            // the operator says so
	Draining        // likewise, and requests that it has go on
	Sick            // its health check is bad
	Out             // it has failed
)

// String is the health in the admin listener's answers.
func (h Health) String() string {
	return [...]string{Up: "up", Down: "down", Draining: "draining", Sick: "unhealthy", Out: "failed"}[h]
}

// String is the balance's name in the configuration.
func (b Balance) String() string {
	return balances[b]
}

var balances = [...]string{
	RoundRobin: "round_robin", LeastConnections: "least_connections", IPHash: "ip_hash", Hash: "hash", Random: "random",
}

// ParseBalance is the balance of that name.
func ParseBalance(name string) (b Balance, ok bool) {
	for i, known := range balances {
		if known == name {
			return Balance(i), true
		}
	}
	return 0, false
}

// State tells about the group, its peers in their order.
func (g *Group) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Name: g.name, Balance: g.options.Balance.String(), Waiting: len(g.queue.waiting), Peers: []PeerState{}}
	for _, e := range g.entries {
		if e.removed {
			continue
		}
		if len(e.peers) == 0 {
			s.Peers = append(s.Peers, PeerState{
				Peer: e.options.Address, State: "unresolved", Backup: e.options.Backup,
				Weight: e.options.Weight, MaxConnections: e.options.MaxConnections,
			})
		}
		for _, p := range e.peers {
			s.Peers = append(s.Peers, p.state())
		}
	}
	return s
}

// State tells about the peer alone.
func (p *Peer) State() PeerState {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	return p.state()
}

func (p *Peer) state() PeerState {
	return PeerState{
		Peer: p.Name, Address: p.text, State: p.health().String(), Backup: p.backup,
		Weight: int(p.weight), MaxConnections: p.most,
		Connections: p.connections, Requests: p.requests, Failures: p.failures,
	}
}

// health is called locked.
func (p *Peer) health() Health {
	switch {
	case p.down:
		return Down
	case p.draining:
		return Draining
	case p.sick:
		return Sick
	case p.out && p.group.live > 0 && time.Now().Before(p.retry):
		return Out
	}
	return Up
}

// Gone tells whether the peer is none of its group any more: nothing new is
// begun with it, and connections to it are of no more use once they are free.
func (p *Peer) Gone() bool {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	return p.gone
}
