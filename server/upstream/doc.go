// Package upstream chooses the peers that requests are passed on to and keeps
// the connections to them.
//
//	options.go            what a group and its peers are made from
//	group.go              one [upstreams.NAME]: its peers, and which of them is next
//	peer.go               one address: what is known about it
//	address.go            how the configuration writes it
//	round_robin.go        balance: in turn, by weight
//	least_connections.go  balance: who has the fewest
//	hash.go               balance: by a key, or by the client's network
//	random.go             balance: the better of two
//	failure.go            what requests tell about peers: out, one that tries, slow start
//	dial.go               connections to a peer
//	conn.go               one of them, while it serves an exchange
//	idle.go               those that wait for one
//	alive_*.go            whether the peer has closed one
//	queue.go              requests that wait for a peer with room
//	check.go              what peers say when they are asked about their health
//	resolve.go            names that stand for several peers, asked for again and again
//	change.go             peers that come, go and change while requests are served
//	state.go              what a group tells about itself
//
// Picking takes one lock for the group, looks at each peer once or twice, and
// allocates nothing.
package upstream
