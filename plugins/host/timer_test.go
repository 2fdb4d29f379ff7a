package host_test

import (
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// started are the timers that a guest has started.
type started struct {
	all    []host.TimerRun
	delays [][2]time.Duration
	errno  abi.Errno
}

func (s *started) Start(delay, interval time.Duration, name, data string) (int32, abi.Errno) {
	if s.errno != 0 {
		return 0, s.errno
	}
	s.all = append(s.all, host.TimerRun{Name: name, Data: data})
	s.delays = append(s.delays, [2]time.Duration{delay, interval})
	return int32(len(s.all)), 0
}

func (s *started) Cancel(number int32) bool { return number > 0 && int(number) <= len(s.all) }

func TestTimerStart(t *testing.T) {
	g := newGuest(t)
	timers := &started{}
	g.call.Plugin.Timers = timers
	for phase := range abi.NumPhases {
		g.begin(phase)
		if phase == abi.Init || phase == abi.ExitWorker {
			g.want(wrongPhase, "timer_start", time.Duration(0), time.Duration(0), "t", "")
			g.want(wrongPhase, "timer_cancel", 1)
			continue
		}
		g.want(int64(len(timers.all)+1), "timer_start", time.Second, time.Minute, "t", "data")
		g.want(0, "timer_cancel", 1)
	}
	g.begin(abi.Content)
	for _, bad := range []struct {
		delay, interval time.Duration
		name, data      string
	}{
		{-1, 0, "t", ""}, {0, -1, "t", ""}, {0, time.Millisecond - 1, "t", ""}, {0, 1, "t", ""},
		{0, 0, "", ""}, {0, 0, strings.Repeat("n", 129), ""}, {0, 0, "t", strings.Repeat("d", 64<<10+1)},
	} {
		g.want(badArgument, "timer_start", bad.delay, bad.interval, bad.name, bad.data)
	}
	g.want(int64(len(timers.all)+1), "timer_start", time.Duration(0), time.Millisecond, strings.Repeat("n", 128), strings.Repeat("d", 64<<10))
	for _, number := range []int{0, -1, 100} {
		g.want(notFound, "timer_cancel", number)
	}
	if last := timers.delays[0]; last != [2]time.Duration{time.Second, time.Minute} {
		t.Errorf("the first timer runs after %v", last)
	}
	timers.errno = abi.Closed
	g.want(closed, "timer_start", time.Duration(0), time.Duration(0), "t", "")
}

func TestTimerRun(t *testing.T) {
	g := newGuest(t)
	g.call.Timer = host.TimerRun{Name: "flush", Data: "\x00any", Premature: true}
	for phase := range abi.NumPhases {
		g.begin(phase)
		if phase != abi.Timer {
			g.want(wrongPhase, "timer_premature")
			continue
		}
		g.wantText("flush", "timer_name")
		g.wantText("\x00any", "timer_data")
		g.want(1, "timer_premature")
		g.call.Timer.Premature = false
		g.want(0, "timer_premature")
	}
}

// oneTimer is every timer.
type oneTimer struct{}

func (oneTimer) Start(time.Duration, time.Duration, string, string) (int32, abi.Errno) { return 1, 0 }
func (oneTimer) Cancel(int32) bool                                                     { return true }
