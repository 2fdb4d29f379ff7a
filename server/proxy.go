package server

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/server/config"
	"phasm/server/upstream"
)

// proxy is content that a peer of an upstream makes (nginx: proxy_pass).
type proxy struct {
	group   *upstream.Group
	config  *config.Upstream
	path    []byte // in place of the part of the path that the pattern spells out; nil: the path stays
	retried statusRange
	budget  *retryBudget // of all routes to the upstream together
	rings   sync.Pool    // *[]byte, of the upstream's buffer size: what is read ahead
}

// statusRange are statuses from the first to the last; the zero value has none.
type statusRange struct{ first, last int }

func (r statusRange) has(status int) bool { return r.first <= status && status <= r.last }

func (b *routeBuilder) proxy(c *config.Route) *proxy {
	p := &proxy{group: b.upstreams[c.Upstream]}
	for i := range b.config.Upstreams {
		if u := &b.config.Upstreams[i]; u.Name == c.Upstream {
			p.config = u
		}
	}
	if c.UpstreamPath != "" {
		p.path = []byte(c.UpstreamPath)
	}
	if p.config.RetryStatus != "" {
		p.retried.first, p.retried.last, _ = config.StatusRange(p.config.RetryStatus) // checked
	}
	if b.budgets[p.group] == nil {
		b.budgets[p.group] = newRetryBudget(p.config.RetryBudget)
	}
	p.budget = b.budgets[p.group]
	return p
}

func (p *proxy) close() {}

// passing is an exchange's way through a proxy. It belongs to the exchange,
// and is used again.
type passing struct {
	x         *exchange
	proxy     *proxy
	request   upstream.Request
	peer      *upstream.Peer // that was picked and is not done
	conn      *upstream.Conn // to it; nil: none
	head      peerHead       // of the response
	body      peerBody       // of the response
	ahead     *ahead         // reads it
	asked     bool           // the peer may have seen the request
	askErr    error          // of sending it
	failure   error          // of the last peer that has failed
	reusable  bool           // the connection, once the body has been read
	broken    bool           // the peer's answer has ended early
	upgraded  bool           // the connection is a tunnel
	sender    *sender        // of the request's body, while it runs
	out       []byte         // the request's head
	own       []byte         // headers that plugins have set already
	announced []byte         // the names of the request's trailer, as far as it goes on
}

// serve asks one peer after the other until one has answered, or the exchange
// waits in a loop until one has something to say: see exchange.awaits.
func (p *proxy) serve(x *exchange) {
	s := &x.passing
	s.x, s.proxy = x, p
	s.request.Client, s.request.StepAside = x.RemoteAddr.Addr(), x.stepAside
	p.budget.request()
	if s.ahead == nil {
		s.ahead = newAhead(s)
	}
	for s.ask() && !s.rest() && !s.hear() {
	}
}

// goOn is serve from where the exchange has waited.
func (s *passing) goOn() {
	for !s.hear() && s.ask() && !s.rest() {
	}
}

// ask chooses a peer and sends it the request. It is false where there is none,
// or a balancer has ended the exchange: the response is made.
func (s *passing) ask() bool {
	peer, err := s.x.pick(s.proxy.group, &s.request)
	if errors.Is(err, errEnded) {
		return false
	}
	if err == upstream.ErrNoPeer && s.failure != nil {
		err = s.failure // of the last there was: a balancer's other peer, or one that has gone meanwhile
	}
	if err != nil {
		s.answerFor(err)
		return false
	}
	s.peer, s.asked = peer, false
	s.askErr = s.sendTo(peer, false)
	return true
}

