package httpclient

import (
	"cmp"
	"context"
	"fmt"
	"net/http/httptrace"
	"sync"
	"time"
)

const (
	defaultConnect = 5 * time.Second
	defaultTLS     = 5 * time.Second
	defaultHeader  = 30 * time.Second
	defaultTotal   = time.Minute
)

// complete are the limits with what is not given.
func (l Limits) complete() Limits {
	return Limits{
		Connect: cmp.Or(l.Connect, defaultConnect), TLS: cmp.Or(l.TLS, defaultTLS),
		Header: cmp.Or(l.Header, defaultHeader), Total: cmp.Or(l.Total, defaultTotal),
	}
}

// steps cancels a request one of whose steps takes too long, once it has a
// connection. The transport's own limits are the same for all requests.
type steps struct {
	limits Limits
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer // of the step that is going on
	total    *time.Timer
	answered bool // the response has begun
	ended    bool
}

// begin begins with the limit of the whole.
func (s *steps) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total = s.after(s.limits.Total, "the request")
}

func (s *steps) after(d time.Duration, what string) *time.Timer {
	return time.AfterFunc(d, func() { s.cancel(tooSlow(what, d)) })
}

func tooSlow(what string, limit time.Duration) error {
	return fmt.Errorf("%w: %s may take %v", errTooSlow, what, limit)
}

// end lets all limits go.
func (s *steps) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.clear()
	s.total.Stop()
}

func (s *steps) clear() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// next ends a step and begins another.
func (s *steps) next(d time.Duration, what string) {
	s.clear()
	if !s.ended {
		s.timer = s.after(d, what)
	}
}

// head ends the limits on what comes before the response's body.
func (s *steps) head() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = true
	s.clear()
}

// trace hears of the steps.
func (s *steps) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { // once for each attempt and each redirect
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answered = false
			s.clear()
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.answered {
				s.next(s.limits.Header, "the first byte of the response")
			}
		},
		GotFirstResponseByte: s.head,
	}
}
