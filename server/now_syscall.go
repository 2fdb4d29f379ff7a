//go:build linux && race

// The race detector takes a read for what happens after the write that it reads,
// but only where it hears of both.

package server

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), p)
	return n, errnoOf(err)
}

func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(int(fd), p)
	return n, errnoOf(err)
}

func writeBothNow(fd uintptr, p, q []byte) (int, syscall.Errno) {
	n, errno := writeNow(fd, p)
	if errno != 0 || n < len(p) {
		return n, errno
	}
	m, errno := writeNow(fd, q)
	if errno != 0 {
		return n, 0
	}
	return n + m, 0
}

func sendNow(fd uintptr, p []byte, _ bool) (int, syscall.Errno) { return writeNow(fd, p) }

func sendFileNow(fd uintptr, file int, start int64, length int) (int, syscall.Errno) {
	n, err := syscall.Sendfile(int(fd), file, &start, length)
	return n, errnoOf(err)
}

func errnoOf(err error) (errno syscall.Errno) {
	errors.As(err, &errno)
	return errno
}

func readyNow(epoll int, events []unix.EpollEvent) int {
	n, err := unix.EpollWait(epoll, events, 0)
	if err != nil {
		return 0
	}
	return n
}
