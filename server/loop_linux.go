package server

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"phasm/plugins/socket"
)

// loop waits for the requests of many connections at once. One goroutine leads
// it: it asks the kernel which connections have something to read (epoll(7)) and
// serves these one after the other, so that a connection without a request has
// no goroutine, and those with one share the leader's stack and buffers, which
// are in the processor's caches. A leader that is about to wait, or to compute
// for long, steps aside before: another goroutine leads from there, and this one
// follows once it is done (leader/followers: Schmidt and others, Pattern-Oriented
// Software Architecture 2).
type loop struct {
	epoll     int
	bell      int      // an eventfd, watched like a connection
	file      *os.File // the epoll's, for Go's own poller, which waits for it where nothing is ready
	waiter    syscall.RawConn
	look      func(fd uintptr) bool // lookOrWait, bound once
	lead      chan struct{}         // to a follower
	closed    chan struct{}
	epoch     time.Time
	patrols   atomic.Uint64 // so far
	followers atomic.Int32
	aside     atomic.Int32 // goroutines that have stepped aside

	mu         sync.Mutex
	conns      map[int32]*conn  // by file descriptor
	replies    map[int32]*reply // likewise
	patrolling *time.Timer      // while there are replies

	// The leader's:
	events  [maxReady]unix.EpollEvent
	buffer  [maxReady]called
	ready   []called // what is left of it
	served  int      // in a row, since other goroutines had their turn
	ringing bool
}

// called is what has something to read: a client's connection or a peer's.
type called struct {
	conn  *conn
	last  bool // its client sends nothing more
	reply *reply
}

const (
	maxReady     = 64
	maxFollowers = 64
)

// A leader that finds something to do every time lets other goroutines run after
// so many connections, and sooner where some have stepped aside: what they wait
// for may have come.
const (
	mostInARow      = 128
	mostInARowAside = 16
)

func newLoop() (*loop, error) {
	l := &loop{lead: make(chan struct{}), closed: make(chan struct{}), epoch: time.Now(), conns: map[int32]*conn{}, replies: map[int32]*reply{}}
	l.look = l.lookOrWait
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	unix.SetNonblock(epoll, true) // else Go's poller does not take it
	l.epoll, l.file = epoll, os.NewFile(uintptr(epoll), "epoll")
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		l.file.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	if l.waiter, err = l.file.SyscallConn(); err == nil {
		err = l.watch(l.bell)
	}
	if err != nil {
		l.file.Close()
		unix.Close(l.bell)
		return nil, err
	}
	go (&leader{loop: l}).run()
	return l, nil
}

// watch has the leader hear when there is something new to read.
func (l *loop) watch(fd int) error {
	err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd),
	})
	return os.NewSyscallError("epoll_ctl", err)
}

// close ends the loop, where no connection is watched any more.
func (l *loop) close() {
	close(l.closed)
	l.file.Close()
}

// leader is a goroutine's part in a loop.
type leader struct {
	loop    *loop
	leading atomic.Bool
}

// run leads the loop, follows once another one leads, and so on until the loop is
// closed.
func (l *leader) run() {
	loop := l.loop
	for {
		l.leading.Store(true)
		for l.leading.Load() {
			if len(loop.ready) == 0 && !loop.await() {
				unix.Close(loop.bell)
				return
			}
			next := loop.ready[0]
			loop.ready = loop.ready[1:]
			loop.served++
			if next.reply != nil {
				next.reply.come(l)
			} else {
				l.answer(next)
			}
		}
		loop.aside.Add(-1)
		if loop.followers.Add(1) > maxFollowers {
			loop.followers.Add(-1)
			return
		}
		select {
		case <-loop.lead:
			loop.followers.Add(-1)
		case <-loop.closed:
			return
		}
	}
}

// stepAside has another goroutine lead, if this one does.
func (l *leader) stepAside() {
	if !l.leading.Load() || !l.leading.CompareAndSwap(true, false) {
		return
	}
	l.loop.aside.Add(1)
	select {
	case l.loop.lead <- struct{}{}:
	default:
		go (&leader{loop: l.loop}).run()
	}
}

// await waits until connections are ready. It is false once the loop is closed.
func (l *loop) await() bool {
	most := mostInARow
	if l.aside.Load() > 0 {
		most = mostInARowAside
	}
	l.ringing = l.served >= most
	for len(l.ready) == 0 {
		if l.waiter.Read(l.look) != nil {
			return false
		}
	}
	return true
}

// lookOrWait is true where connections are ready, and false where Go's poller is
// to wait until some may be. A leader that rings is ready itself, but behind all
// that is ready to run by then: the poller looks at everything it waits for.
func (l *loop) lookOrWait(uintptr) bool {
	if l.ringing {
		l.ringing, l.served = false, 0
		one := [8]byte{1}
		if _, errno := socket.Write(uintptr(l.bell), one[:]); errno == 0 {
			return false
		}
	}
	n, errno := socket.Ready(uintptr(l.epoll), l.events[:])
	if n == 0 || errno != 0 {
		l.served = 0
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = l.buffer[:0]
	for i := range l.events[:n] {
		e := &l.events[i]
		if c := l.conns[e.Fd]; c != nil {
			l.ready = append(l.ready, called{conn: c, last: e.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0})
		} else if r := l.replies[e.Fd]; r != nil {
			l.ready = append(l.ready, called{reply: r})
		}
	}
	return true
}

// sweep ends connections that have waited for too long.
func (l *loop) sweep(idle time.Duration) {
	before := int64(time.Since(l.epoch) - idle)
	var late []*conn
	l.mu.Lock()
	for _, c := range l.conns {
		if c.since.Load() < before && c.state.CompareAndSwap(waiting, busy) {
			late = append(late, c)
		}
	}
	l.mu.Unlock()
	for _, c := range late {
		if c.since.Load() < before {
			c.end()
		} else { // it was served meanwhile
			c.goOn()
		}
	}
}
