package server

import (
	"sync/atomic"
	"time"
)

// retryBudget bounds how many requests are sent a second time, so that peers
// that fail under load do not get twice the load. There may be retriesASecond,
// and a share of the requests. Times are cut into windows, each of which begins
// anew.
type retryBudget struct {
	percent  int // of the requests
	window   atomic.Int64
	requests atomic.Int64
	retries  atomic.Int64
}

const (
	retryWindow    = 10 * time.Second
	retriesASecond = 10
)

func newRetryBudget(percent int) *retryBudget {
	b := &retryBudget{percent: percent}
	b.window.Store(time.Now().UnixNano())
	return b
}

// request counts a request that comes in.
func (b *retryBudget) request() { b.requests.Add(1) }

// retry tells whether there may be one more, and counts it.
func (b *retryBudget) retry() bool {
	if now, then := time.Now().UnixNano(), b.window.Load(); now-then > int64(retryWindow) && b.window.CompareAndSwap(then, now) {
		b.requests.Store(0)
		b.retries.Store(0)
	}
	most := int64(retryWindow.Seconds())*retriesASecond + b.requests.Load()*int64(b.percent)/100
	if b.retries.Add(1) <= most {
		return true
	}
	b.retries.Add(-1)
	return false
}
