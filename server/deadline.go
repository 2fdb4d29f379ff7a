package server

import (
	"time"

	"phasm/server/deadline"
)

// sendPiece is how much is sent within one write timeout: a large response may
// take its time as long as it gets on (nginx: send_timeout).
const sendPiece = 1 << 20

// Write sends bytes, each piece within the write timeout: conn is what its own
// buffered writer writes to.
func (c *conn) Write(p []byte) (sent int, err error) {
	if len(c.behind) > 0 {
		return c.writeAhead(p)
	}
	for {
		c.writeWithin(time.Duration(c.config.Server.Timeouts.Write))
		n, err := c.write(p[sent:min(len(p), sent+sendPiece)])
		if sent += n; err != nil || sent == len(p) {
			return sent, err
		}
	}
}

// readWithin and writeWithin set a deadline d from now. One that differs
// little from what is set is left alone.
func (c *conn) readWithin(d time.Duration) {
	if by, changed := deadline.Move(c.readDeadline, c.now(), d); changed {
		c.readDeadline = by
		c.net.SetReadDeadline(c.epoch.Add(by))
	}
}

func (c *conn) writeWithin(d time.Duration) {
	if !c.flushBy.IsZero() {
		d = min(d, time.Until(c.flushBy))
	}
	if by, changed := deadline.Move(c.writeDeadline, c.now(), d); changed {
		c.writeDeadline = by
		c.net.SetWriteDeadline(c.epoch.Add(by))
	}
}

// now is the time since the connection began. Between two exchanges, where no
// plugin runs, it is the end of the first: a look at the clock costs as much
// as a phase call.
func (c *conn) now() time.Duration {
	if c.ended == 0 {
		return time.Since(c.epoch)
	}
	return c.ended
}
