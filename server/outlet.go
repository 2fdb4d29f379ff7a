package server

import "time"

// outlet is a connection as a response's body is written to it. What is small
// waits in the connection's buffer; what does not fit goes out at once, behind
// what waits there and where it can along with that, and is not copied.
type outlet conn

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (sent int, err error) {
	c := (*conn)(o)
	if len(p) <= c.w.Available() {
		return c.w.Write(p)
	}
	c.behind = p
	err = c.w.Flush()
	sent = len(p) - len(c.behind)
	c.behind = nil
	if err != nil || sent == len(p) {
		return sent, err
	}
	n, err := c.Write(p[sent:])
	return sent + n, err
}

// writeAhead writes what was in the buffer, and what is behind it as far as that
// goes along.
func (c *conn) writeAhead(p []byte) (int, error) {
	c.writeWithin(time.Duration(c.config.Server.Timeouts.Write))
	n, err := c.writeBoth(p, c.behind)
	along := max(0, n-len(p))
	c.behind = c.behind[along:]
	return n - along, err
}
