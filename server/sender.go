package server

import (
	"sync/atomic"
	"time"

	"phasm/server/upstream"
)

// sender sends a request's body to a peer while the exchange waits for the
// response: a peer may answer before it has all of it. As long as it runs the
// body is its own.
type sender struct {
	x       *exchange
	conn    *upstream.Conn
	stopped atomic.Bool
	done    chan struct{}
	sent    bool  // all of it, known once it is done
	err     error // the client's, likewise
}

func startSender(s *passing) *sender {
	n := &sender{x: s.x, conn: s.conn, done: make(chan struct{})}
	s.x.body.lent = true
	s.conn.Sends(true)
	go n.run()
	return n
}

func (n *sender) run() {
	defer close(n.done)
	defer n.conn.Sends(false)
	err := n.x.body.copyRest(n.conn.W, n.x, n.stopped.Load)
	if err == nil {
		err = n.conn.W.Flush()
		n.sent = err == nil && n.x.body.ended
	}
	if isClients(err) && !n.stopped.Load() {
		n.err = err
		n.conn.Net().Close() // who waits for the response waits in vain
	}
}

// ended tells whether the sender has ended, and gives the body back then.
func (n *sender) ended() bool {
	select {
	case <-n.done:
		n.x.body.lent = false
		return true
	default:
		return false
	}
}

// senderPatience is how long after a peer's answer its sender may take to notice that
// all has been sent: the peer may be faster.
const senderPatience = 20 * time.Millisecond

// endsSoon is ended for one that has most likely sent all.
func (n *sender) endsSoon() bool {
	patience := time.NewTimer(senderPatience)
	defer patience.Stop()
	select {
	case <-n.done:
	case <-patience.C:
	}
	return n.ended()
}

// abort ends the sender, wherever it is.
func (n *sender) abort() {
	n.stopped.Store(true)
	for !n.ended() {
		n.x.conn.net.SetReadDeadline(time.Unix(1, 0))
		n.conn.Abort()
		select {
		case <-n.done:
		case <-time.After(time.Millisecond): // it may just have set another deadline
		}
	}
	n.x.conn.readDeadline = 0
	n.x.body.tooSlow = false // it was made to end
}
