package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"phasm/plugins"
	"phasm/plugins/host"
	"phasm/plugins/memory"
	"phasm/plugins/metric"
	"phasm/plugins/redis"
	"phasm/plugins/source"
	"phasm/plugins/zone"
	"phasm/sdk/abi"
	"phasm/server/certificate"
	"phasm/server/config"
	"phasm/server/router"
	"phasm/server/upstream"
)

// generation is one loaded configuration. It does not change once loaded, so
// that every exchange can use it without a lock.
type generation struct {
	config    *config.Config
	log       *slog.Logger
	errorLog  *logFile // what log writes to
	accessLog *logFile // nil where there is none
	logs      *logFiles
	registry  *metric.Registry
	builder   *source.Builder
	turns     *host.Turns
	zones     map[string]*zone.Memory
	allZones  *zones // where they come from
	clients   *redis.Clients
	redis     map[string]*redisServer // those in use, by name

	certificates map[string]*certificate.Certificate // by name
	protections  []*protection                       // of the listeners, in file order; nil for plain ones

	plugins     []*plugins.Plugin // in file order
	working     int               // how many of the plugins have run init_worker
	routes      *router.Router[*route]
	leastBody   int64 // the smallest limit of a request's body that any route has
	upstreams   map[string]*upstream.Group
	groups      *upstreams                    // where they come from
	balancers   map[*upstream.Group]*balancer // of those that need one
	upstreamTLS map[string]*tls.Config        // of those, by name
	trusted     []netip.Prefix                // proxies that are believed
	fallback    *route                        // for requests that match no route, and those refused early
	all         []*route                      // every route, to close what they hold

	released chan struct{} // has a token where a connection has let a replaced generation go
}

// load opens the logs of a configuration, loads its plugins, all at once, and
// builds its routes. All that is wrong is reported together.
func (s *Server) load(ctx context.Context, c *config.Config) (*generation, error) {
	g := &generation{
		config: c, logs: &s.logs, clients: &s.redis, registry: s.registry.Next(),
		routes: router.New[*route](), released: make(chan struct{}, 1), turns: host.NewTurns(),
	}
	g.builder = &source.Builder{}
	if s.options.Cache != "" {
		g.builder.Cache = filepath.Join(s.options.Cache, "build")
	}
	s.watched.Store(&watched{config: c, builder: g.builder, begun: time.Now().Add(-fileTick)})
	problems := s.openLogs(g)
	if problems == nil {
		problems = s.fill(ctx, g)
	}
	if problems != nil {
		g.close()
		return nil, config.Join(problems...)
	}
	return g, nil
}

// fill makes the generation's plugins and routes.
func (s *Server) fill(ctx context.Context, g *generation) []config.Problem {
	for _, w := range g.config.Warnings {
		g.log.Warn(w.String())
	}
	g.builder.Log = g.log
	g.zones, g.allZones = s.zones.claim(g.config.Zones, g.log), s.zones
	if problems := s.loadTLS(g); problems != nil {
		return problems
	}
	if problems := s.openRedis(g); problems != nil {
		return problems
	}
	for _, text := range g.config.Server.TrustedProxies {
		network, _ := config.ParseNetwork(text) // checked
		g.trusted = append(g.trusted, network)
	}
	var problems []config.Problem
	if g.upstreamTLS, problems = upstreamTLS(g.config); problems != nil {
		return problems
	}
	g.upstreams, g.groups = s.upstreams.claim(g.config.Upstreams, g.upstreamTLS, g.log), s.upstreams
	named, problems := s.loadPlugins(ctx, g)
	if problems != nil {
		return problems
	}
	return g.buildRoutes(named)
}

