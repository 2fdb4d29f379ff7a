package host

import (
	"bytes"

	"phasm/sdk/abi"
)

func requestHeaderGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value := c.Exchange.Request.Header.PeekBytes(name)
	if isAbsent(name, value) {
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

// isAbsent tells whether what fasthttp found under a header's name means that
// there is none. It keeps some headers in fields of their own, which are empty
// where the header is missing, and not nil when they have been used before.
func isAbsent(name, value []byte) bool {
	if len(value) > 0 {
		return false
	}
	if value == nil {
		return true
	}
	for _, special := range fieldHeaders {
		if bytes.EqualFold(name, bytesOf(special)) {
			return true
		}
	}
	return false
}

var fieldHeaders = [...]string{
	"Host", "User-Agent", "Content-Type", "Content-Length", "Content-Encoding", "Server", "Connection",
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
