package plugins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/memory"
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
	CPU       time.Duration // how long a call may compute; 0 means 100 ms
	Wall      time.Duration // how long a call may take, waiting included; 0 means 30 s
	Fresh     bool          // each exchange finds an instance as init left it, not as the last exchange did
	Grants    host.Grants   // what the plugin may use beside its requests
	Open      bool          // a fault skips the plugin instead of failing the request

	Budget   *memory.Budget  // what the memories of all plugins may take together; nil means any amount
	Turns    *host.Turns     // where the guests of all plugins take turns; nil means nowhere
	Codes    *Codes          // shared with other plugins; nil means not
	Cache    string          // a directory for compiled code
	Builder  *source.Builder // builds Source; nil builds without a cache
	Log      *slog.Logger
	Registry *metric.Registry

	initTime time.Duration // how long an instance may compute to initialise; 0 means 5 s
	initWall time.Duration // how long that may take, waiting included; 0 means 20 s
}

const (
	defaultMemory    = 64 << 20
	defaultInstances = 256
	defaultCPU       = 100 * time.Millisecond
	defaultWall      = 30 * time.Second
	defaultInitTime  = 5 * time.Second
	defaultInitWall  = 20 * time.Second
	idleFor          = time.Minute // after which an instance that nobody needs is closed
	pageSize         = 64 << 10
)

// Plugin is a loaded plugin. It is safe for concurrent use.
type Plugin struct {
	options    Options
	host       *host.Plugin
	code       *code
	snapshot   *snapshot // where instances begin; nil where each must be initialised
	phases     abi.Mask  // the phases it handles
	quarantine quarantine
	closing    sync.Once
	pool       *pool.Bounded[*Instance]
	timers     *timers
	messages   *messages
	figures    figures
}

// Load builds, compiles and checks a plugin and makes its first instance, so
// that whatever is wrong shows now. The error names the plugin.
func Load(ctx context.Context, options Options) (*Plugin, error) {
	p := &Plugin{options: options.complete()}
	if err := p.load(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("plugin %q: %w", options.Name, err)
	}
	return p, nil
}

// complete are the options with what is not given.
func (o Options) complete() Options {
	o.Memory = cmp.Or(o.Memory, defaultMemory)
	o.Instances = cmp.Or(o.Instances, defaultInstances)
	o.CPU = cmp.Or(o.CPU, defaultCPU)
	o.Wall = cmp.Or(o.Wall, defaultWall)
	o.initTime = cmp.Or(o.initTime, defaultInitTime)
	o.initWall = cmp.Or(o.initWall, defaultInitWall)
	if o.Budget == nil {
		o.Budget = memory.NewBudget(math.MaxInt64)
	}
	if o.Codes == nil {
		o.Codes = new(Codes)
	}
	if o.Builder == nil {
		o.Builder = &source.Builder{Log: o.Log}
	}
	return o
}

func (p *Plugin) load(ctx context.Context) error {
	wasm, err := p.read(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if p.code, err = p.options.Codes.get(ctx, wasm, p.options.Cache); err != nil {
		return err
	}
	if p.code.uncached != nil {
		p.options.Log.Warn("compiled code is not kept for the next start", "plugin", p.options.Name, "error", p.code.uncached)
	}
	if err := p.check(); err != nil {
		return err
	}
	compiled := time.Since(start)

	p.host = host.NewPlugin(p.options.Name, p.options.Config, p.options.Grants, p.options.Log, p.options.Registry)
	p.pool = pool.NewBounded(pool.Options[*Instance]{
		Size: p.options.Instances, Wait: p.options.Wait,
		IdleFor: idleFor, MinIdle: 1,
		New: p.newInstance, Close: (*Instance).close, Returned: p.figures.add, Failed: p.notReplaced,
	})
	p.timers = newTimers(p)
	p.host.Timers = p.timers
	p.messages = newMessages(p)
	p.host.Messages = p.messages
	if err := p.initialise(); err != nil {
		return err
	}
	p.figures.register(p)
	p.options.Log.Info("plugin loaded", "plugin", p.options.Name,
		"compile", compiled.Round(time.Millisecond), "init", (time.Since(start) - compiled).Round(time.Millisecond))
	return nil
}

// initialise runs the plugin's initialisation, once, and makes the first
// instance.
func (p *Plugin) initialise() error {
	template, err := p.newInstance()
	if err != nil {
		return err
	}
	p.phases = template.phases
	p.snapshot, err = template.take()
	p.pool.Locked(func() { p.figures.add(template) })
	template.close()
	if err != nil {
		return err
	}
	first, err := p.pool.Get()
	if err != nil {
		return err
	}
	p.pool.Put(first)
	return nil
}

// Close ends the plugin. Instances that are still in use go on until they come
// back; the last one takes the plugin's code and memory with it.
func (p *Plugin) Close() { p.closing.Do(p.close) }

func (p *Plugin) close() {
	if p.pool == nil {
		p.free()
		return
	}
	p.messages.close()
	p.timers.close()
	p.pool.Close()
	select {
	case <-p.pool.Drained():
		p.free()
	default:
		go func() {
			<-p.pool.Drained()
			p.free()
		}()
	}
}

func (p *Plugin) free() {
	if p.snapshot != nil {
		p.snapshot.image.Close()
	}
	if p.code != nil {
		p.options.Codes.put(p.code)
	}
}

// Name is the plugin's name in the configuration.
func (p *Plugin) Name() string { return p.options.Name }

// Open tells whether a fault skips the plugin instead of failing the request.
func (p *Plugin) Open() bool { return p.options.Open }

// Phases are the phases that the plugin handles.
func (p *Plugin) Phases() abi.Mask { return p.phases }

func (p *Plugin) notReplaced(err error) {
	p.options.Log.Error("cannot replace an instance", "plugin", p.options.Name, "error", err)
}

// ErrMemory is the error of Acquire where the memories of all plugins together
// leave no room for one more.
var ErrMemory = errors.New("plugins have used up their memory (memory in [server.limits])")

// Acquire takes an instance for one exchange. The error is pool.ErrBusy after
// the wait, pool.ErrClosed, ErrMemory, ErrQuarantined, or that of making an
// instance.
func (p *Plugin) Acquire() (*Instance, error) { return p.AcquireAfter(func() {}) }

// AcquireAfter is Acquire, but calls announce first where that may take long: no
// instance is idle.
func (p *Plugin) AcquireAfter(announce func()) (*Instance, error) {
	if !p.quarantine.admit() {
		return nil, ErrQuarantined
	}
	if i, ok := p.pool.TryGet(); ok {
		return i, nil
	}
	announce()
	i, err := p.pool.Get()
	switch {
	case err == nil, errors.Is(err, pool.ErrBusy), errors.Is(err, pool.ErrClosed), errors.Is(err, ErrMemory):
	default:
		p.faulted() // the plugin's own: its initialisation has failed
	}
	return i, err
}

// Release gives an instance back. One that has had a fault is ended.
func (p *Plugin) Release(i *Instance) {
	i.call.End()
	if i.broken {
		p.faulted()
		p.pool.Discard(i)
		return
	}
	p.quarantine.served()
	if p.options.Fresh && !i.reset() {
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

// StopTimers ends the plugin's timers: each that is set runs once more at once,
// prematurely, and none can be started. It returns when all have run, or have
// been dropped because those before took more than five seconds.
func (p *Plugin) StopTimers() { p.timers.stop() }

// StopMessages ends the plugin's subscriptions. It returns when the message that
// runs, if any, has been dealt with; those that wait are dropped.
func (p *Plugin) StopMessages() { p.messages.stop() }

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
