package upstream

import (
	"math/rand/v2"
	"time"
)

// random picks two peers by chance, each with its share as its chance, and of
// these the one with fewer requests for its share. That is nearly as even as
// asking all of them, and several balancers that do not know of each other
// never crowd on the same peer.
func random(peers []*Peer, r *Request, now time.Time) *Peer {
	first, firstShare, sum := draw(peers, nil, r, now)
	if first == nil || sum == firstShare {
		return first
	}
	second, secondShare, _ := draw(peers, first, r, now)
	if fewer(second, secondShare, first, firstShare) < 0 {
		return second
	}
	return first
}

// draw picks one peer by chance, but not the one that is taken already. The
// sum is that of all shares it chose among.
func draw(peers []*Peer, taken *Peer, r *Request, now time.Time) (picked *Peer, share, sum int64) {
	for _, p := range peers {
		if p != taken {
			sum += p.share(r, now)
		}
	}
	if sum == 0 {
		return nil, 0, 0
	}
	left := rand.Int64N(sum)
	for _, p := range peers {
		if p == taken {
			continue
		}
		share = p.share(r, now)
		if left -= share; left < 0 {
			return p, share, sum
		}
	}
	panic("BUG: the shares have changed")
}
