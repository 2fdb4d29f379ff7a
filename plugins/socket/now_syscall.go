//go:build linux && race

// The race detector takes a read for what happens after the write that it reads,
// but only where it hears of both.

package socket

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Receive is as without the race detector.
func Receive(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), p)
	return n, errnoOf(err)
}

// Write is as without the race detector.
func Write(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	return n, errnoOf(err)
}

// Send is as without the race detector, but for more.
func Send(fd uintptr, p []byte, _ bool) (int, syscall.Errno) { return Write(fd, p) }

// SendBoth is as without the race detector, in two calls.
func SendBoth(fd uintptr, p, q []byte) (int, syscall.Errno) {
	n, errno := Write(fd, p)
	if errno != 0 || n < len(p) {
		return n, errno
	}
	m, errno := Write(fd, q)
	if errno != 0 {
		return n, 0
	}
	return n + m, 0
}

// SendFile is as without the race detector.
func SendFile(fd uintptr, file int, start int64, length int) (int, syscall.Errno) {
	n, err := syscall.Sendfile(int(fd), file, &start, length)
	return n, errnoOf(err)
}

// Ready is as without the race detector.
func Ready(epoll uintptr, events []unix.EpollEvent) (int, syscall.Errno) {
	n, err := unix.EpollWait(int(epoll), events, 0)
	return n, errnoOf(err)
}

func errnoOf(err error) (errno syscall.Errno) {
	errors.As(err, &errno)
	return errno
}
