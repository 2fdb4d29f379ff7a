package host

import (
	"github.com/tetratelabs/wazero/api"
)

func controlExit(c *Call, s []uint64) {
	if c.headSent(s, "exit") {
		return
	}
	status := api.DecodeI32(s[0])
	if isStatus(status) {
		c.Exchange.Response.SetStatusCode(int(status))
		c.Exchange.Ended, c.Exchange.Errors = true, true
	}
	done(s, isStatus(status))
}

func controlRedirect(c *Call, s []uint64) {
	if c.headSent(s, "redirect") {
		return
	}
	uri, ok := c.line(s)
	status := api.DecodeI32(s[2])
	ok = ok && len(uri) > 0 && isFieldValue(uri) && isRedirect(status)
	if ok {
		r := c.Exchange.Response
		r.SetStatusCode(int(status))
		r.Header.SetBytesV("Location", uri)
		r.ResetBody()
		c.Exchange.Ended = true
	}
	done(s, ok)
}

func controlExec(c *Call, s []uint64) {
	if c.headSent(s, "exec") {
		return
	}
	uri, ok := c.line(s)
	if ok = ok && isTarget(uri); ok {
		c.Exchange.Exec = append(c.Exchange.Exec[:0], uri...)
		c.Exchange.Ended = true
	}
	done(s, ok)
}

func isRedirect(status int32) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}
