package host

import "phasm/sdk/abi"

// maxCtx is how many bytes of keys and values an exchange's context holds.
const maxCtx = 64 << 10

func ctxGet(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	x := c.Exchange
	value := x.ctx.PeekBytes(key)
	if value == nil && !x.ctx.HasBytes(key) {
		fail(s, abi.NotFound)
		return
	}
	c.reply(s, value, s[2], s[3])
}

func ctxSet(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	value, ok2 := c.view(s[2], s[3])
	if !ok || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	x := c.Exchange
	size := x.ctxSize - x.ctxEntry(key) + len(key) + len(value)
	if size > maxCtx {
		fail(s, abi.NoMemory)
		return
	}
	x.ctx.SetBytesKV(key, value)
	x.ctxSize = size
	s[0] = 0
}

func ctxRemove(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	if ok {
		x := c.Exchange
		x.ctxSize -= x.ctxEntry(key)
		x.ctx.DelBytes(key)
	}
	done(s, ok)
}

// ctxEntry is what the entry of that key takes up.
func (x *Exchange) ctxEntry(key []byte) int {
	if !x.ctx.HasBytes(key) {
		return 0
	}
	return len(key) + len(x.ctx.PeekBytes(key))
}
