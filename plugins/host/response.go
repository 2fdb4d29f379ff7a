package host

import (
	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// maxBuffered is how much of a response's body is held back in memory. In the
// content phase more is sent on; before content there is nobody to send it to
// yet, and a write over it answers no memory.
const maxBuffered = 1 << 20

func responseStatus(c *Call, s []uint64) {
	answer(s, c.Exchange.Response.StatusCode())
}

func responseSetStatus(c *Call, s []uint64) {
	if c.headSent(s, "response_set_status") {
		return
	}
	status := api.DecodeI32(s[0])
	if isStatus(status) {
		c.Exchange.Response.SetStatusCode(int(status))
	}
	done(s, isStatus(status))
}

func responseWrite(c *Call, s []uint64) {
	b, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	x := c.Exchange
	if size := len(x.Response.Body()) + len(b); size > maxBuffered {
		if c.Phase != abi.Content {
			fail(s, abi.NoMemory)
			return
		}
		if errno := c.flush(); errno != 0 {
			fail(s, errno)
			return
		}
		b, _ = c.view(s[0], s[1]) // the body filter may be the same guest's
	}
	x.Response.AppendBody(b)
	s[0] = 0
}

func responseFlush(c *Call, s []uint64) { answer(s, int(c.flush())) }

// flush sends what there is of the response, and answers 0 after it.
func (c *Call) flush() abi.Errno {
	c.beginWait()
	err := c.Exchange.Wire.Flush(c.Until)
	c.EndWait()
	switch {
	case err == nil:
		return 0
	case c.late():
		return abi.Timeout
	default:
		return abi.Closed
	}
}

// headSent answers wrong phase where the response's head has left already.
func (c *Call) headSent(s []uint64, function string) bool {
	if !c.Exchange.Wire.HeadSent() {
		return false
	}
	c.Plugin.Log.Error("API disabled in the context of "+c.Phase.String()+": the response's head has been sent",
		"function", function)
	fail(s, abi.WrongPhase)
	return true
}
