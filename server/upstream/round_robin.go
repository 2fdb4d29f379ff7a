package upstream

import "time"

// roundRobin picks the peers in turn, smoothly (nginx's algorithm): at each
// pick every peer's current value grows by its share, and the largest is
// picked and reduced by the sum of the shares. Weights 5, 1 and 1 give a a b a
// c a a, not a a a a a b c.
func roundRobin(peers []*Peer, r *Request, now time.Time) *Peer {
	var best *Peer
	var sum int64
	for _, p := range peers {
		share := p.share(r, now)
		if share == 0 {
			continue
		}
		sum += share
		if p.current += share; best == nil || p.current > best.current {
			best = p
		}
	}
	if best != nil {
		best.current -= sum
	}
	return best
}
