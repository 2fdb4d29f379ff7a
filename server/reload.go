package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"phasm/server/config"
)

// Reload reads the configuration file again and serves new exchanges by it.
// Everything is parsed, compiled and initialised beside what is in use, then
// one pointer changes. Exchanges that run keep the generation they began with,
// which is closed when the last of them ends. Where anything is wrong nothing
// changes, and the error, a *config.Error where the configuration can mend it,
// says what. How it went is logged as well.
//
// Reloads take turns. Those who ask for one while another runs share the next.
// Before Serve has begun Reload waits for it.
func (s *Server) Reload(ctx context.Context) error {
	select {
	case <-s.serving:
	case <-ctx.Done():
		return ctx.Err()
	}
	r, first := s.reloads.join()
	if !first {
		<-r.done
		return r.err
	}
	s.reloads.turn.Lock()
	defer s.reloads.turn.Unlock()
	s.reloads.begin()
	defer close(r.done)

	start := time.Now()
	r.err = s.replace(ctx)
	s.metrics.reloads.count(r.err == nil)
	if r.err == nil {
		s.log().Info("reloaded", "in", time.Since(start).Round(time.Millisecond).String())
		return nil
	}
	for _, e := range eachProblem(r.err) {
		s.log().Error("cannot reload, the configuration in use stays", "error", e)
	}
	return r.err
}

// errStopping is the error of a reload that comes too late.
var errStopping = errors.New("the server is stopping")

// reloads makes calls of Reload take turns.
type reloads struct {
	turn sync.Mutex // held by the one that runs
	mu   sync.Mutex
	next *reload // one that has not begun to read the configuration, or nil
}

// reload is one that several may wait for.
type reload struct {
	done chan struct{}
	err  error // valid once done is closed
}

// join answers the reload that comes next. The first to ask for it must run
// it.
func (r *reloads) join() (next *reload, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		return r.next, false
	}
	r.next = &reload{done: make(chan struct{})}
	return r.next, true
}

// begin lets nobody join any more: what they want to see may be read already.
func (r *reloads) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = nil
}

// wait waits until the reload that runs has ended.
func (r *reloads) wait() {
	r.turn.Lock()
	defer r.turn.Unlock()
}

// eachProblem takes a configuration's error apart, for a log line each.
func eachProblem(err error) (problems []string) {
	var several *config.Error
	if !errors.As(err, &several) {
		return []string{err.Error()}
	}
	for _, p := range several.Problems {
		problems = append(problems, p.String())
	}
	return problems
}

// replace replaces the generation by one that is loaded anew.
func (s *Server) replace(ctx context.Context) error {
	if s.isStopping() {
		return errStopping
	}
	c, err := config.Load(s.generation.Load().config.File)
	if err != nil {
		s.watchFor(err)
		return err
	}
	// What concerns the whole process is as the new generation needs it while
	// it is made, and both live side by side for a while.
	s.setWorkers(c.Server.Workers)
	s.loops.fit(s)
	defer func() { s.setWorkers(s.generation.Load().config.Server.Workers) }()
	s.memory.SetLimit(max(s.memory.Limit(), memoryLimit(c)))
	defer func() { s.memory.SetLimit(memoryLimit(s.generation.Load().config)) }()
	g, err := s.load(ctx, c)
	if err != nil {
		return err
	}
	opened, err := s.bind(ctx, c)
	if err != nil {
		g.close()
		return err
	}
	if err = g.startWorker(); err == nil {
		err = s.swap(ctx, g, opened)
	}
	if err != nil {
		s.closeNew(opened)
		g.stopWorker()
		g.close()
		return err
	}
	s.zones.use(c.Zones, g.log)
	s.upstreams.update(c.Upstreams, g.upstreamTLS, g.log)
	return nil
}

// swap makes a generation the server's, and what it listens on the server's.
func (s *Server) swap(ctx context.Context, g *generation, opened sockets) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errStopping
	}
	used := s.sockets
	old := s.generation.Swap(g)
	s.sockets = opened
	opened.protect(g)
	s.metrics.generations.Add(1)
	s.open(ctx, opened.without(used))
	s.retiring.Go(func() { s.retire(old) })
	gone := used.without(opened)
	for _, l := range gone.listeners {
		l.stop()
	}
	if gone.admin != nil {
		s.retiring.Go(func() { gone.admin.retire(ctx) })
	}
	return nil
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// closeNew closes what was opened for a generation that comes to nothing.
func (s *Server) closeNew(opened sockets) {
	s.mu.Lock()
	used := s.sockets
	s.mu.Unlock()
	opened.without(used).close()
}

// retire closes a generation that has been replaced, once its last exchange
// has ended.
func (s *Server) retire(g *generation) {
	for s.inUse(g) {
		<-g.released
	}
	s.forget(g)
	g.stopWorker()
	g.close()
	s.metrics.generations.Add(-1)
}
