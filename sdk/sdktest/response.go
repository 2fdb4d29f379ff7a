//go:build !wasip1

package sdktest

import (
	"strings"

	"phasm/sdk/abi"
)

// response is the response as the server holds it during the exchange.
type response struct {
	status       int
	responseHead fields
	written      int    // how much the plugin has written into headers
	pending      string // what has been written and not been sent
	headSent     bool
	sent         []string
	flushes      int

	chunk string
	eof   bool

	// What control functions asked for.
	ended, exited bool
	exec          string

	broken   bool // the plugin has had a fault
	tooLarge bool // reading the request's body passed the limit
}

// maxBuffered is how much of a response's body the server holds back.
const maxBuffered = 1 << 20

// ResponseStatus implements imports.Host.
func (f *fake) ResponseStatus() int32 { return int32(f.exchange.status) }

// ResponseSetStatus implements imports.Host.
func (f *fake) ResponseSetStatus(status int32) int32 {
	if f.headSent("response_set_status") {
		return wrongPhase
	}
	if isStatus(status) {
		f.exchange.status = int(status)
	}
	return check(isStatus(status))
}

// ResponseWrite implements imports.Host.
func (f *fake) ResponseWrite(bytes string) int32 {
	x := f.exchange
	if len(x.pending)+len(bytes) > maxBuffered {
		if f.phase != abi.Content {
			return noMemory
		}
		if n := x.flush(); n != done {
			return n
		}
	}
	x.pending += strings.Clone(bytes)
	return done
}

// ResponseFlush implements imports.Host.
func (f *fake) ResponseFlush() int32 { return f.exchange.flush() }

// headSent tells whether the head has left, and logs that a function came too late.
func (f *fake) headSent(function string) bool {
	if f.exchange.headSent {
		f.disabled(function, ": the response's head has been sent")
	}
	return f.exchange.headSent
}

// ResponseHeaderGet implements imports.Host.
func (f *fake) ResponseHeaderGet(name string, buf []byte) int32 {
	return f.exchange.responseHead.reply(name, buf)
}

// ResponseHeaderSet implements imports.Host.
func (f *fake) ResponseHeaderSet(name, value string) int32 {
	return f.changeHead("response_header_set", name, value, false)
}

// ResponseHeaderAdd implements imports.Host.
func (f *fake) ResponseHeaderAdd(name, value string) int32 {
	return f.changeHead("response_header_add", name, value, true)
}

func (f *fake) changeHead(function, name, value string, add bool) int32 {
	x := f.exchange
	switch {
	case f.headSent(function):
		return wrongPhase
	case canonical(name) == "Date": // the server's own, whatever plugins say
		return x.change(&fields{}, name, value, add)
	}
	return x.change(&x.responseHead, name, value, add)
}

// ResponseHeaderRemove implements imports.Host.
func (f *fake) ResponseHeaderRemove(name string) int32 {
	if f.headSent("response_header_remove") {
		return wrongPhase
	}
	return f.exchange.responseHead.drop(name)
}

// ResponseHeaderList implements imports.Host.
func (f *fake) ResponseHeaderList(buf []byte) int32 {
	return reply(buf, f.exchange.responseHead.list())
}

// ResponseChunk implements imports.Host.
func (f *fake) ResponseChunk(buf []byte) int32 { return reply(buf, f.exchange.chunk) }

// ResponseSetChunk implements imports.Host.
func (f *fake) ResponseSetChunk(bytes string) int32 {
	f.exchange.chunk = strings.Clone(bytes)
	return done
}

// ResponseEOF implements imports.Host.
func (f *fake) ResponseEOF() int32 {
	if f.exchange.eof {
		return 1
	}
	return 0
}
