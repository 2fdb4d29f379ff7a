package host

import (
	"github.com/valyala/fasthttp"

	"phasm/sdk/abi"
)

func responseHeaderGet(c *Call, s []uint64) {
	name, ok := c.fieldName(s)
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	h := &c.Exchange.Response.Header
	value := h.PeekBytes(name)
	if isNamed(name, setCookie) {
		value = firstCookie(h)
	}
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
	if name, value, ok := c.field(s); ok {
		x := c.Exchange
		h := &x.Response.Header
		// fasthttp's Set would leave a second value, and cookies.
		switch {
		case isNamed(name, contentType):
			h.SetContentTypeBytes(value) // the likely one: its name needs no normalising
			return
		case isNamed(name, setCookie):
			h.DelAllCookies()
		case !isField(name) && len(h.PeekAll(stringOf(name))) > 1:
			removeHeader(h, x.responseHeaders(), name)
		}
		h.SetBytesKV(name, value)
	}
}

func responseHeaderAdd(c *Call, s []uint64) {
	if c.headSent(s, "response_header_add") {
		return
	}
	if name, value, ok := c.field(s); ok {
		c.Exchange.Response.Header.AddBytesKV(name, value)
	}
}

func responseHeaderRemove(c *Call, s []uint64) {
	if c.headSent(s, "response_header_remove") {
		return
	}
	name, ok := c.fieldName(s)
	if ok && !isFraming(name) {
		x := c.Exchange
		removeHeader(&x.Response.Header, x.responseHeaders(), name)
	}
	done(s, ok)
}

func responseHeaderList(c *Call, s []uint64) {
	c.reply(s, c.Exchange.responseHeaders(), s[0], s[1])
}

// responseHeaders lists the response's headers in the scratch buffer.
func (x *Exchange) responseHeaders() []byte {
	x.scratch = x.scratch[:0]
	for name, value := range x.Response.Header.All() {
		x.scratch = appendItem(appendItem(x.scratch, name), value)
	}
	return x.scratch
}

const (
	contentType = "Content-Type"
	setCookie   = "Set-Cookie"
)

// firstCookie is the first Set-Cookie header, of which fasthttp's Peek makes
// one line.
func firstCookie(h *fasthttp.ResponseHeader) []byte {
	for _, cookie := range h.Cookies() {
		return cookie
	}
	return nil
}
