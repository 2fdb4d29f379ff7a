package host_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"phasm/sdk/abi"
)

// waiting are the calls that wait for the connection.
var waiting = []struct {
	name string
	args []any
	good int64
}{
	{"request_body_read", nil, int64(len("the body"))},
	{"response_flush", nil, done},
	{"response_write", []any{strings.Repeat("x", 1<<20+1)}, done}, // more than is held back
}

// On a false clock: what a guest waits for is neither its own time nor longer
// than its call may last.
func TestWaiting(t *testing.T) {
	for _, call := range waiting {
		for _, test := range []struct {
			name    string
			until   time.Duration // the call's deadline, 0 for none
			answer  int64
			blocked time.Duration
		}{
			{"no deadline", 0, call.good, time.Minute},
			{"in time", time.Minute, call.good, time.Minute},
			{"too late", time.Minute - 1, timeout, time.Minute - 1},
			{"after the deadline", -1, timeout, 0},
		} {
			t.Run(call.name+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGuest(t)
					x, w := exchange()
					g.call.Exchange, w.slow = x, time.Minute
					g.raw("sleep", 1) // from here on the call looks at the clock
					if test.until != 0 {
						g.call.Until = time.Now().Add(test.until)
					}
					g.call.Blocked = time.Hour // by calls before
					g.want(test.answer, call.name, call.args...)
					if got := g.call.Blocked - time.Hour; got != test.blocked {
						t.Errorf("the call was blocked for %v, want %v", got, test.blocked)
					}
					if !w.deadline.Equal(g.call.Until) {
						t.Errorf("the connection may take until %v, the call until %v", w.deadline, g.call.Until)
					}
				})
			})
		}
	}
}

// What fails for another reason is no timeout, unless it took until the
// deadline, too.
func TestFlushFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		x, w := exchange()
		g.call.Exchange, g.call.Until = x, time.Now().Add(time.Second)
		w.flush = func() error { return errors.New("broken pipe") }
		g.want(closed, "response_flush")
		w.flush = func() error {
			time.Sleep(time.Second)
			return errors.New("broken pipe")
		}
		g.want(timeout, "response_flush")
	})
}

// A flush runs the body filter, which may be the same instance's: what that
// call waits is waiting, what it computes is not.
func TestWaitingWithinAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		x, w := exchange()
		g.call.Exchange = x
		w.flush = func() error {
			time.Sleep(time.Second)
			g.call.EndWait()
			time.Sleep(24 * time.Hour) // the filter computes
			g.call.Phase = abi.BodyFilter
			g.want(done, "sleep", time.Minute)
			g.call.Phase = abi.Content
			g.call.BeginWait()
			time.Sleep(time.Second)
			return nil
		}
		g.want(done, "sleep", time.Hour)
		g.want(done, "response_flush")
		if want := time.Hour + time.Minute + 2*time.Second; g.call.Blocked != want {
			t.Errorf("the handler was blocked for %v, want %v", g.call.Blocked, want)
		}
	})
}
