package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"phasm/plugins"
	"phasm/plugins/httpclient"
	"phasm/plugins/memory"
	"phasm/plugins/metric"
	"phasm/plugins/redis"
	"phasm/server/config"
)

// Options are what a server needs beside its configuration.
type Options struct {
	Cache   string // the directory for builds and compiled plugins; empty means none is kept
	Version string // for the metrics

	// Inherited are listening sockets that the process was started with, by their
	// names. They stay open.
	Inherited []*os.File

	// LookupEnv gives plugins the environment variables that they are granted.
	// Where it is nil none is set.
	LookupEnv func(name string) (value string, set bool)
}

// Server serves one configuration at a time.
type Server struct {
	options    Options
	registry   *metric.Registry // of what outlives generations
	metrics    *serverMetrics
	memory     *memory.Budget // what plugins' instances may have together
	codes      plugins.Codes  // of all generations
	zones      *zones         // likewise
	upstreams  *upstreams     // likewise
	http       *httpclient.Clients
	redis      redis.Clients // of all generations
	logs       logFiles
	generation atomic.Pointer[generation] // what new exchanges are served by
	serving    chan struct{}              // closed when Serve has begun
	reloads    reloads
	loops      loops
	workers    int // the configuration's; belongs to New and then to whom reloads is at
	watched    atomic.Pointer[watched]

	accepting sync.WaitGroup // the listeners' loops
	retiring  sync.WaitGroup // generations and admin listeners that have been replaced

	mu        sync.Mutex
	sockets   sockets
	stopping  bool // no reload may change anything any more
	conns     map[*conn]struct{}
	streams   map[*conn]struct{}   // connections in memory, of streams that are served
	perClient map[netip.Prefix]int // of them, where there is a limit
	cutOff    bool                 // draining is over: no exchange may begin any more
	draining  atomic.Bool
	drained   chan struct{} // closed when the last connection is gone while draining
	lastConn  atomic.Uint64
	free      sync.Pool // closed connections
	desks     sync.Pool // those that nobody sits at
}

// New opens the logs and loads every plugin of the configuration. It binds
// nothing. The error is a *config.Error where the configuration can mend it.
func New(ctx context.Context, c *config.Config, options Options) (*Server, error) {
	s := &Server{
		options: options, registry: metric.NewRegistry(), memory: memory.NewBudget(memoryLimit(c)), logs: logFiles{used: map[logUse]*usedLog{}},
		http:    httpclient.NewClients(httpclient.Options{}),
		serving: make(chan struct{}), conns: map[*conn]struct{}{}, perClient: map[netip.Prefix]int{}, drained: make(chan struct{}),
		streams: map[*conn]struct{}{},
	}
	s.zones = &zones{registry: s.registry, used: map[string]*usedZone{}}
	s.upstreams = &upstreams{registry: s.registry, used: map[string]*usedUpstream{}}
	s.metrics = newServerMetrics(s, options.Version)
	s.setWorkers(c.Server.Workers)
	g, err := s.load(ctx, c)
	if err != nil {
		return nil, err
	}
	s.generation.Store(g)
	s.metrics.generations.Add(1)
	return s, nil
}

// setWorkers sets how many cores run Go code; 0 means all that the process may
// use, as it begins with.
func (s *Server) setWorkers(n int) {
	switch {
	case n == s.workers:
		return // changing it stops the world
	case n > 0:
		runtime.GOMAXPROCS(n)
	default:
		runtime.SetDefaultGOMAXPROCS()
	}
	s.workers = n
}

// log is where the configuration in use has the server write.
func (s *Server) log() *slog.Logger { return s.generation.Load().log }

// Listen binds every listener, the admin one included. Where one fails none
// stays bound. What the admin listener starts ends with ctx.
func (s *Server) Listen(ctx context.Context) error {
	opened, err := s.bind(ctx, s.generation.Load().config)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = opened
	opened.protect(s.generation.Load())
	return nil
}

// Addresses are what the listeners are bound to, in the order of the
// configuration; with port 0 this is how to find the port.
func (s *Server) Addresses() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addresses []net.Addr
	for _, l := range s.sockets.listeners {
		addresses = append(addresses, l.Addr())
	}
	return addresses
}

// AdminAddress is what the admin listener is bound to, nil where there is none.
func (s *Server) AdminAddress() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sockets.admin == nil {
		return nil
	}
	return s.sockets.admin.listener.Addr()
}

// ErrAtOnce is the cause to end Serve's context with where running exchanges
// are to be cut off.
var ErrAtOnce = errors.New("stop at once")

// Serve accepts connections until ctx ends, then lets the running exchanges
// finish within the configured time, or cuts them off where ctx's cause is
// ErrAtOnce. Listen must have succeeded. When Serve has returned the server is
// at its end: plugins closed, but for those that still run, and logs written.
func (s *Server) Serve(ctx context.Context) error {
	s.zones.use(s.generation.Load().config.Zones, s.log())
	if err := s.generation.Load().startWorker(); err != nil {
		s.Close()
		return err
	}
	s.loops.open(s)
	s.mu.Lock()
	s.open(ctx, s.sockets)
	s.mu.Unlock()
	go s.refreshCertificates(ctx)
	close(s.serving)
	s.metrics.ready.Store(true)
	<-ctx.Done()

	s.metrics.ready.Store(false)
	s.mu.Lock()
	s.stopping = true
	used := s.sockets
	s.mu.Unlock()
	grace := time.Duration(s.generation.Load().config.Server.Timeouts.Shutdown)
	atOnce := errors.Is(context.Cause(ctx), ErrAtOnce)
	if atOnce {
		grace = 0
	}
	s.log().Info("stopping", "grace", grace.String())
	for _, l := range used.listeners {
		l.stop()
	}
	s.accepting.Wait()
	err := s.drain(grace)
	s.reloads.wait()
	if err == nil {
		s.retiring.Wait()
	}
	s.loops.close()
	s.generation.Load().stopWorker()
	s.Close()
	if atOnce {
		return nil
	}
	return err
}

// Close ends a server that never served. One that has served is at its end
// already.
func (s *Server) Close() {
	s.mu.Lock()
	used := s.sockets
	s.mu.Unlock()
	used.close()
	if g := s.generation.Load(); !s.inUse(g) { // else a plugin still runs: its code must not go away under it
		g.close()
	}
	s.zones.save()
	s.http.Close()
	s.logs.close()
}

// ReopenLogs opens the log files anew by their names, after they have been
// moved away (nginx: USR1).
func (s *Server) ReopenLogs() {
	if err := s.logs.reopen(); err != nil {
		s.log().Error("cannot reopen the log", "error", err)
	}
}
