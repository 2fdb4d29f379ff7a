//go:build !wasip1

package sdktest_test

import (
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// Subrequest answers that there is nothing, as the fake does.
func (w *wire) Subrequest(method, _ []byte, _ []string, body []byte) (host.Subrequest, abi.Errno) {
	if len(body) > 0 && (string(method) == "GET" || string(method) == "HEAD") {
		return nil, abi.BadArgument
	}
	return &notFound{}, 0
}

type notFound struct{ response fasthttp.Response }

func (*notFound) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (n *notFound) Response() *fasthttp.Response {
	n.response.Header.SetNoDefaultContentType(true)
	n.response.SetStatusCode(404)
	n.response.SetBodyString("404 Not Found\n")
	n.response.Header.SetContentLength(len(n.response.Body()))
	return &n.response
}

func (*notFound) Leave() {}

// setTimers are timers that never run out.
type setTimers struct {
	last int32
	set  map[int32]bool
}

func (s *setTimers) Start(time.Duration, time.Duration, string, string) (int32, abi.Errno) {
	if len(s.set) == 1024 {
		return 0, abi.NoMemory
	}
	s.last++
	s.set[s.last] = true
	return s.last, 0
}

func (s *setTimers) Cancel(number int32) bool {
	was := s.set[number]
	delete(s.set, number)
	return was
}
