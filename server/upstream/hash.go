package upstream

import (
	"math"
	"net/netip"
	"time"
)

// hashed picks a peer by a key: as long as the peers stay the same a key has
// the same peer, in every process.
//
// It is rendezvous hashing, with weights (Thaler and Ravishankar 1998;
// Schindelhauer and Schomaker 2005): every peer draws a number from the key
// and its own address, and the highest wins. A peer that comes takes just its
// share of the keys, equally from all others, and one that goes leaves its own
// equally to them. A ring of points (ketama) does so roughly, and gives all of
// a dead peer's keys to its neighbours; it needs one search where this looks
// at every peer, which for dozens of them is no difference.
func hashed(peers []*Peer, even bool, key uint64, r *Request, now time.Time) *Peer {
	var best *Peer
	var bestDraw uint64
	var bestScore float64
	for _, p := range peers {
		share := p.share(r, now)
		if share == 0 {
			continue
		}
		draw := mix(key ^ p.id)
		if even { // the score grows with the draw: no need to know it
			if best == nil || draw > bestDraw {
				best, bestDraw = p, draw
			}
			continue
		}
		if s := score(draw, share); best == nil || s > bestScore {
			best, bestScore = p, s
		}
	}
	return best
}

// score turns a draw into one that wins in proportion to the share.
func score(draw uint64, share int64) float64 {
	u := (float64(draw>>11) + 0.5) / (1 << 53) // in (0, 1)
	return float64(share) / -math.Log(u)
}

// hashKey is FNV-1a (RFC 9923) over the key, mixed.
func hashKey[T string | []byte](key T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return mix(h)
}

// networkKey is the key of a client's network: the first three octets of an
// IPv4 address, the whole of an IPv6 one, as nginx's ip_hash has it.
func networkKey(client netip.Addr) uint64 {
	client = client.Unmap()
	if client.Is4() {
		a := client.As4()
		return mix(uint64(a[0])<<16 | uint64(a[1])<<8 | uint64(a[2]))
	}
	a := client.As16()
	return hashKey(a[:])
}

// mix spreads every bit of x over all bits: the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
