//go:build linux && !race

package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Receive is a read of a socket that does not wait. It allocates nothing; the
// error is 0 where there is none.
func Receive(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// Write is a write to what does not block.
func Write(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// Send is a write to a socket that does not block. Where more follows at once the kernel
// waits for the rest of the packet.
func Send(fd uintptr, p []byte, more bool) (int, syscall.Errno) {
	flags := uintptr(unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), errno
}

// SendBoth is a write of two pieces likewise.
func SendBoth(fd uintptr, p, q []byte) (int, syscall.Errno) {
	both := [2]syscall.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(q)}}
	both[0].SetLen(len(p))
	both[1].SetLen(len(q))
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&both)), 2)
	return int(n), errno
}

// SendFile sends of a file what a socket takes at once. The file must be in memory:
// for a disk it would wait.
func SendFile(fd uintptr, file int, start int64, length int) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDFILE, fd, uintptr(file), uintptr(unsafe.Pointer(&start)), uintptr(length), 0, 0)
	return int(n), errno
}

// Ready puts what is ready of an epoll instance into events and answers how many
// there are. It does not wait.
func Ready(epoll uintptr, events []unix.EpollEvent) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	return int(n), errno
}
