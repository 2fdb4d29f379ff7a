package host

import (
	"time"

	"phasm/sdk/abi"
)

// Timers run a plugin's timer phase later. It is safe for concurrent use.
type Timers interface {
	// Start starts a timer: it runs after a delay, and then at an interval where
	// that is not 0. The error is abi.NoMemory or abi.Closed.
	Start(delay, interval time.Duration, name, data string) (number int32, errno abi.Errno)
	// Cancel ends a timer, and tells whether there was one.
	Cancel(number int32) bool
}

// TimerRun is what a call in the timer phase is about.
type TimerRun struct {
	Name, Data string
	Premature  bool // the plugin ends, before the timer's time
}

// Bounds of timer_start.
const (
	minInterval  = time.Millisecond
	maxTimerName = 128      // bytes
	maxTimerData = 64 << 10 // bytes
)

func timerStart(c *Call, s []uint64) {
	delay, interval := time.Duration(s[0]), time.Duration(s[1])
	name, ok := c.view(s[2], s[3])
	data, dataOK := c.view(s[4], s[5])
	if !ok || !dataOK || delay < 0 || interval != 0 && interval < minInterval ||
		len(name) == 0 || len(name) > maxTimerName || len(data) > maxTimerData {
		fail(s, abi.BadArgument)
		return
	}
	number, errno := c.Plugin.Timers.Start(delay, interval, string(name), string(data))
	if errno != 0 {
		fail(s, errno)
		return
	}
	answer(s, int(number))
}

func timerCancel(c *Call, s []uint64) {
	if !c.Plugin.Timers.Cancel(int32(s[0])) {
		fail(s, abi.NotFound)
		return
	}
	answer(s, 0)
}

func timerName(c *Call, s []uint64) { c.replyText(s, c.Timer.Name, s[0], s[1]) }
func timerData(c *Call, s []uint64) { c.replyText(s, c.Timer.Data, s[0], s[1]) }

func timerPremature(c *Call, s []uint64) {
	s[0] = 0
	if c.Timer.Premature {
		s[0] = 1
	}
}
