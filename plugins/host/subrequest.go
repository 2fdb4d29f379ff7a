package host

import (
	"github.com/tetratelabs/wazero/api"
	"github.com/valyala/fasthttp"

	"phasm/sdk/abi"
)

// Subrequest is a request that a plugin makes to the server it runs in.
type Subrequest interface {
	// Done is closed when the response is there.
	Done() <-chan struct{}
	// Response is the response, once it is there; nil where it is too large. It
	// is valid until Leave.
	Response() *fasthttp.Response
	// Leave ends the subrequest soon: it takes its client for gone. It does not
	// wait for Done.
	Leave()
}

// openSubrequest is one that a guest has begun. Its number is free again once
// the guest has left it and it is done.
type openSubrequest struct {
	Subrequest
	read int  // how far the guest has read the body
	left bool // the guest has closed it
}

// Bounds of subrequest_start.
const (
	maxSubrequests       = 32  // open at once, an instance
	maxSubrequestHeaders = 200 // names and values
)

func subrequestStart(c *Call, s []uint64) {
	method, ok := c.view(s[0], s[1])
	target, targetOK := c.view(s[2], s[3])
	list, listOK := c.view(s[4], s[5])
	body, bodyOK := c.view(s[6], s[7])
	if !ok || !targetOK || !listOK || !bodyOK || !isToken(method) || len(target) > maxLine || !isTarget(target) {
		fail(s, abi.BadArgument)
		return
	}
	headers, ok := parseList(list, maxSubrequestHeaders)
	if !ok || !areHeaders(headers) {
		fail(s, abi.BadArgument)
		return
	}
	number := c.freeSubrequest()
	if number == maxSubrequests {
		fail(s, abi.NoMemory)
		return
	}
	begun, errno := c.Exchange.Wire.Subrequest(method, target, headers, body)
	if errno != 0 {
		fail(s, errno)
		return
	}
	if number == len(c.subrequests) {
		c.subrequests = append(c.subrequests, openSubrequest{})
	}
	c.subrequests[number] = openSubrequest{Subrequest: begun}
	answer(s, number)
}

// areHeaders tells whether a list is one of header names and their values.
func areHeaders(list []string) bool {
	for i, item := range list {
		if i%2 == 0 && !isToken(bytesOf(item)) || !isFieldValue(bytesOf(item)) {
			return false
		}
	}
	return len(list)%2 == 0
}

// freeSubrequest is the first number without a subrequest.
func (c *Call) freeSubrequest() int {
	for n := range c.subrequests {
		if open := &c.subrequests[n]; open.left {
			select {
			case <-open.Done():
				return n
			default:
			}
		}
	}
	return len(c.subrequests)
}

// subrequest is the open one of that number, or nil.
func (c *Call) subrequest(number uint64) *openSubrequest {
	n := api.DecodeI32(number)
	if n < 0 || int(n) >= len(c.subrequests) || c.subrequests[n].left {
		return nil
	}
	return &c.subrequests[n]
}

// response waits for a subrequest's response; where there is none to be had it
// answers the error.
func (c *Call) response(s []uint64) (*openSubrequest, *fasthttp.Response) {
	open := c.subrequest(s[0])
	if open == nil {
		fail(s, abi.NotFound)
		return nil, nil
	}
	if errno := c.waitFor(open.Done()); errno != 0 {
		fail(s, errno)
		return nil, nil
	}
	r := open.Response()
	if r == nil {
		fail(s, abi.NoMemory)
	}
	return open, r
}

func subrequestStatus(c *Call, s []uint64) {
	if _, r := c.response(s); r != nil {
		answer(s, r.StatusCode())
	}
}

func subrequestHeaders(c *Call, s []uint64) {
	_, r := c.response(s)
	if r == nil {
		return
	}
	x := c.Exchange
	x.scratch = x.scratch[:0]
	for name, value := range r.Header.All() {
		x.scratch = appendItem(appendItem(x.scratch, name), value)
	}
	c.reply(s, x.scratch, s[1], s[2])
}

func subrequestRead(c *Call, s []uint64) {
	open, r := c.response(s)
	if r == nil {
		return
	}
	buf, ok := c.view(s[1], s[2])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	n := copy(buf, r.Body()[open.read:])
	open.read += n
	answer(s, n)
}

func subrequestClose(c *Call, s []uint64) {
	open := c.subrequest(s[0])
	if open == nil {
		fail(s, abi.NotFound)
		return
	}
	open.Leave()
	open.left = true
	answer(s, 0)
}

// closeSubrequests waits for those that still run: what they are part of ends.
func (c *Call) closeSubrequests() {
	for _, open := range c.subrequests {
		open.Leave()
	}
	for _, open := range c.subrequests {
		<-open.Done()
	}
	clear(c.subrequests)
	c.subrequests = c.subrequests[:0]
}

// waitFor blocks the guest until done is closed. It ends early with abi.Timeout
// at the call's deadline, and with abi.Closed soon after the client has gone.
func (c *Call) waitFor(done <-chan struct{}) (errno abi.Errno) {
	select {
	case <-done:
		return 0
	default:
	}
	c.patiently(func(p *patience) {
		select {
		case <-done:
		case <-p.Done():
			errno = abi.Timeout
			if p.Err() == errClientGone {
				errno = abi.Closed
			}
		}
	})
	return errno
}
