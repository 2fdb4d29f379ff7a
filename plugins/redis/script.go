package redis

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// nodes are a cluster's, as scripts are sent to them. The library follows MOVED
// and ASK wherever they point, with the password and all further commands of
// that slot; and what a script answers may say MOVED as well. So commands that
// run scripts follow no address but those of nodes that the library has from
// the cluster itself.
type nodes struct {
	known atomic.Pointer[map[string]rueidis.Client] // by address
	slots sync.Map                                  // addresses, by the slot
}

// script runs a command on the cluster's node that has its first key, or on any
// where it has none.
func (c *Client) script(ctx context.Context, client *connected, r *Request) rueidis.RedisResult {
	slot, key := -1, ""
	if len(r.Keys) > 0 {
		key = r.Args[r.Keys[0]]
		slot = int(slotOf(key))
	}
	address := ""
	if at, ok := c.nodes.slots.Load(slot); ok {
		address = at.(string)
	}
	asks, learnt := false, false
	for redirected := 0; ; redirected++ {
		node := c.node(client, address)
		if node == nil {
			return rueidis.NewErrorResult(rueidis.ErrNoSlot)
		}
		var result rueidis.RedisResult
		if asks {
			result = node.DoMulti(ctx, node.B().Arbitrary("ASKING").Build(), build(client, r))[1]
		} else {
			result = node.Do(ctx, build(client, r))
		}
		if result.NonRedisError() != nil {
			c.nodes.known.Store(nil)
			return result
		}
		refusal, refused := rueidis.IsRedisErr(result.Error())
		if !refused || slot < 0 || redirected == maxRedirections {
			return result
		}
		to, moved := refusal.IsMoved()
		if !moved {
			if to, asks = refusal.IsAsk(); !asks {
				return result
			}
		}
		asks = !moved
		if !c.knows(client, to) {
			// The cluster may have a new node: by a command that runs no script the
			// library gets to know it.
			if learnt || client.Do(ctx, client.B().Arbitrary("EXISTS").Keys(key).ReadOnly()).NonRedisError() != nil || !c.knows(client, to) {
				return result
			}
			learnt = true
		}
		if address = to; moved {
			c.nodes.slots.Store(slot, address)
		}
	}
}

// all are the cluster's nodes, looked up anew where none is known at an address.
func (c *Client) all(client *connected, address string) map[string]rueidis.Client {
	if known := c.nodes.known.Load(); known != nil && (*known)[address] != nil {
		return *known
	}
	all := client.Nodes()
	c.nodes.known.Store(&all)
	return all
}

// knows tells whether a cluster has a node at an address.
func (c *Client) knows(client *connected, address string) bool {
	return c.all(client, address)[address] != nil
}

// node is a cluster's node at an address, or any where there is none; nil where
// there are no nodes at all.
func (c *Client) node(client *connected, address string) rueidis.Client {
	all := c.all(client, address)
	if node := all[address]; node != nil {
		return node
	}
	which := rand.IntN(max(1, len(all)))
	for _, node := range all {
		if which--; which < 0 {
			return node
		}
	}
	return nil
}

// separately runs the commands of a pipeline one after the other.
func (c *Client) separately(ctx context.Context, dst []byte, requests []Request) ([]byte, error) {
	begin := len(dst)
	dst = appendHead(dst, typeArray, len(requests))
	for _, r := range requests {
		var err error
		if dst, err = c.Do(ctx, dst, r); err != nil {
			return dst[:begin], err
		}
		if len(dst)-begin > MaxReply {
			return dst[:begin], ErrTooLarge
		}
	}
	return dst, nil
}
