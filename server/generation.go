package server

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"phasm/plugins"
	"phasm/plugins/source"
	"phasm/sdk/abi"
	"phasm/server/config"
	"phasm/server/router"
)

// generation is one loaded configuration. It does not change once loaded, so
// that every exchange can use it without a lock.
type generation struct {
	plugins  []*plugins.Plugin // in file order
	routes   *router.Router[*route]
	fallback *route   // for requests that match no route, and those refused early
	all      []*route // every route, to close what they hold
}

// load loads the configuration's plugins, all at once, and builds its routes.
// All that is wrong is reported together.
func (s *Server) load(ctx context.Context, cache string) (*generation, error) {
	g := &generation{routes: router.New[*route]()}
	named, problems := s.loadPlugins(ctx, g, cache)
	if problems == nil {
		problems = s.buildRoutes(g, named)
	}
	if problems != nil {
		g.close()
		return nil, config.Join(problems...)
	}
	return g, nil
}

func (s *Server) loadPlugins(ctx context.Context, g *generation, cache string) (map[string]*plugins.Plugin, []config.Problem) {
	builder := &source.Builder{Log: s.log}
	if cache != "" {
		builder.Cache = filepath.Join(cache, "build")
	}
	loaded := make([]*plugins.Plugin, len(s.config.Plugins))
	errs := make([]error, len(s.config.Plugins))
	var loading sync.WaitGroup
	for i, p := range s.config.Plugins {
		loading.Go(func() { loaded[i], errs[i] = plugins.Load(ctx, s.pluginOptions(p, cache, builder)) })
	}
	loading.Wait()

	named := map[string]*plugins.Plugin{}
	var problems []config.Problem
	for i, p := range s.config.Plugins {
		if errs[i] != nil {
			key := ".source"
			if p.Path != "" {
				key = ".path"
			}
			problems = append(problems, s.config.Problem("plugins."+p.Name+key, "%v", pluginCause(errs[i])))
			continue
		}
		named[p.Name] = loaded[i]
		g.plugins = append(g.plugins, loaded[i])
	}
	return named, problems
}

// pluginCause drops the plugin's name from an error whose place says it.
func pluginCause(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}

func (s *Server) pluginOptions(p config.Plugin, cache string, builder *source.Builder) plugins.Options {
	return plugins.Options{
		Name: p.Name, Source: p.Source, Path: p.Path, Config: p.Config,
		Memory:    int64(p.Limits.Memory),
		Instances: p.Limits.Instances,
		Wait:      time.Duration(p.Limits.Wait),
		Open:      p.OnError == "open",
		Cache:     cache, Builder: builder, Log: s.log, Registry: s.registry,
	}
}

// startWorker runs init_worker of every plugin, in file order.
func (g *generation) startWorker() error {
	for _, p := range g.plugins {
		if err := p.RunWorker(abi.InitWorker); err != nil {
			return err
		}
	}
	return nil
}

// stopWorker runs exit_worker of every plugin. A fault keeps none of the
// others from it.
func (g *generation) stopWorker(log *slog.Logger) {
	for _, p := range g.plugins {
		if err := p.RunWorker(abi.ExitWorker); err != nil {
			log.Error(err.Error())
		}
	}
}

func (g *generation) close() {
	for _, r := range g.all {
		r.close()
	}
	for _, p := range g.plugins {
		p.Close()
	}
}
