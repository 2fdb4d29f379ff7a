package server

import (
	"io"
	"sync"
	"time"
)

// A peer should not be kept busy by a client that is slow to take its answer
// (nginx: proxy_buffering). What a socket's buffer takes, some 130 KiB at the
// least, the peer is rid of anyway. Beyond that, as soon as a client takes its
// time over a piece, a goroutine reads on into a buffer for as long as the
// buffer has room; when it has come to the end of the body it gives the peer
// back. Clients that keep up never see it: their pieces go out as they arrive.

// clientPatience is how long a client may take over a piece before the peer is
// read on from.
const clientPatience = 20 * time.Millisecond

// maxDirect is how much of a body is sent out of the connection's buffer, into
// which nothing more can be read meanwhile.
const maxDirect = 16 << 10

// ahead is the body of a peer's response as it is read by a client that may be
// slow. It belongs to a passing, and is used again.
type ahead struct {
	s      *passing
	timer  *time.Timer // fires when the client has taken its time over a piece
	direct int         // how much has gone out directly
	buffer *[32 << 10]byte
	piece  []byte // in the buffer: what the client is to have next

	mu    sync.Mutex
	moved sync.Cond
	lent  bool   // the client is busy with a piece
	reads bool   // a goroutine reads the body: nobody else does
	stop  bool   // it is to end
	err   error  // how the body has ended
	ring  []byte // what it has read, from first on, as much as held tells
	first int
	held  int
}

func newAhead(s *passing) *ahead {
	a := &ahead{s: s}
	a.moved.L = &a.mu
	a.timer = time.AfterFunc(time.Hour, a.readOn)
	a.timer.Stop()
	return a
}

// next is the next piece of the body, valid until discard, which takes it off.
// The error is io.EOF at the end.
func (a *ahead) next() ([]byte, error) {
	if len(a.piece) > 0 || a.buffer != nil && a.takeBack() {
		return a.piece, nil
	}
	if a.err != nil { // of what has read ahead, and does so no more
		return nil, a.err
	}
	body := &a.s.body
	piece, err := body.next()
	if err != nil {
		return nil, err
	}
	if a.buffer == nil {
		if a.direct+len(piece) <= maxDirect || a.s.proxy.config.Buffer == 0 {
			return piece, nil
		}
		a.buffer = pieces.Get().(*[32 << 10]byte)
	}
	a.piece = a.buffer[:copy(a.buffer[:], piece)]
	body.discard(len(a.piece))
	if body.finish(); body.ended {
		a.s.release()
	} else {
		a.lend()
	}
	return a.piece, nil
}

// discard takes n bytes off, at most those that next has shown.
func (a *ahead) discard(n int) {
	if len(a.piece) > 0 {
		a.piece = a.piece[n:]
		return
	}
	a.s.body.discard(n)
	a.direct += n
}

// waits tells whether next would have to wait for the peer.
func (a *ahead) waits() bool {
	if len(a.piece) > 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reads || a.held > 0 || a.err != nil {
		return a.held == 0 && a.err == nil
	}
	a.lent = false
	return a.s.body.waits()
}

// lend notes that the client is busy with what it has been given.
func (a *ahead) lend() {
	if a.buffer == nil {
		return // it has been given what is in the connection's buffer
	}
	a.mu.Lock()
	a.lent = true
	a.mu.Unlock()
	a.timer.Reset(clientPatience)
}

// takeBack notes that the client wants the next piece. It tells whether that
// is one that was read ahead.
func (a *ahead) takeBack() bool {
	a.timer.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lent = false
	for a.reads && a.held == 0 {
		a.moved.Wait()
	}
	if a.held == 0 {
		return false
	}
	a.piece = a.buffer[:copy(a.buffer[:], a.ring[a.first:min(a.first+a.held, len(a.ring))])]
	a.first = (a.first + len(a.piece)) % len(a.ring)
	a.held -= len(a.piece)
	a.moved.Signal()
	return true
}

// readOn reads while the client is busy, once for a body: then to its end. It
// may have been called for an earlier piece or another body, if the timer fired
// as it was stopped: then it merely begins earlier than it had to.
func (a *ahead) readOn() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.lent || a.ring != nil {
		return
	}
	a.reads = true
	a.ring = a.s.proxy.ring()
	for {
		a.mu.Unlock()
		piece, err := a.s.body.next()
		a.mu.Lock()
		for err == nil && a.held == len(a.ring) && !a.stop {
			a.moved.Wait()
		}
		if err != nil || a.stop {
			a.err, a.reads = err, false
			if err == io.EOF {
				a.s.release()
			}
			a.moved.Signal()
			return
		}
		at := (a.first + a.held) % len(a.ring)
		n := copy(a.ring[at:min(at+len(a.ring)-a.held, len(a.ring))], piece)
		a.held += n
		a.s.body.discard(n)
		a.moved.Signal()
	}
}

// end ends what reads, wherever it is, and gives the buffers back.
func (a *ahead) end() {
	if a == nil {
		return
	}
	if a.direct = 0; a.buffer == nil {
		return
	}
	a.timer.Stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lent = false
	if a.reads {
		a.stop = true
		a.s.conn.Net().Close() // the body has not come to its end
		a.moved.Signal()
		for a.reads {
			a.moved.Wait()
		}
	}
	if a.ring != nil {
		ring := a.ring
		a.s.proxy.rings.Put(&ring)
	}
	pieces.Put(a.buffer)
	a.buffer, a.piece, a.ring, a.first, a.held = nil, nil, nil, 0, 0
	a.stop, a.err = false, nil
}

// ring is a buffer for what is read ahead.
func (p *proxy) ring() []byte {
	if ring, ok := p.rings.Get().(*[]byte); ok {
		return *ring
	}
	return make([]byte, p.config.Buffer)
}
