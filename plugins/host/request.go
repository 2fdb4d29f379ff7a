package host

import (
	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

func requestMethod(c *Call, s []uint64) {
	c.reply(s, c.Exchange.Request.Header.Method(), s[0], s[1])
}

func requestSetMethod(c *Call, s []uint64) {
	method, ok := c.line(s)
	if ok = ok && isToken(method); ok {
		x := c.Exchange
		if len(x.OriginalMethod) == 0 {
			x.OriginalMethod = append(x.OriginalMethod, x.Request.Header.Method()...)
		}
		x.Request.Header.SetMethodBytes(method)
	}
	done(s, ok)
}

func requestURI(c *Call, s []uint64) {
	c.reply(s, c.Exchange.Request.Header.RequestURI(), s[0], s[1])
}

func requestSetURI(c *Call, s []uint64) {
	uri, ok := c.line(s)
	if ok = ok && isTarget(uri); ok {
		c.Exchange.SetURI(uri)
	}
	done(s, ok)
}

func requestPath(c *Call, s []uint64) {
	c.reply(s, c.Exchange.Request.URI().Path(), s[0], s[1])
}

func requestQuery(c *Call, s []uint64) {
	c.reply(s, c.Exchange.Request.URI().QueryString(), s[0], s[1])
}

func requestSetQuery(c *Call, s []uint64) {
	query, ok := c.line(s)
	if ok = ok && isURIText(query); ok {
		x := c.Exchange
		x.scratch = append(x.scratch[:0], x.Request.URI().PathOriginal()...)
		if len(query) > 0 {
			x.scratch = append(append(x.scratch, '?'), query...)
		}
		x.SetURI(x.scratch)
	}
	done(s, ok)
}

func queryGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	index := api.DecodeI32(s[2])
	if !ok || index < 0 {
		fail(s, abi.BadArgument)
		return
	}
	for key, value := range c.Exchange.Request.URI().QueryArgs().All() {
		if string(key) != string(name) {
			continue
		}
		if index == 0 {
			c.reply(s, value, s[3], s[4])
			return
		}
		index--
	}
	fail(s, abi.NotFound)
}

func queryList(c *Call, s []uint64) {
	x := c.Exchange
	x.scratch = x.scratch[:0]
	for key, value := range x.Request.URI().QueryArgs().All() {
		x.scratch = appendItem(appendItem(x.scratch, key), value)
	}
	c.reply(s, x.scratch, s[0], s[1])
}

func paramGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value, found := c.Exchange.Params.Get(stringOf(name))
	if !found {
		fail(s, abi.NotFound)
		return
	}
	c.reply(s, value, s[2], s[3])
}

func paramList(c *Call, s []uint64) {
	x := c.Exchange
	x.scratch = x.scratch[:0]
	for i := range x.Params.Len() {
		x.scratch = appendItem(appendItem(x.scratch, bytesOf(x.Params.Name(i))), x.Params.Value(i))
	}
	c.reply(s, x.scratch, s[0], s[1])
}

func requestStart(c *Call, s []uint64) {
	s[0] = uint64(c.Exchange.Start().UnixNano())
}

// maxLine is how long a method or a target from a guest may be, in bytes.
const maxLine = 64 << 10

// line is a method or a target from the guest, a view.
func (c *Call) line(s []uint64) ([]byte, bool) {
	b, ok := c.view(s[0], s[1])
	return b, ok && len(b) <= maxLine
}
