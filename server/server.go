package server

import (
	"context"
	"errors"
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
	errorLog   *logFile // what log writes to
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
		s.Close()
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
	g.stopWorker(s.log)
	s.Close()
	return err
}

// Close ends a server that never served. One that has served is at its end
// already.
func (s *Server) Close() {
	s.closeListeners()
	if s.connections() == 0 {
		s.generation.Load().close() // else a plugin may still run: its code must not go away under it
	}
	if s.admin != nil {
		s.admin.close()
	}
	s.closeLogs()
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

// listenCause is the part of a listen error that says why.
func listenCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