// hear takes what the peer answers. It tells whether that stands: the peer's
// response, or one of the server's own because nobody else may be asked.
func (s *passing) hear() (done bool) {
	peer := s.peer
	err := s.hearHead()
	status := 0
	if err == nil {
		if status = s.head.status; !s.proxy.retried.has(status) || !s.mayRetry(peer) {
			s.respond()
			return true
		}
		s.restoreOwn()
	}
	outcome := upstream.Failed
	if isClients(err) {
		outcome = upstream.Unasked
	}
	s.end(outcome)
	if outcome == upstream.Unasked {
		s.answerFor(err)
		return true
	}
	again := status != 0 || s.mayRetry(peer) // it has been asked already whether another status may be tried for
	if status == 0 {
		s.x.generation.log.Warn("a peer has failed", "upstream", s.proxy.group.Name(), "peer", peer.String(),
			"route", s.x.Route, "request_id", string(s.x.ID()), "error", err, "another_try", again)
	}
	s.request.Tried, s.request.Status, s.failure = append(s.request.Tried, peer), status, err
	if !again {
		s.answerFor(err)
	}
	return !again
}

// Errors that are the client's, or the request's, and say nothing of the peer.
var (
	errClientBody = errors.New("the client's body does not arrive")
	errBodyGone   = errors.New("a plugin has taken the request's body without keeping it")
)

func isClients(err error) bool {
	return errors.Is(err, upstream.ErrGone) || errors.Is(err, errClientBody) || errors.Is(err, errBodyGone) || errors.Is(err, host.ErrBodyTooLarge)
}

// statusClientGone is what the log has where nobody is there to be answered, as
// nginx's has.
const statusClientGone = 499

// answerFor answers for a peer that has not.
func (s *passing) answerFor(err error) {
	x := s.x
	status := fasthttp.StatusBadGateway
	switch {
	case errors.Is(err, host.ErrBodyTooLarge):
		status = fasthttp.StatusRequestEntityTooLarge
	case errors.Is(err, errChunk) && errors.Is(err, errClientBody):
		status, x.keep = fasthttp.StatusBadRequest, false
	case errors.Is(err, errClientBody):
		status, x.keep = fasthttp.StatusRequestTimeout, false
	case errors.Is(err, upstream.ErrGone):
		status, x.sendErr = statusClientGone, err
	case errors.Is(err, errBodyGone):
		status = fasthttp.StatusInternalServerError
		x.generation.log.Error(errBodyGone.Error(), "route", x.Route, "request_id", string(x.ID()))
	case errors.Is(err, upstream.ErrTimeout):
		status = fasthttp.StatusGatewayTimeout
	case errors.Is(err, upstream.ErrBusy):
		status = fasthttp.StatusServiceUnavailable
	case errors.Is(err, upstream.ErrNoPeer) && s.request.Status != 0:
		status = s.request.Status
	}
	x.answer(status)
}

// hearHead reads the head of the peer's response. A kept connection that the peer
// has closed meanwhile is no failure of the peer's.
func (s *passing) hearHead() error {
	err := s.askErr
	for {
		if err == nil {
			err = s.receive()
		}
		if err == nil || s.conn == nil {
			return err
		}
		stale := s.conn.Used() && s.repeatable() && s.conn.R.Buffered() == 0 && !errors.Is(err, upstream.ErrTimeout) && !isClients(err)
		s.closeConn()
		if !stale {
			return err
		}
		err = s.sendTo(s.peer, true)
	}
}

// sendTo sends the request to a peer, over a fresh connection or one that is kept.
func (s *passing) sendTo(peer *upstream.Peer, fresh bool) (err error) {
	c := s.proxy.config
	patience := upstream.Patience{
		Read: time.Duration(c.ReadTimeout), Send: time.Duration(c.SendTimeout), Gone: s.x.clientGone, StepAside: s.x.stepAside,
	}
	if s.conn, err = peer.Connect(patience, fresh, !s.repeatable()); err != nil {
		return err
	}
	s.asked = true
	s.expect()
	return s.send()
}

