package upstream

import "time"

// queue are the requests that wait for a peer with room, the oldest first.
type queue struct {
	waiting []*waiter
	idle    []*waiter // for those to come
}

// waiter is one of them.
type waiter struct {
	request *Request
	picked  chan *Peer // of one; nil: the group is closed
	timer   *time.Timer
}

// glance is how often a request that waits looks whether its client is still
// there, and whether a peer may be tried that was out.
const glance = 100 * time.Millisecond

// wait has a request wait until a peer has room. It is called locked, and
// unlocks.
func (g *Group) wait(r *Request) (*Peer, error) {
	defer g.mu.Unlock()
	if !g.busy(r) {
		return nil, ErrNoPeer
	}
	now := time.Now()
	end := now.Add(g.options.QueueTimeout)
	if r.Deadline.Before(end) {
		end = r.Deadline
	}
	q := &g.queue
	if len(q.waiting) >= g.options.Queue || !now.Before(end) || g.closed {
		return nil, ErrBusy
	}
	if r.StepAside != nil {
		r.StepAside()
	}
	w := q.add(r)
	defer q.remove(w)
	for {
		w.timer.Reset(min(time.Until(end), glance))
		g.mu.Unlock()
		select {
		case p := <-w.picked:
			w.timer.Stop()
			g.mu.Lock()
			return p, errIfNil(p)
		case <-w.timer.C:
		}
		gone := r.Gone != nil && r.Gone()
		g.mu.Lock()
		select {
		case p := <-w.picked: // meanwhile
			return p, errIfNil(p)
		default:
		}
		if gone {
			return nil, ErrGone
		}
		if time.Until(end) <= 0 {
			return nil, ErrBusy
		}
		if p := g.pick(r); p != nil {
			return p, nil
		}
		if !g.busy(r) {
			return nil, ErrNoPeer
		}
	}
}

func errIfNil(p *Peer) error {
	if p == nil {
		return ErrNoPeer
	}
	return nil
}

func (q *queue) add(r *Request) *waiter {
	var w *waiter
	if n := len(q.idle); n > 0 {
		w = q.idle[n-1]
		q.idle = q.idle[:n-1]
	} else {
		w = &waiter{picked: make(chan *Peer, 1), timer: time.NewTimer(glance)}
	}
	w.request = r
	q.waiting = append(q.waiting, w)
	return w
}

// remove takes a request out of the queue, unless it is out of it already.
func (q *queue) remove(w *waiter) {
	for i, other := range q.waiting {
		if other == w {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			break
		}
	}
	w.request = nil
	q.idle = append(q.idle, w)
}

// serveQueue gives peers that have room to the requests that wait, the oldest
// first. It is called locked.
func (g *Group) serveQueue() {
	q := &g.queue
	for i := 0; i < len(q.waiting); {
		w := q.waiting[i]
		p := g.pick(w.request)
		if p != nil {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			w.picked <- p
			continue
		}
		if len(w.request.Tried) == 0 {
			return // nor is there one for those behind it
		}
		i++
	}
}

// endQueue sends away all that wait. It is called locked.
func (g *Group) endQueue() {
	for _, w := range g.queue.waiting {
		w.picked <- nil
	}
	g.queue.waiting = nil
}
