package upstream

import "time"

// leastConnections picks the peer with the fewest requests for its share.
// Those that are equal take turns, as roundRobin has it.
func leastConnections(peers []*Peer, r *Request, now time.Time) *Peer {
	var best *Peer
	var bestShare int64
	tied := false
	for _, p := range peers {
		share := p.share(r, now)
		if share == 0 {
			continue
		}
		switch {
		case best == nil || fewer(p, share, best, bestShare) < 0:
			best, bestShare, tied = p, share, false
		case fewer(p, share, best, bestShare) == 0:
			tied = true
		}
	}
	if !tied {
		return best
	}
	fewest, fewestShare := best, bestShare
	best = nil
	var sum int64
	for _, p := range peers {
		share := p.share(r, now)
		if share == 0 || fewer(p, share, fewest, fewestShare) != 0 {
			continue
		}
		sum += share
		if p.current += share; best == nil || p.current > best.current {
			best = p
		}
	}
	best.current -= sum
	return best
}

// fewer is negative where p has fewer requests for its share than q, 0 where
// both have as many.
func fewer(p *Peer, share int64, q *Peer, shareOfQ int64) int64 {
	return int64(p.connections)*shareOfQ - int64(q.connections)*share
}
