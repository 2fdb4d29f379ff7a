package host

import "phasm/sdk/abi"

// What guests make the host keep of headers is bounded, in bytes.
const (
	maxFieldName = 1 << 10   // of one name
	maxFields    = 256 << 10 // of all that guests write for an exchange, and each costs
	fieldCost    = 128       // beside its name and value: what looks for one looks at all
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
		x := c.Exchange
		h := &x.Request.Header
		// fasthttp's Set would leave a second value, and cookies.
		if isField(name) {
			h.DelBytes(name)
		} else if len(h.PeekAll(stringOf(name))) > 1 {
			removeHeader(h, x.requestHeaders(), name)
		}
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
		x := c.Exchange
		removeHeader(&x.Request.Header, x.requestHeaders(), name)
	}
	done(s, ok)
}

func requestHeaderList(c *Call, s []uint64) {
	c.reply(s, c.Exchange.requestHeaders(), s[0], s[1])
}

// requestHeaders lists the request's headers in the scratch buffer.
func (x *Exchange) requestHeaders() []byte {
	x.scratch = x.scratch[:0]
	for name, value := range x.Request.Header.All() {
		x.scratch = appendItem(appendItem(x.scratch, name), value)
	}
	return x.scratch
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
	size := x.fields + fieldCost + len(name) + len(value)
	if size > maxFields {
		fail(s, abi.NoMemory)
		return nil, nil, false
	}
	x.fields = size
	s[0] = 0
	return name, value, !isFraming(name)
}
