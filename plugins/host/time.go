package host

import (
	"time"

	"phasm/sdk/abi"
)

func timeNow(_ *Call, s []uint64) { s[0] = uint64(time.Now().UnixNano()) }

func timeSleep(c *Call, s []uint64) {
	d := time.Duration(s[0])
	if d < 0 {
		fail(s, abi.BadArgument)
		return
	}
	answer(s, int(c.Sleep(d)))
}

// goneInterval is how often a sleeping guest's client is looked after.
const goneInterval = 100 * time.Millisecond

// Sleep blocks the guest, and no other, for a time, and answers 0 after it. It
// ends early with abi.Timeout at the call's deadline, and with abi.Closed soon
// after the client has gone.
func (c *Call) Sleep(d time.Duration) abi.Errno {
	c.stepAside()
	c.beginWait()
	defer c.EndWait()
	end, errno := c.waiting.Add(d), abi.Errno(0)
	if !c.Until.IsZero() && c.Until.Before(end) {
		end, errno = c.Until, abi.Timeout
	}
	for left := time.Until(end); left > 0; left = time.Until(end) {
		time.Sleep(min(left, goneInterval))
		if c.Exchange != nil && c.Phase != abi.Log && c.Exchange.Wire.ClientGone() {
			return abi.Closed
		}
	}
	return errno
}
