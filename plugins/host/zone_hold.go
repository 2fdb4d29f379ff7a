package host

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/zone"
	"phasm/sdk/abi"
)

// maxHolds is how many counts an exchange holds at once.
const maxHolds = 64

// holds are the counts that an exchange stands in.
type holds struct {
	stores []zone.Store
	ends   []int  // where their keys end
	keys   []byte // one after the other
}

// zoneHold is the incoming function of resty.limit.conn; its leaving is
// Exchange.Release, which no plugin can forget.
func zoneHold(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	most := int64(api.DecodeI32(s[3]))
	h := &c.Exchange.holds
	switch {
	case most < 1:
		fail(s, abi.BadArgument)
		return
	case len(h.stores) == maxHolds || len(h.keys)+len(key) > maxCtx:
		fail(s, abi.NoMemory)
		return
	}
	sum, _, err := z.Incr(c, key, zone.IntOf(1), zone.IntOf(0), 0)
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	h.stores = append(h.stores, z)
	h.keys = append(h.keys, key...)
	h.ends = append(h.ends, len(h.keys))
	if sum.Float() > float64(most) {
		h.releaseLast()
		fail(s, abi.Busy)
		return
	}
	zoneDone(s, int(sum.Float()), nil)
}

// Release takes the exchange off all counts it stands in.
func (x *Exchange) Release() {
	for len(x.holds.stores) > 0 {
		x.holds.releaseLast()
	}
	x.holds.keys = kept(x.holds.keys)
}

func (h *holds) releaseLast() {
	last, begin := len(h.stores)-1, 0
	if last > 0 {
		begin = h.ends[last-1]
	}
	z, key := h.stores[last], h.keys[begin:]
	ctx := context.Background()
	sum, _, err := z.Incr(ctx, key, zone.IntOf(-1), zone.Value{}, 0)
	if err == nil && sum.Float() <= 0 {
		z.CompareAndSwap(ctx, key, sum, zone.Value{}, 0) // else keys of clients would pile up
	}
	h.stores[last] = nil
	h.stores, h.ends, h.keys = h.stores[:last], h.ends[:last], h.keys[:begin]
}
