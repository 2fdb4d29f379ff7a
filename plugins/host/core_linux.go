package host

import (
	"sync"

	"golang.org/x/sys/unix"
)

// shortSlice is what the thread of a guest that computes for long asks of the
// kernel at a time, in nanoseconds: the least there is. A thread that yields
// forfeits what is left of its slice, so on a busy machine a guest that has
// yielded with the usual slice of milliseconds would hardly run at all. Linux
// before 6.12 takes no notice, and takes nothing away either.
const shortSlice = 100_000

// yieldCore lets other threads of the machine have the core that the guest
// computes on. The scheduler of Go knows that this one waits: it runs other
// goroutines elsewhere meanwhile, and no garbage collection waits for it. The
// thread keeps its short slice: it still gets as much time as others, in more
// pieces.
func yieldCore() {
	if a := shortSliced(); a != nil {
		own := *a // the call writes to it
		unix.SchedSetAttr(0, &own, 0)
	}
	unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
}

// restCore leaves the core to others for a moment. The scheduler of Go knows as
// above.
func restCore() {
	pause := unix.NsecToTimespec(int64(courtesy))
	unix.Nanosleep(&pause, nil)
}

// shortSliced is how the process is scheduled, with short slices; nil where
// the kernel does not say.
var shortSliced = sync.OnceValue(func() *unix.SchedAttr {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL {
		return nil
	}
	a.Runtime = shortSlice
	return a
})
