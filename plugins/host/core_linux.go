package host

import (
	"os"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Slices are how long the kernel lets a thread compute at a time, in nanoseconds
// (sched_setattr(2)). All get the same share in the end, but since Linux 6.12 a
// thread that wakes up interrupts one with a longer slice at once. So the threads
// that serve have the shortest there is, and one that runs a guest that computes
// for long has the longest. Earlier kernels take no notice.
const (
	shortSlice = 100_000
	longSlice  = 100_000_000
)

// shortenSlices gives all threads of the process, and those that they will begin,
// the short slice.
var shortenSlices = sync.OnceFunc(func() {
	threads, _ := os.ReadDir("/proc/self/task") // none without /proc
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			setSlice(id, shortSlice)
		}
	}
})

// lengthenSlice gives the thread the long slice, and keeps the goroutine on it
// until restoreSlice.
func lengthenSlice() {
	runtime.LockOSThread()
	setSlice(0, longSlice)
}

func restoreSlice() {
	setSlice(0, shortSlice)
	runtime.UnlockOSThread()
}

// setSlice sets a thread's slice; 0 is the thread that calls.
func setSlice(thread int, slice uint64) {
	if a := scheduling(); a != nil {
		own := *a // the call writes to it
		own.Runtime = slice
		unix.SchedSetAttr(thread, &own, 0)
	}
}

// scheduling is how the process is scheduled, nil where that has no slices, or the
// kernel does not say.
var scheduling = sync.OnceValue(func() *unix.SchedAttr {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL || a.Runtime == 0 {
		return nil
	}
	return a
})

// yieldCore lets other threads of the machine have the core. The scheduler of Go
// knows that this one waits: it runs other goroutines elsewhere meanwhile, and no
// garbage collection waits for it. Where there are slices others need not be let:
// a thread that yields forfeits its own.
func yieldCore() {
	if scheduling() == nil {
		unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// restCore leaves the core to others for a moment. The scheduler of Go knows as
// above.
func restCore() {
	pause := unix.NsecToTimespec(int64(courtesy))
	unix.Nanosleep(&pause, nil)
}
