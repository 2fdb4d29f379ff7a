package plugins

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is how long the thread has computed: what else the machine does
// meanwhile is not in it.
func threadTime(t testing.TB) time.Duration {
	t.Helper()
	var spent unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &spent); err != nil {
		t.Fatal(err)
	}
	return time.Duration(spent.Nano())
}
