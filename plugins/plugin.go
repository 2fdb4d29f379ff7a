package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tetratelabs/wazero"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/source"
	"phasm/pool"
	"phasm/sdk/abi"
)

// Options say which plugin to load and how to run it.
type Options struct {
	Name   string
	Source string         // the directory of a Go package to build, or
	Path   string         // a compiled module
	Config map[string]any // what config_get answers from

	Memory    int64         // the most that an instance's memory may grow to, in bytes; 0 means 64 MiB
	Instances int           // the most instances at once; 0 means 256
	Wait      time.Duration // how long an exchange waits for an instance when all are in use; 0 means not at all
	Open      bool          // a fault skips the plugin instead of failing the request

	Cache    string          // a directory for compiled code
	Builder  *source.Builder // builds Source; nil builds without a cache
	Log      *slog.Logger
	Registry *metric.Registry
}

const (
	defaultMemory    = 64 << 20
	defaultInstances = 256
	pageSize         = 64 << 10
)

// Plugin is a loaded plugin. It is safe for concurrent use.
type Plugin struct {
	options Options
	host    *host.Plugin
	runtime wazero.Runtime
	cache   wazero.CompilationCache
	module  wazero.CompiledModule
	phases  abi.Mask // the phases it handles
	pool    *pool.Bounded[*Instance]
	figures figures
}

// Load builds, compiles and checks a plugin and makes its first instance, so
// that whatever is wrong shows now. The error names the plugin.
func Load(ctx context.Context, options Options) (*Plugin, error) {
	if options.Memory == 0 {
		options.Memory = defaultMemory
	}
	if options.Instances == 0 {
		options.Instances = defaultInstances
	}
	if options.Builder == nil {
		options.Builder = &source.Builder{Log: options.Log}
	}
	p := &Plugin{options: options}
	if err := p.load(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("plugin %q: %w", options.Name, err)
	}
	return p, nil
}

func (p *Plugin) load(ctx context.Context) error {
	wasm, err := p.read(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := p.compile(ctx, wasm); err != nil {
		return err
	}
	compiled := time.Since(start)

	p.host = host.NewPlugin(p.options.Name, p.options.Config, p.options.Log, p.options.Registry)
	p.pool = pool.NewBounded(pool.Options[*Instance]{
		Size: p.options.Instances, Wait: p.options.Wait,
		New: p.newInstance, Close: (*Instance).close, Returned: p.figures.add,
	})
	first, err := p.pool.Get()
	if err != nil {
		return err
	}
	p.phases = first.phases
	p.pool.Put(first)
	p.figures.register(p)
	p.options.Log.Info("plugin loaded", "plugin", p.options.Name,
		"compile", compiled.Round(time.Millisecond), "init", (time.Since(start) - compiled).Round(time.Millisecond))
	return nil
}

// Close ends the plugin and frees its compiled code. Instances that are still
// in use end when they come back.
func (p *Plugin) Close() {
	if p.pool != nil {
		p.pool.Close()
	}
	if p.runtime != nil {
		p.runtime.Close(context.Background())
	}
	if p.cache != nil {
		p.cache.Close(context.Background())
	}
}

// Name is the plugin's name in the configuration.
func (p *Plugin) Name() string { return p.options.Name }

// Open tells whether a fault skips the plugin instead of failing the request.
func (p *Plugin) Open() bool { return p.options.Open }

// Phases are the phases that the plugin handles.
func (p *Plugin) Phases() abi.Mask { return p.phases }

// Acquire takes an instance for one exchange. The error is pool.ErrBusy after
// the wait, pool.ErrClosed, or that of making an instance.
func (p *Plugin) Acquire() (*Instance, error) { return p.pool.Get() }

// Release gives an instance back. One that has had a fault is ended.
func (p *Plugin) Release(i *Instance) {
	if i.broken {
		p.pool.Discard(i)
		return
	}
	p.pool.Put(i)
}

// RunWorker runs init_worker or exit_worker on an instance of its own. A
// plugin that does not handle the phase does nothing.
func (p *Plugin) RunWorker(phase abi.Phase) error {
	if !p.phases.Has(phase) {
		return nil
	}
	i, err := p.Acquire()
	if err != nil {
		return fmt.Errorf("plugin %q: cannot run %s: %w", p.options.Name, phase, err)
	}
	defer p.Release(i)
	_, err = i.Run(nil, phase)
	return err
}

// Fault is the failure of a plugin: a trap, a panic, an answer that is no
// action.
type Fault struct {
	Plugin string
	Phase  abi.Phase
	Err    error
}

// Error says which plugin failed where, and how.
func (f *Fault) Error() string {
	return fmt.Sprintf("plugin %q failed in %s: %v", f.Plugin, f.Phase, f.Err)
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }
