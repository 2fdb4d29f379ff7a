package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openLoop sends requests at random times, as people do who know nothing of
// each other, and notes how long each takes from when it was due: one that has
// to wait for another shows that. One thread does it all and asks the system
// directly, so that little of the machine is taken from the server.
type openLoop struct {
	b        *testing.B
	epoll    int
	timer    int
	sockets  []int
	free     []int // sockets without a request
	due      [1 << 16]time.Time
	got      [1 << 16]int // how much of the answer has been read, by socket
	request  []byte
	answer   int // how long each answer is
	received [4096]byte
}

const connections = 64

// newOpenLoop connects to a server whose answers to path are all 200 and of the
// same length.
func newOpenLoop(b *testing.B, address, path string) *openLoop {
	l := &openLoop{b: b, request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)}
	l.epoll = must(unix.EpollCreate1(0))
	l.timer = must(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK))
	l.watch(l.timer)
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		b.Fatal(err)
	}
	for range connections {
		socket := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0))
		check(unix.Connect(socket, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}))
		check(unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
		if l.answer == 0 {
			must(unix.Write(socket, l.request))
			l.answer = must(unix.Read(socket, l.received[:]))
		}
		check(unix.SetNonblock(socket, true))
		l.watch(socket)
		l.sockets = append(l.sockets, socket)
	}
	l.free = slices.Clone(l.sockets)
	b.Cleanup(func() {
		for _, file := range append(l.sockets, l.epoll, l.timer) {
			unix.Close(file)
		}
	})
	return l
}

func (l *openLoop) watch(file int) {
	check(unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(file)}))
}

// run sends so many requests a second for some time and answers how long each
// took.
func (l *openLoop) run(rate float64, period time.Duration) (times []time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := time.Now()
	next := start // when the next request is due
	var events [connections + 1]unix.EpollEvent
	for next.Sub(start) < period || len(l.free) < connections {
		for ; len(l.free) > 0 && next.Sub(start) < period && time.Until(next) <= 0; next = next.Add(time.Duration(rand.ExpFloat64() / rate * 1e9)) {
			l.send(next)
		}
		if len(l.free) > 0 && next.Sub(start) < period {
			l.wake(time.Until(next))
		}
		n, err := unix.EpollWait(l.epoll, events[:], 10_000)
		if n == 0 || err != nil && err != unix.EINTR {
			l.b.Fatalf("the server has not answered for ten seconds (%v)", err)
		}
		for _, e := range events[:max(0, n)] {
			if socket := int(e.Fd); socket != l.timer && l.receive(socket) {
				times = append(times, time.Since(l.due[socket]))
			}
		}
	}
	return times
}

func (l *openLoop) send(due time.Time) {
	socket := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	l.due[socket], l.got[socket] = due, 0
	must(unix.Write(socket, l.request))
}

// receive reads what there is of an answer and tells whether that is all.
func (l *openLoop) receive(socket int) bool {
	n := must(unix.Read(socket, l.received[:]))
	if l.got[socket] == 0 && !bytes.HasPrefix(l.received[:n], []byte("HTTP/1.1 200 ")) {
		l.b.Fatalf("the server answers %q", l.received[:n])
	}
	l.got[socket] += n
	if l.got[socket] < l.answer {
		return false
	}
	l.free = append(l.free, socket)
	return true
}

// wake ends the waiting after some time.
func (l *openLoop) wake(after time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(1, after)))}
	check(unix.TimerfdSettime(l.timer, 0, &spec, nil))
}

func must(n int, err error) int {
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[(len(sorted)-1)*p/100].Round(time.Microsecond)
}
