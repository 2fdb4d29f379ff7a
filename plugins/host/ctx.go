package host

import (
	"encoding/binary"

	"phasm/sdk/abi"
)

// maxCtx is how many bytes of keys and values an exchange's context holds.
const maxCtx = 64 << 10

// ctx is an exchange's context: its entries one after the other, each the
// key's length and the value's as little-endian u32, the key and the value. In
// one piece, what guests put into it cannot make the host keep more than that.
type ctx []byte

// entryHead is the size of the two lengths.
const entryHead = 8

// find is the value of a key, and where its entry begins and ends. Both are
// the end of the context where the key is missing.
func (c ctx) find(key []byte) (value []byte, begin, end int) {
	for begin < len(c) {
		k := int(binary.LittleEndian.Uint32(c[begin:]))
		v := int(binary.LittleEndian.Uint32(c[begin+4:]))
		at := begin + entryHead
		end = at + k + v
		if string(c[at:at+k]) == string(key) {
			return c[at+k : end], begin, end
		}
		begin = end
	}
	return nil, begin, begin
}

func ctxGet(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value, begin, end := c.Exchange.ctx.find(key)
	if begin == end {
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
	_, begin, end := x.ctx.find(key)
	size := x.ctxSize + len(key) + len(value) - max(0, end-begin-entryHead)
	if size > maxCtx {
		fail(s, abi.NoMemory)
		return
	}
	x.ctxSize = size
	x.ctx = append(x.ctx[:begin], x.ctx[end:]...)
	x.ctx = binary.LittleEndian.AppendUint32(x.ctx, uint32(len(key)))
	x.ctx = binary.LittleEndian.AppendUint32(x.ctx, uint32(len(value)))
	x.ctx = append(append(x.ctx, key...), value...)
	s[0] = 0
}

func ctxRemove(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	if ok {
		x := c.Exchange
		_, begin, end := x.ctx.find(key)
		x.ctxSize -= max(0, end-begin-entryHead)
		x.ctx = append(x.ctx[:begin], x.ctx[end:]...)
	}
	done(s, ok)
}
