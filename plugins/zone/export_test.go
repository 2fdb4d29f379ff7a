package zone

// NewWithClock is New with a clock of the test's.
func NewWithClock(size int64, now func() int64) *Memory { return newMemory(size, now) }

// Check answers what is wrong with the zone's inner order, if anything.
func (z *Memory) Check() []string { return z.check() }
