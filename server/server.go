package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"phasm/plugins/metric"
	"phasm/server/config"
)

// Options are what a server needs beside its configuration.
type Options struct {
	Cache   string // the directory for builds and compiled plugins; empty means none is kept
	Version string // for the metrics
}

// Server serves one configuration.
type Server struct {
	config     *config.Config
	log        *slog.Logger
	errorLog   *logFile // nil where the log goes to standard error
	accessLog  *logFile // nil where there is none
	registry   *metric.Registry
	metrics    *serverMetrics
	generation atomic.Pointer[generation]

	listeners []net.Listener
	admin     *admin

	mu       sync.Mutex
	conns    map[*conn]struct{}
	draining atomic.Bool
	drained  chan struct{} // closed when the last connection is gone while draining
	lastConn atomic.Uint64
	free     sync.Pool // closed connections, for their buffers
}

// New opens the logs and loads every plugin of the configuration. It binds
// nothing. The error is a *config.Error where the configuration can mend it.
func New(ctx context.Context, c *config.Config, options Options) (*Server, error) {
	s := &Server{config: c, conns: map[*conn]struct{}{}, drained: make(chan struct{}), registry: metric.NewRegistry()}
	s.metrics = newServerMetrics(s, options.Version)
	if err := s.openLogs(); err != nil {
		return nil, err
	}
	for _, w := range c.Warnings {
		s.log.Warn(w.String())
	}
	g, err := s.load(ctx, options.Cache)
	if err != nil {
		s.closeLogs()
		return nil, err
	}
	s.generation.Store(g)
	return s, nil
}

// Listen binds every listener, the admin one included. Where one fails none
// stays bound.
func (s *Server) Listen(ctx context.Context) error {
	for _, l := range s.config.Listeners {
		listener, err := listen(ctx, l.Address)
		if err != nil {
			s.closeListeners()
			return config.Join(s.config.Problem("listeners."+l.Name+".address", "cannot listen on %s: %v", l.Address, listenCause(err)))
		}
		s.listeners = append(s.listeners, listener)
	}
	if address := s.config.Admin.Address; address != "" {
		listener, err := listen(ctx, address)
		if err != nil {
			s.closeListeners()
			return config.Join(s.config.Problem("admin.address", "cannot listen on %s: %v", address, listenCause(err)))
		}
		s.admin = newAdmin(s, listener)
	}
	return nil
}

// Addresses are what the listeners are bound to, in the order of the
// configuration; with port 0 this is how to find the port.
func (s *Server) Addresses() []net.Addr {
	var addresses []net.Addr
	for _, l := range s.listeners {
		addresses = append(addresses, l.Addr())
	}
	return addresses
}

// AdminAddress is what the admin listener is bound to, nil where there is none.
func (s *Server) AdminAddress() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.listener.Addr()
}

// Serve accepts connections until ctx ends, then lets the running exchanges
// finish within the configured time. Listen must have succeeded. When Serve
// has returned the server is at its end: plugins closed, logs written.
func (s *Server) Serve(ctx context.Context) error {
	g := s.generation.Load()
	if err := g.startWorker(); err != nil {
		s.closeListeners()
		s.end(g)
		return err
	}
	var accepting sync.WaitGroup
	for i, l := range s.listeners {
		s.log.Info("listening", "listener", s.config.Listeners[i].Name, "address", l.Addr().String())
		accepting.Go(func() { s.accept(l) })
	}
	if s.admin != nil {
		s.log.Info("listening", "listener", "admin", "address", s.admin.listener.Addr().String())
		go s.admin.serve()
	}
	s.metrics.ready.Store(true)
	<-ctx.Done()

	s.metrics.ready.Store(false)
	s.log.Info("stopping", "grace", s.config.Server.Timeouts.Shutdown.String())
	s.closeListeners()
	accepting.Wait()
	err := s.drain(time.Duration(s.config.Server.Timeouts.Shutdown))
	s.end(g)
	return err
}

// end closes what New opened.
func (s *Server) end(g *generation) {
	g.stopWorker()
	if s.connections() == 0 {
		g.close() // else a plugin may still run: its code must not go away under it
	}
	if s.admin != nil {
		s.admin.close()
	}
	s.closeLogs()
}

// Close ends a server that never served.
func (s *Server) Close() {
	s.closeListeners()
	s.end(s.generation.Load())
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// ReopenLogs opens the log files anew by their names, after they have been
// moved away (nginx: USR1).
func (s *Server) ReopenLogs() {
	for _, f := range []*logFile{s.errorLog, s.accessLog} {
		if f == nil {
			continue
		}
		if err := f.reopen(); err != nil {
			s.log.Error("cannot reopen the log", "error", err)
		}
	}
}

// drain ends idle connections now and waits for the others.
func (s *Server) drain(limit time.Duration) error {
	s.mu.Lock()
	s.draining.Store(true)
	for c := range s.conns {
		if c.idle.Load() {
			c.net.SetReadDeadline(time.Unix(1, 0))
		}
	}
	if len(s.conns) == 0 {
		close(s.drained)
	}
	s.mu.Unlock()

	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	select {
	case <-s.drained:
		return nil
	case <-timeout.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	left := len(s.conns)
	for c := range s.conns {
		c.net.Close()
	}
	if left == 0 {
		return nil
	}
	return fmt.Errorf("cut off %d connections whose exchanges took longer than server.timeouts.shutdown", left)
}

// add puts a connection among those that drain waits for. It refuses one over
// the limit.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.config.Server.Limits.Connections {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// inFlight counts the connections that do not wait for a request.
func (s *Server) inFlight() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if !c.idle.Load() {
			n++
		}
	}
	return n
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.draining.Load() && len(s.conns) == 0 {
		close(s.drained)
	}
}

// listenCause is the part of a listen error that says why.
func listenCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
