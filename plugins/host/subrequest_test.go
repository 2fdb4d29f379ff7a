package host_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// subrequest is one that the test answers.
type subrequest struct {
	asked    string
	done     chan struct{}
	response *fasthttp.Response
	closed   bool
}

func (s *subrequest) Done() <-chan struct{}        { return s.done }
func (s *subrequest) Response() *fasthttp.Response { return s.response }
func (s *subrequest) Leave()                       { s.closed = true }

// answered is a subrequest whose response is there.
func subanswered() *subrequest {
	s := &subrequest{done: make(chan struct{}), response: &fasthttp.Response{}}
	s.response.Header.SetNoDefaultContentType(true)
	s.response.Header.Set("X-A", "1")
	s.response.SetStatusCode(201)
	s.response.SetBodyString("body")
	close(s.done)
	return s
}

func (w *wire) Subrequest(method, target []byte, headers []string, body []byte) (host.Subrequest, abi.Errno) {
	s := subanswered()
	if w.subrequests != nil {
		s = w.subrequests()
	}
	s.asked = fmt.Sprintf("%s %s %q %s", method, target, headers, body)
	w.asked = append(w.asked, s)
	if w.refuses != 0 {
		return nil, w.refuses
	}
	return s, 0
}

func TestSubrequest(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange = x
	g.want(0, "subrequest_start", "PUT", "/a?b", []string{"X-A", "1", "x-b", ""}, "text")
	if got, want := w.asked[0].asked, `PUT /a?b ["X-A" "1" "x-b" ""] text`; got != want {
		t.Errorf("the server got %s, want %s", got, want)
	}
	g.want(201, "subrequest_status", 0)
	_, headers := g.ask("subrequest_headers", 0, buffer(100))
	if want := string(list("X-A", "1")); !strings.Contains(string(headers), want) {
		t.Errorf("the headers are %q", headers)
	}
	for _, want := range []string{"bo", "dy", ""} {
		if n, got := g.ask("subrequest_read", 0, buffer(2)); int(n) != len(want) || string(got[:n]) != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	g.want(0, "subrequest_close", 0)
	if !w.asked[0].closed {
		t.Error("it is not closed")
	}
	for _, number := range []int{0, 1, -1, 1 << 30} {
		for _, f := range []string{"subrequest_status", "subrequest_close"} {
			g.want(notFound, f, number)
		}
		g.want(notFound, "subrequest_read", number)
		g.want(notFound, "subrequest_headers", number)
	}
	for _, bad := range []struct {
		method, target string
		headers        []string
	}{
		{"", "/", nil}, {"G T", "/", nil}, {"GET", "", nil}, {"GET", "a", nil}, {"GET", "/ ", nil}, {"GET", "/\r\n", nil},
		{"GET", "/" + strings.Repeat("a", 64<<10), nil}, {"GET", "/", []string{"X"}}, {"GET", "/", []string{"X:", "1"}},
		{"GET", "/", []string{"X", "1\r\nY: 2"}}, {"GET", "/", []string{"", ""}}, {"GET", "/", make([]string, 202)},
	} {
		g.want(badArgument, "subrequest_start", bad.method, bad.target, bad.headers, "")
	}
	w.refuses = abi.NoMemory
	g.want(noMemory, "subrequest_start", "GET", "/", []string{}, "")
}

// Those that a guest leaves open end with its exchange, and more than 32 it
// does not get.
func TestOpenSubrequests(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange = x
	for n := range 32 {
		g.want(int64(n), "subrequest_start", "GET", "/", []string{}, "")
	}
	g.want(noMemory, "subrequest_start", "GET", "/", []string{}, "")
	g.want(0, "subrequest_close", 7)
	g.want(7, "subrequest_start", "GET", "/", []string{}, "")
	g.call.End()
	for n, s := range w.asked {
		if !s.closed {
			t.Errorf("subrequest %d is not closed", n)
		}
	}
	g.want(notFound, "subrequest_status", 0)
	g.want(0, "subrequest_start", "GET", "/", []string{}, "")
}

// One that is closed while it runs keeps its number until it is done, and the
// exchange waits for it; the guest does not.
func TestCloseOfARunningSubrequest(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange = x
	runs := subanswered()
	runs.done = make(chan struct{})
	w.subrequests = func() *subrequest { return runs }
	g.want(0, "subrequest_start", "GET", "/", []string{}, "")
	g.want(0, "subrequest_close", 0)
	if !runs.closed {
		t.Error("it is not told")
	}
	g.want(notFound, "subrequest_status", 0)
	g.want(notFound, "subrequest_close", 0)
	w.subrequests = nil
	g.want(1, "subrequest_start", "GET", "/", []string{}, "")
	ended := make(chan struct{})
	go func() { g.call.End(); close(ended) }()
	select {
	case <-ended:
		t.Error("the exchange ends before its subrequest")
	case <-time.After(20 * time.Millisecond):
	}
	close(runs.done)
	<-ended
}

// Waiting for a response ends at the call's deadline, and when the client has
// gone.
func TestWaitForSubrequest(t *testing.T) {
	for _, test := range []struct {
		name               string
		after, until, gone time.Duration
		answer             int64
		took               time.Duration
		tooLarge           bool
	}{
		{name: "answered", after: 3 * time.Second, until: time.Minute, answer: 201, took: 3 * time.Second},
		{name: "no deadline", after: time.Hour, answer: 201, took: time.Hour},
		{name: "too late", after: time.Hour, until: time.Second, answer: timeout, took: time.Second},
		{name: "the client goes", after: time.Hour, gone: 150 * time.Millisecond, answer: closed, took: 200 * time.Millisecond},
		{name: "too large", after: time.Second, answer: noMemory, took: time.Second, tooLarge: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t)
				x, w := exchange()
				g.call.Exchange = x
				s := subanswered()
				s.done = make(chan struct{})
				if test.tooLarge {
					s.response = nil
				}
				w.subrequests = func() *subrequest { return s }
				clock := time.AfterFunc(test.after, func() { close(s.done) })
				defer clock.Stop()
				if test.gone > 0 {
					w.gone = time.Now().Add(test.gone)
				}
				g.want(0, "subrequest_start", "GET", "/", []string{}, "")
				g.call.Look()
				if test.until > 0 {
					g.call.Until = time.Now().Add(test.until)
				}
				begin := time.Now()
				g.want(test.answer, "subrequest_status", 0)
				if took := time.Since(begin); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
			})
		})
	}
}
