package socket

import (
	"io"
	"os"
	"syscall"
)

// TryReceive reads what has come. The error is syscall.EAGAIN where that is
// nothing, and io.EOF at the end.
func TryReceive(fd uintptr, p []byte) (int, error) {
	for len(p) > 0 {
		n, errno := Receive(fd, p)
		switch {
		case errno == syscall.EINTR:
		case errno == syscall.EAGAIN:
			return 0, errno
		case errno != 0:
			return 0, os.NewSyscallError("recvfrom", errno)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
	return 0, nil
}

// TrySend writes what the socket takes. The error is syscall.EAGAIN where that is
// not all. Where more follows at once the kernel waits for the rest of the packet.
func TrySend(fd uintptr, p []byte, more bool) (n int, err error) {
	for n < len(p) {
		some, errno := Send(fd, p[n:min(len(p), n+AtOnce)], more)
		switch errno {
		case 0:
			n += some
		case syscall.EINTR:
		case syscall.EAGAIN:
			return n, errno
		default:
			return n, os.NewSyscallError("sendto", errno)
		}
	}
	return n, nil
}
