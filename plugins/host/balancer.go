package host

import (
	"strconv"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// Balancer is the choice of a peer, for one try of an exchange, as the balancer
// phase sees it (ngx.balancer). One goroutine uses it at a time.
type Balancer interface {
	// Peer is the peer with an index, from 0 without a gap. Which peer an index
	// stands for does not change during a call; peers that are added meanwhile
	// follow.
	Peer(index int) (p Peer, ok bool)
	// Choose chooses the peer for this try. The error is abi.BadArgument where
	// there is no such index, abi.Busy where it has no room, or is none to be
	// asked.
	Choose(index int) abi.Errno
	// MoreTries gives the exchange more tries than the configuration does.
	MoreTries(tries int)
	// Failure is what became of the try before: the status of the peer's answer,
	// or 0 where it gave none. It is false at the first try.
	Failure() (status int, failed bool)
}

// Peer is what a balancer may know of a peer. Its strings outlive the call.
type Peer struct {
	Name        string // its address as the configuration has it
	Address     string // the address to connect to
	Weight      int
	Connections int // requests that it is serving
	State       string
	Tried       bool // by this exchange
}

// maxMoreTries is the most that a plugin may ask for.
const maxMoreTries = 100

func balancerPeers(c *Call, s []uint64) {
	b := c.Exchange.Balancer
	c.draft = c.draft[:0]
	for i := 0; ; i++ {
		p, ok := b.Peer(i)
		if !ok {
			break
		}
		c.draft = appendPeer(c.draft, &p)
	}
	c.replyDraft(s, s[0], s[1])
}

// appendPeer adds a peer to a list, as balancer_peers has it.
func appendPeer(list []byte, p *Peer) []byte {
	var number [20]byte
	list = appendItem(list, bytesOf(p.Name))
	list = appendItem(list, bytesOf(p.Address))
	list = appendItem(list, strconv.AppendInt(number[:0], int64(p.Weight), 10))
	list = appendItem(list, strconv.AppendInt(number[:0], int64(p.Connections), 10))
	list = appendItem(list, bytesOf(p.State))
	tried := byte('0')
	if p.Tried {
		tried = '1'
	}
	return appendItem(list, append(number[:0], tried))
}

func balancerSet(c *Call, s []uint64) {
	answer(s, int(c.Exchange.Balancer.Choose(int(api.DecodeI32(s[0])))))
}

func balancerSetAddress(c *Call, s []uint64) {
	address, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	b := c.Exchange.Balancer
	for i := 0; ; i++ {
		p, ok := b.Peer(i)
		if !ok {
			fail(s, abi.NotFound)
			return
		}
		if p.Address == string(address) || p.Name == string(address) {
			answer(s, int(b.Choose(i)))
			return
		}
	}
}

func balancerMoreTries(c *Call, s []uint64) {
	tries := api.DecodeI32(s[0])
	if tries < 0 || tries > maxMoreTries {
		fail(s, abi.BadArgument)
		return
	}
	c.Exchange.Balancer.MoreTries(int(tries))
	s[0] = 0
}

func balancerFailure(c *Call, s []uint64) {
	status, failed := c.Exchange.Balancer.Failure()
	if !failed {
		fail(s, abi.NotFound)
		return
	}
	answer(s, status)
}
