package host

import (
	"bytes"

	"phasm/sdk/abi"
)

func responseHeaderGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value := c.Exchange.Response.Header.PeekBytes(name)
	if isAbsent(name, value) {
		fail(s, abi.NotFound)
		return
	}
	c.reply(s, value, s[2], s[3])
}

func responseHeaderSet(c *Call, s []uint64) {
	if c.headSent(s, "response_header_set") {
		return
	}
	name, value, ok := c.field(s)
	if ok && !isFraming(name) {
		h := &c.Exchange.Response.Header
		if bytes.EqualFold(name, setCookie) {
			h.DelAllCookies() // fasthttp's Set would add one
		}
		h.SetBytesKV(name, value)
	}
	done(s, ok)
}

func responseHeaderAdd(c *Call, s []uint64) {
	if c.headSent(s, "response_header_add") {
		return
	}
	name, value, ok := c.field(s)
	if ok && !isFraming(name) {
		c.Exchange.Response.Header.AddBytesKV(name, value)
	}
	done(s, ok)
}

func responseHeaderRemove(c *Call, s []uint64) {
	if c.headSent(s, "response_header_remove") {
		return
	}
	name, ok := c.view(s[0], s[1])
	if ok && !isFraming(name) {
		c.Exchange.Response.Header.DelBytes(name)
	}
	done(s, ok)
}

func responseHeaderList(c *Call, s []uint64) {
	x := c.Exchange
	x.scratch = x.scratch[:0]
	for name, value := range x.Response.Header.All() {
		x.scratch = appendItem(appendItem(x.scratch, name), value)
	}
	c.reply(s, x.scratch, s[0], s[1])
}

var setCookie = []byte("Set-Cookie")

// isFraming tells whether a header decides where the response ends. Those are
// the server's: it alone knows what body it sends.
func isFraming(name []byte) bool {
	return bytes.EqualFold(name, []byte("Content-Length")) ||
		bytes.EqualFold(name, []byte("Transfer-Encoding"))
}
