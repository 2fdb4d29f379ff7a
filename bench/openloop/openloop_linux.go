package openloop

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Load is a client. One thread does it all and asks the system directly, so that
// little of the machine is taken from the server.
type Load struct {
	options Options
	to      *unix.SockaddrInet4
	epoll   int
	timer   int
	byFile  map[int32]*connection
	free    []*connection // without a request, or without a socket
	busy    int           // connections that wait for an answer
	result  Result
	buffer  [64 << 10]byte
}

// connection is to the server; when it is closed the next request opens another.
type connection struct {
	file   int // 0: none
	due    time.Time
	busy   bool
	answer answer
}

// New connects to a server.
func New(o Options) (l *Load, err error) {
	at, err := netip.ParseAddrPort(o.Address)
	if err != nil || !at.Addr().Is4() {
		return nil, fmt.Errorf("cannot ask %q: it has to be an IPv4 address and a port", o.Address)
	}
	l = &Load{options: o, to: &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, byFile: map[int32]*connection{}}
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		l.Close()
		return nil, err
	}
	if err := l.watch(l.timer, unix.EPOLLIN|unix.EPOLLET); err != nil {
		l.Close()
		return nil, err
	}
	for range o.Connections {
		c := &connection{}
		l.free = append(l.free, c)
		if err := l.open(c); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// Close closes the connections.
func (l *Load) Close() {
	for file := range l.byFile {
		unix.Close(int(file))
	}
	for _, file := range []int{l.epoll, l.timer} {
		if file > 0 {
			unix.Close(file)
		}
	}
}

func (l *Load) watch(file int, events uint32) error {
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, file, &unix.EpollEvent{Events: events, Fd: int32(file)})
}

func (l *Load) open(c *connection) error {
	file, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = unix.Connect(file, l.to)
	if err == nil {
		err = unix.SetsockoptInt(file, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err == nil {
		err = unix.SetNonblock(file, true)
	}
	if err == nil {
		err = l.watch(file, unix.EPOLLIN)
	}
	if err != nil {
		unix.Close(file)
		return fmt.Errorf("cannot connect to %s: %w", l.options.Address, err)
	}
	c.file, l.byFile[int32(file)] = file, c
	return nil
}

// Run sends so many requests a second for some time, and then waits for the
// answers that are missing. Rate 0: the next one as soon as a connection is free.
func (l *Load) Run(rate float64, period time.Duration) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.result = Result{}
	next := time.Now() // when the next request is due
	end := next.Add(period)
	var events [128]unix.EpollEvent
	for next.Before(end) || l.busy > 0 {
		for len(l.free) > 0 && next.Before(end) && time.Until(next) <= 0 {
			if err := l.send(next); err != nil {
				return l.result, err
			}
			if rate == 0 {
				next = time.Now()
			} else {
				next = next.Add(time.Duration(rand.ExpFloat64() / rate * 1e9))
			}
		}
		if len(l.free) > 0 && next.Before(end) {
			if err := l.wake(time.Until(next)); err != nil {
				return l.result, err
			}
		} else if l.busy == 0 {
			break
		}
		n, err := unix.EpollWait(l.epoll, events[:], 10_000)
		if n == 0 || err != nil && err != unix.EINTR {
			return l.result, fmt.Errorf("%s has not answered for ten seconds (%v)", l.options.Address, err)
		}
		for _, e := range events[:max(0, n)] {
			if c := l.byFile[e.Fd]; c != nil {
				l.receive(c)
			}
		}
	}
	return l.result, nil
}

// send sends a request over a connection that has none, any of them: whatever
// a server's workers have shared among themselves is all asked.
func (l *Load) send(due time.Time) error {
	at, last := rand.IntN(len(l.free)), len(l.free)-1
	c := l.free[at]
	l.free[at], l.free = l.free[last], l.free[:last]
	if c.file == 0 {
		if err := l.open(c); err != nil {
			return err
		}
	}
	c.due, c.busy = due, true
	c.answer.begin()
	l.busy++
	request := l.options.Requests[rand.IntN(len(l.options.Requests))]
	// It fits into the socket's buffer, which is empty.
	if n, err := unix.Write(c.file, request); err != nil {
		l.shut(c)
	} else if n < len(request) {
		return fmt.Errorf("a request of %d bytes is too long for a socket's buffer", len(request))
	}
	return nil
}

// receive reads what there is of an answer.
func (l *Load) receive(c *connection) {
	n, err := unix.Read(c.file, l.buffer[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0 || !c.busy:
		l.shut(c)
		return
	case !c.answer.add(l.buffer[:n]):
		return
	}
	l.result.Times = append(l.result.Times, time.Since(c.due))
	if c.answer.status != l.options.Status {
		l.result.Wrong++
	}
	l.done(c)
	if c.answer.last {
		l.shut(c)
	}
}

// shut closes a connection. The request on it, if any, will have no answer.
func (l *Load) shut(c *connection) {
	unix.Close(c.file)
	delete(l.byFile, int32(c.file))
	c.file = 0
	if c.busy {
		l.result.Lost++
		l.done(c)
	}
}

func (l *Load) done(c *connection) {
	c.busy = false
	l.busy--
	l.free = append(l.free, c)
}

// wake ends the waiting after some time.
func (l *Load) wake(after time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(1, after)))}
	return unix.TimerfdSettime(l.timer, 0, &spec, nil)
}
