// Package deadline spares connections deadlines that would move by a little
// only: to set one costs more than to parse a header.
package deadline

import "time"

// Move decides whether a deadline d from now must be set where old is set, 0
// for none; all three count from the connection's beginning. What stays set is
// never later than asked for, and at most an eighth of d earlier.
func Move(old, now, d time.Duration) (by time.Duration, changed bool) {
	by = now + d
	early := by - old
	return by, early < 0 || early > d/8
}