func (s *Server) loadPlugins(ctx context.Context, g *generation) (map[string]*plugins.Plugin, []config.Problem) {
	loaded := make([]*plugins.Plugin, len(g.config.Plugins))
	errs := make([]error, len(g.config.Plugins))
	senders, problems := s.httpClients(g)
	if problems != nil {
		return nil, problems
	}
	var loading sync.WaitGroup
	for i, p := range g.config.Plugins {
		options := s.pluginOptions(g, p)
		options.Grants.HTTP, options.Grants.HTTPSender = p.Grants.HTTP, senders[i]
		loading.Go(func() { loaded[i], errs[i] = plugins.Load(ctx, options) })
	}
	loading.Wait()

	named := map[string]*plugins.Plugin{}
	for i, p := range g.config.Plugins {
		if errs[i] != nil {
			problems = append(problems, g.pluginProblem(p.Name, pluginCause(errs[i])))
			continue
		}
		named[p.Name] = loaded[i]
		g.plugins = append(g.plugins, loaded[i])
	}
	return named, problems
}

// pluginProblem reports an error on the line that says where the plugin's code
// is.
func (g *generation) pluginProblem(name string, err error) config.Problem {
	key := ".source"
	for _, p := range g.config.Plugins {
		if p.Name == name && p.Path != "" {
			key = ".path"
		}
	}
	return g.config.Problem("plugins."+name+key, "%v", err)
}

// pluginCause drops the plugin's name from an error whose place says it.
func pluginCause(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

func (s *Server) pluginOptions(g *generation, p config.Plugin) plugins.Options {
	return plugins.Options{
		Name: p.Name, Source: p.Source, Path: p.Path, Config: p.Config,
		Memory:    int64(p.Limits.Memory),
		Instances: p.Limits.Instances,
		Wait:      time.Duration(p.Limits.Wait),
		CPU:       time.Duration(p.Limits.CPU),
		Wall:      time.Duration(p.Limits.Wall),
		Fresh:     p.Isolation == "request",
		Grants:    host.Grants{Env: p.Grants.Env, LookupEnv: s.options.LookupEnv, Zones: g.zonesOf(p), Redis: redisGrants(g, p), Upstreams: upstreamGrants(g, p)},
		Open:      p.OnError == "open",
		Budget:    s.memory, Turns: g.turns,
		Codes: &s.codes, Cache: s.options.Cache, Builder: g.builder, Log: g.log, Registry: g.registry,
	}
}

// memoryLimit is what the configuration gives to all plugins' instances
// together, in bytes.
func memoryLimit(c *config.Config) int64 {
	if limit := c.Server.Limits.Memory; limit > 0 {
		return int64(limit)
	}
	return memory.Machine() / 4 * 3
}

// wake tells who waits to close the generation that a connection has let it
// go.
func (g *generation) wake() {
	select {
	case g.released <- struct{}{}:
	default: // there is a token
	}
}

// startWorker runs init_worker of every plugin, in file order, up to the first
// that fails.
func (g *generation) startWorker() error {
	for _, p := range g.plugins {
		if err := p.RunWorker(abi.InitWorker); err != nil {
			return config.Join(g.pluginProblem(p.Name(), err))
		}
		g.working++
	}
	return nil
}

// stopWorker ends the subscriptions and the timers of all plugins and then runs
// exit_worker of those whose init_worker has run. A fault keeps none of the
// others from it.
func (g *generation) stopWorker() {
	var stopping sync.WaitGroup
	for _, p := range g.plugins {
		stopping.Go(func() {
			p.StopMessages()
			p.StopTimers()
		})
	}
	stopping.Wait()
	for _, p := range g.plugins[:g.working] {
		if err := p.RunWorker(abi.ExitWorker); err != nil {
			g.log.Error(err.Error())
		}
	}
	g.working = 0
}

// close gives back all that the generation holds. No exchange may use it any
// more.
func (g *generation) close() {
	for _, r := range g.all {
		r.close()
	}
	for _, p := range g.plugins {
		p.Close()
	}
	g.closeRedis()
	if g.groups != nil {
		g.groups.release(g.upstreams)
	}
	g.turns.Close()
	g.registry.Close() // after the plugins: what they have counted last counts
	if g.allZones != nil {
		g.allZones.release(g.zones)
	}
	g.logs.release(g.accessLog)
	g.logs.release(g.errorLog)
}
