package host

import "time"

// BeginWait and EndWait stand around what a host function waits for: a moment,
// the client, another machine. The guest does not compute meanwhile:
//
//	c.BeginWait()
//	err := c.Exchange.Wire.Flush(c.Until)
//	c.EndWait()
//
// Where the wait runs the same instance, as a flush runs its body filter, that
// call stands between an EndWait and a BeginWait of its own.
func (c *Call) BeginWait() {
	c.waiting = time.Now()
	c.clock(c.waiting)
	c.EndTurn()
}

// beginWait is BeginWait for host functions. A guest that is over its budget is
// stopped first: it shall not wait with a large stack.
func (c *Call) beginWait() {
	c.Look()
	c.BeginWait()
}

// EndWait adds the wait to what the call has been blocked.
func (c *Call) EndWait() { c.Blocked += time.Since(c.waiting) }

// late tells whether the call's deadline has passed.
func (c *Call) late() bool { return !c.Until.IsZero() && time.Until(c.Until) <= 0 }

// stepAside lets others be served meanwhile.
func (c *Call) stepAside() {
	if c.Exchange != nil && c.Exchange.Wire != nil {
		c.Exchange.Wire.StepAside()
	}
}
