package host_test

import (
	"time"

	"phasm/plugins/httpclient"
	"phasm/sdk/abi"
)

// sender answers requests without a network: each with status 200, a header
// x-a and a body, as soon as the test says.
type sender struct {
	slow     time.Duration // how long everything takes
	errno    abi.Errno     // how it ends instead
	works    time.Duration // what is computed for each, from one look to the next
	lasting  bool          // what is closed goes on running
	requests []*httpclient.Request
	started  []*answered
}

func (s *sender) Start(r *httpclient.Request) httpclient.Exchange {
	x := &answered{sender: s, request: r, ready: time.Now().Add(s.slow), wake: make(chan struct{}, 1)}
	if s.slow > 0 {
		x.timer = time.AfterFunc(s.slow, func() { x.wake <- struct{}{} })
	}
	s.requests = append(s.requests, r)
	s.started = append(s.started, x)
	return x
}

// answered is a request of a sender's.
type answered struct {
	sender  *sender
	request *httpclient.Request
	ready   time.Time
	wake    chan struct{}
	timer   *time.Timer
	read    bool
	sent    []byte
	closed  bool

	detached func() // nil where it is not
}

func (x *answered) state() abi.Errno {
	switch {
	case x.closed:
		return abi.Closed
	case time.Now().Before(x.ready):
		return abi.Busy
	}
	return x.sender.errno
}

func (x *answered) Wake() <-chan struct{}    { return x.wake }
func (x *answered) Status() (int, abi.Errno) { return 200, x.state() }
func (x *answered) Header() []byte           { return answeredHeader }

func (x *answered) Worked() time.Duration { return x.sender.works }

var answeredHeader = list("Content-Type", "text/plain", "X-A", "of the answer")

func (x *answered) Read(p []byte) (int, abi.Errno) {
	if errno := x.state(); errno != 0 || x.read {
		return 0, errno
	}
	x.read = true
	return copy(p, "answer"), 0
}

func (x *answered) Write(p []byte) (int, abi.Errno) {
	if errno := x.state(); errno != 0 {
		return 0, errno
	}
	n := min(len(p), 100) // no more is taken at once
	if len(x.sent) < 1000 {
		x.sent = append(x.sent, p[:n]...)
	}
	return n, 0
}

func (x *answered) CloseWrite() abi.Errno { return 0 }

func (x *answered) Reason() string {
	if x.sender.errno != 0 {
		return "the reason"
	}
	return ""
}

func (x *answered) Detach(ended func()) abi.Errno {
	x.detached = ended
	return 0
}

func (x *answered) Close() {
	if !x.closed && !x.sender.lasting {
		x.request.Ended()
	}
	x.closed = true
	if x.timer != nil {
		x.timer.Stop()
	}
}
