// Package upstream chooses the peers that requests are passed on to and keeps
// the connections to them.
//
//	group.go   one [upstreams.NAME]: its peers, and which of them is next
//	peer.go    one address: what is known about it
package upstream
