package host_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"phasm/sdk/abi"
)

func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		if got := g.raw("now"); got != time.Now().UnixNano() {
			t.Errorf("now is %d, want %d", got, time.Now().UnixNano())
		}
	})
}

// On a false clock a sleep takes exactly as long as it should.
func TestSleep(t *testing.T) {
	for _, test := range []struct {
		name   string
		sleep  time.Duration
		gone   time.Duration // when the client goes, 0 for never
		until  time.Duration // the call's deadline, 0 for none
		phase  abi.Phase
		answer int64
		took   time.Duration
	}{
		{"nothing", 0, 0, 0, abi.Content, done, 0},
		{"short", time.Nanosecond, 0, 0, abi.Content, done, time.Nanosecond},
		{"long", time.Hour + 1, 0, 0, abi.Access, done, time.Hour + 1},
		{"negative", -1, 0, time.Hour, abi.Content, badArgument, 0},
		{"the client goes", time.Hour, 250 * time.Millisecond, time.Hour, abi.Content, closed, 300 * time.Millisecond},
		{"the client goes in log", time.Second, time.Millisecond, 0, abi.Log, done, time.Second},
		{"without a request", time.Minute, 0, 0, abi.InitWorker, done, time.Minute},
		{"before the deadline", time.Second, 0, time.Second + 1, abi.Content, done, time.Second},
		{"until the deadline", time.Second, 0, time.Second, abi.Content, done, time.Second},
		{"over the deadline", time.Second, 0, time.Second - 1, abi.Content, timeout, time.Second - 1},
		{"over the deadline in log", math.MaxInt64, 0, 250 * time.Millisecond, abi.Log, timeout, 250 * time.Millisecond},
		{"over the deadline without a request", math.MaxInt64, 0, 1, abi.Init, timeout, 1},
		{"the client goes after the deadline", time.Hour, time.Second, 250 * time.Millisecond, abi.Content, timeout, 250 * time.Millisecond},
		{"after the deadline", 1, 0, -time.Second, abi.Content, timeout, 0},
		{"nothing after the deadline", 0, 0, -time.Second, abi.Content, timeout, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t)
				x, w := exchange()
				g.call.Exchange, g.call.Phase = x, test.phase
				if !abi.RequestPhases.Has(test.phase) {
					g.call.Exchange = nil
				}
				if test.gone > 0 {
					w.gone = time.Now().Add(test.gone)
				}
				if test.until != 0 {
					g.call.Until = time.Now().Add(test.until)
				}
				start := time.Now()
				g.want(test.answer, "sleep", test.sleep)
				if took := time.Since(start); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if g.call.Blocked != test.took {
					t.Errorf("the call was blocked for %v, want %v", g.call.Blocked, test.took)
				}
			})
		})
	}
}
