package host

import "phasm/sdk/abi"

func requestHeaderGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value := c.Exchange.Request.Header.PeekBytes(name)
	if value == nil {
		fail(s, abi.NotFound)
		return
	}
	c.reply(s, value, s[2], s[3])
}

func requestHeaderSet(c *Call, s []uint64) {
	name, value, ok := c.field(s)
	if ok {
		c.Exchange.Request.Header.SetBytesKV(name, value)
	}
	done(s, ok)
}

func requestHeaderAdd(c *Call, s []uint64) {
	name, value, ok := c.field(s)
	if ok {
		c.Exchange.Request.Header.AddBytesKV(name, value)
	}
	done(s, ok)
}

func requestHeaderRemove(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if ok {
		c.Exchange.Request.Header.DelBytes(name)
	}
	done(s, ok)
}

func requestHeaderList(c *Call, s []uint64) {
	x := c.Exchange
	x.scratch = x.scratch[:0]
	for name, value := range x.Request.Header.All() {
		x.scratch = appendItem(appendItem(x.scratch, name), value)
	}
	c.reply(s, x.scratch, s[0], s[1])
}

// field is a header line from the guest, checked. Its parts are views.
func (c *Call) field(s []uint64) (name, value []byte, ok bool) {
	name, ok = c.view(s[0], s[1])
	if !ok || !isToken(name) {
		return nil, nil, false
	}
	value, ok = c.view(s[2], s[3])
	return name, value, ok && isFieldValue(value)
}
