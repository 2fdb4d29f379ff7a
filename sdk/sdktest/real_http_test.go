//go:build !wasip1

package sdktest_test

import (
	"time"

	"phasm/plugins/httpclient"
	"phasm/sdk/abi"
)

// sender answers the requests of the server's host functions as grants does
// those of the fake's.
type sender struct{}

func (sender) Start(r *httpclient.Request) httpclient.Exchange {
	return &answered{request: r, sent: !r.Stream, body: r.Body}
}

type answered struct {
	request *httpclient.Request
	sent    bool
	body    []byte
	read    int
}

func (x *answered) Wake() <-chan struct{}    { return nil }
func (x *answered) Status() (int, abi.Errno) { return 200, 0 }
func (x *answered) Header() []byte           { return []byte("\x03\x00\x00\x00X-A\x0d\x00\x00\x00of the answer") }
func (x *answered) Reason() string           { return "" }
func (x *answered) Worked() time.Duration    { return 0 }
func (x *answered) Close()                   { x.request.Ended() }

func (x *answered) Detach(ended func()) abi.Errno {
	if !x.sent {
		return abi.BadArgument
	}
	ended()
	x.request.Ended()
	return 0
}

func (x *answered) Read(p []byte) (int, abi.Errno) {
	n := copy(p, (x.request.Method + " " + string(x.body))[x.read:])
	x.read += n
	return n, 0
}

func (x *answered) Write(p []byte) (int, abi.Errno) {
	if x.sent || x.request.Length >= 0 && int64(len(x.body)+len(p)) > x.request.Length {
		return 0, abi.BadArgument
	}
	x.body = append(x.body, p...)
	return len(p), 0
}

func (x *answered) CloseWrite() abi.Errno {
	if !x.request.Stream {
		return abi.BadArgument
	}
	x.sent = true
	return 0
}
