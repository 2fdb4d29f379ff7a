package server

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets other sockets of the same user listen on a socket's port.
func sharePort(_, _ string, socket syscall.RawConn) error {
	var set error
	err := socket.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err == nil {
		err = os.NewSyscallError("setsockopt", set)
	}
	return err
}
