package server

import "golang.org/x/sys/unix"

// hungUp tells whether the client sends nothing any more, whatever it has sent
// before.
func hungUp(fd uintptr) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}
