package host

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/zone"
	"phasm/sdk/abi"
)

// maxHolds is how many counts an exchange holds at once.
const maxHolds = 64

// holds are the counts that an exchange stands in.
type holds struct {
	held []held
	keys []byte // one after the other
}

// held is one of them.
type held struct {
	store  zone.Store
	ticket uint64
	end    int // where its key ends
}

// zoneHold is the incoming function of resty.limit.conn; its leaving is
// Exchange.Release, which no plugin can forget.
func zoneHold(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	most := int(api.DecodeI32(s[3]))
	h := &c.Exchange.holds
	switch {
	case most < 1:
		fail(s, abi.BadArgument)
		return
	case len(h.held) == maxHolds || len(h.keys)+len(key) > maxCtx:
		fail(s, abi.NoMemory)
		return
	}
	// The guest's memory may have another key by the end of a wait.
	begin := len(h.keys)
	h.keys = append(h.keys, key...)
	n, ticket, err := z.Hold(c, h.keys[begin:], most)
	if err != nil {
		h.keys = h.keys[:begin]
		fail(s, zoneErrno(err))
		return
	}
	h.held = append(h.held, held{z, ticket, len(h.keys)})
	zoneDone(s, n, nil)
}

// releaseWithin is how long stores somewhere else may take to release all that
// an exchange holds: the connection's next request waits meanwhile.
const releaseWithin = time.Second

// Release takes the exchange off all counts it stands in.
func (x *Exchange) Release() {
	h := &x.holds
	ctx, begin := context.Background(), 0
	for i, one := range h.held {
		if _, remote := one.store.(*remoteZone); remote && ctx == context.Background() {
			within, cancel := context.WithTimeout(ctx, releaseWithin)
			defer cancel()
			ctx = within
		}
		// A store sees to it that what it could not release ends by itself.
		one.store.Release(ctx, h.keys[begin:one.end], one.ticket)
		h.held[i].store = nil
		begin = one.end
	}
	h.held, h.keys = h.held[:0], kept(h.keys)
}
