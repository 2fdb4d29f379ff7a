//go:build linux && !race

package server

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is done at once is done without telling Go's scheduler. It takes some
// microseconds, and never waits; but the scheduler would take a call of more than
// 20 for one that does, give the processor to another thread, and have this one
// queue for it again behind everybody else.

// readNow is a read of a socket that does not block.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// writeNow is a write likewise.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// writeBothNow is a write of two pieces likewise.
func writeBothNow(fd uintptr, p, q []byte) (int, syscall.Errno) {
	both := [2]syscall.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(q)}}
	both[0].SetLen(len(p))
	both[1].SetLen(len(q))
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&both)), 2)
	return int(n), errno
}

// sendNow is a write to a socket likewise. Where it goes on at once the kernel
// waits for the rest of the packet.
func sendNow(fd uintptr, p []byte, goesOn bool) (int, syscall.Errno) {
	flags := uintptr(0)
	if goesOn {
		flags = unix.MSG_MORE
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), errno
}

// sendFileNow sends of a file that is in memory what a socket takes at once.
func sendFileNow(fd uintptr, file int, start int64, length int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDFILE, fd, uintptr(file), uintptr(unsafe.Pointer(&start)), uintptr(length), 0, 0)
	return int(n), errno
}

// readyNow is a look at an epoll instance that does not wait.
func readyNow(epoll int, events []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
