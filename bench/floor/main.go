//go:build linux

// Package main is the floor: the least that a server can do for a request. One
// thread waits with epoll, reads, and writes the same answer, without a look
// at what it has read. What it costs is the kernel's.
package main

import (
	"log"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const answer = "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n"

// It is called with the address to listen on.
func main() {
	runtime.LockOSThread()
	at := netip.MustParseAddrPort(os.Args[1])
	listener := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0))
	check(unix.SetsockoptInt(listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	check(unix.Bind(listener, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}))
	check(unix.Listen(listener, 1024))
	epoll := must(unix.EpollCreate1(0))
	watch(epoll, listener)
	var events [128]unix.EpollEvent
	for {
		n, err := unix.EpollWait(epoll, events[:], -1)
		if err == unix.EINTR {
			continue
		}
		check(err)
		for _, e := range events[:n] {
			if int(e.Fd) != listener {
				serve(int(e.Fd))
			} else if c, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK); err == nil {
				check(unix.SetsockoptInt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
				watch(epoll, c)
			}
		}
	}
}

func watch(epoll, file int) {
	check(unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(file)}))
}

var (
	buffer [4096]byte
	reply  = []byte(answer)
)

// serve answers what has come. The system calls are made without telling Go's
// scheduler, which has nothing else to run.
func serve(c int) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(c), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)))
	if errno == unix.EAGAIN {
		return
	}
	if errno != 0 || n == 0 {
		unix.Close(c)
		return
	}
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c), uintptr(unsafe.Pointer(&reply[0])), uintptr(len(reply)))
}

func must(n int, err error) int {
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
