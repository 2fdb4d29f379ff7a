package host

import (
	"bytes"

	"phasm/sdk/abi"
)

// What guests make the host keep of headers is bounded, in bytes.
const (
	maxFieldName = 1 << 10   // of one name
	maxFields    = 256 << 10 // of all names and values that guests write for an exchange
)

func requestHeaderGet(c *Call, s []uint64) {
	name, ok := c.fieldName(s)
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
	if name, value, ok := c.field(s); ok {
		h := &c.Exchange.Request.Header
		h.DelBytes(name) // fasthttp's Set would leave a second value, and cookies
		h.SetBytesKV(name, value)
	}
}

func requestHeaderAdd(c *Call, s []uint64) {
	if name, value, ok := c.field(s); ok {
		c.Exchange.Request.Header.AddBytesKV(name, value)
	}
}

func requestHeaderRemove(c *Call, s []uint64) {
	name, ok := c.fieldName(s)
	if ok && !isFraming(name) {
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

// fieldName is a header's name from the guest, a view.
func (c *Call) fieldName(s []uint64) (name []byte, ok bool) {
	name, ok = c.view(s[0], s[1])
	return name, ok && len(name) <= maxFieldName
}

// field is a header line from the guest that is to be written. Its parts are
// views. It gives the guest its answer, and answers false where there is
// nothing to write.
func (c *Call) field(s []uint64) (name, value []byte, ok bool) {
	name, ok1 := c.fieldName(s)
	value, ok2 := c.view(s[2], s[3])
	if !ok1 || !ok2 || !isToken(name) || !isFieldValue(value) {
		fail(s, abi.BadArgument)
		return nil, nil, false
	}
	x := c.Exchange
	size := x.fields + len(name) + len(value)
	if size > maxFields {
		fail(s, abi.NoMemory)
		return nil, nil, false
	}
	x.fields = size
	s[0] = 0
	return name, value, !isFraming(name)
}

// isFraming tells whether a header decides where a message's body ends. Those
// are the server's: it alone knows what is on the wire. A guest that could
// change a request's would shift where the connection's next request begins.
func isFraming(name []byte) bool {
	return bytes.EqualFold(name, []byte("Content-Length")) ||
		bytes.EqualFold(name, []byte("Transfer-Encoding"))
}
