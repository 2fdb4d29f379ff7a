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
	if !c.Sleep(d) {
		fail(s, abi.Closed)
		return
	}
	s[0] = 0
}

// goneInterval is how often a sleeping guest's client is looked after.
const goneInterval = 100 * time.Millisecond

// Sleep blocks the guest, and no other, for a time. It answers false as soon
// as the client has gone.
func (c *Call) Sleep(d time.Duration) bool {
	for d > 0 {
		step := min(d, goneInterval)
		time.Sleep(step)
		d -= step
		if c.Exchange != nil && c.Phase != abi.Log && c.Exchange.Wire.ClientGone() {
			return false
		}
	}
	return true
}