// repeatable tells whether the request may be sent again after a peer may have
// seen it: RFC 9110, section 9.2.2, and its body is still there.
func (s *passing) repeatable() bool {
	switch string(s.x.request.Header.Method()) {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodOptions, fasthttp.MethodPut, fasthttp.MethodDelete, fasthttp.MethodTrace:
		return s.x.body.whole()
	}
	return false
}

// mayRetry tells whether another peer than this one may be asked, and counts
// that. Where there is none what this one has answered, or done, is what the
// client is told.
func (s *passing) mayRetry(peer *upstream.Peer) bool {
	if s.asked && !s.repeatable() || len(s.request.Tried)+1 >= s.proxy.config.Tries+s.request.More {
		return false
	}
	if !s.x.balancedByPlugin(s.proxy.group) && !s.proxy.group.Another(&s.request, peer) {
		return false
	}
	return s.proxy.budget.retry()
}

// closeConn ends the connection, and what sends the request's body on it.
func (s *passing) closeConn() {
	if s.sender != nil {
		s.sender.abort()
		s.sender = nil
	}
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// end ends what was begun with a peer.
func (s *passing) end(outcome upstream.Outcome) {
	s.closeConn()
	if s.peer != nil {
		s.peer.Done(outcome)
		s.peer = nil
	}
}

// Close implements io.Closer: the response's body is of no more use.
func (s *passing) Close() error {
	s.ahead.end()
	s.release()
	if s.broken {
		s.end(upstream.Failed)
	} else {
		s.end(upstream.Served)
	}
	return nil
}

// release gives the peer back, unless its answer, or the request, has not come
// to its end.
func (s *passing) release() {
	if s.conn == nil || !s.body.ended || s.sender != nil {
		return
	}
	if s.reusable {
		s.conn.Keep()
		s.conn = nil
	}
	s.end(upstream.Served)
}

// Read implements io.Reader: the response's body.
func (s *passing) Read(p []byte) (int, error) {
	piece, err := s.ahead.next()
	if err != nil {
		return 0, s.early(err)
	}
	n := copy(p, piece)
	s.ahead.discard(n)
	return n, nil
}

// early notes that the peer has failed in the middle of its answer, or that
// nobody waits for the rest.
func (s *passing) early(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if s.broken = !isClients(err); s.broken {
		s.x.generation.log.Warn("a peer has failed in the middle of its answer", "upstream", s.proxy.group.Name(),
			"peer", s.peer.String(), "route", s.x.Route, "request_id", string(s.x.ID()), "error", err)
	}
	return fmt.Errorf("%w: %w", errCutOff, err)
}

// WriteTo implements io.WriterTo: what there is of the body goes out before
// more is waited for.
func (s *passing) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if n >= sendPiece {
			s.x.conn.stepAside() // others have waited long enough
		}
		if err := s.flushBeforeWait(); err != nil {
			return n, err
		}
		piece, err := s.ahead.next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, s.early(err)
		}
		written, err := w.Write(piece)
		n += int64(written)
		if err != nil {
			return n, err
		}
		s.ahead.discard(len(piece))
	}
}

// flushBeforeWait sends what the client can have already, if the next piece of
// the body is not there yet.
func (s *passing) flushBeforeWait() error {
	if c := s.x.conn; c.w.Buffered() > 0 && s.ahead.waits() {
		s.ahead.lend()
		return c.flush()
	}
	return nil
}

// reset forgets the way but not its buffers.
func (s *passing) reset() {
	if s.x == nil {
		return
	}
	s.ahead.end()
	outcome := upstream.Unasked
	if s.upgraded {
		outcome = upstream.Served
	}
	s.end(outcome)
	tried := s.request.Tried
	clear(tried)
	*s = passing{head: s.head, body: s.body, ahead: s.ahead, out: kept(s.out), own: kept(s.own), announced: s.announced[:0]}
	s.body.begin(nil, 0)
	s.request.Tried = tried[:0]
}

func kept(b []byte) []byte {
	if cap(b) > maxKept {
		return nil
	}
	return b[:0]
}
