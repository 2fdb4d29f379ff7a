package plugins

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"phasm/plugins/host"
	"phasm/plugins/memory"
	"phasm/plugins/meter"
	"phasm/sdk/abi"
)

// Instance is a module with a memory of its own. It serves one exchange at a
// time, from its first phase to log, on one goroutine at a time.
type Instance struct {
	call       host.Call
	plugin     *Plugin
	module     api.Module
	memory     linear
	numbers    []api.MutableGlobal // the mutable numbers among the module's globals
	phases     abi.Mask
	functions  [abi.NumPhases]api.Function // those that have been called
	callStacks [abi.NumPhases]callStack    // of these
	callStack  callStack                   // of the innermost function that runs
	output     output
	stack      [1]uint64
	depth      int // how many phases run, one inside of the other
	broken     bool
	counts     counts
}

// newInstance makes an instance: from the snapshot where there is one, else by
// running its initialisation.
func (p *Plugin) newInstance() (*Instance, error) {
	i := &Instance{plugin: p, call: host.Call{Context: context.Background(), Plugin: p.host, Phase: abi.Init}}
	i.output.call = &i.call
	i.call.Budget = host.Budget{CPU: p.options.initTime, Wall: p.options.initWall, Stack: i.stackSize, Turns: p.options.Turns}
	defer i.call.EndTurn()
	defer i.call.End()
	make := i.initialise
	if p.snapshot != nil {
		make = i.restore
	}
	if err := make(); err != nil {
		i.close()
		return nil, err
	}
	i.output.end()
	i.call.Budget.CPU, i.call.Budget.Wall = p.options.CPU, p.options.Wall
	return i, nil
}

// instantiate makes the module's instance with an empty memory, or one that
// shows an image.
func (i *Instance) instantiate(image *memory.Image) error {
	p := i.plugin
	declared := p.code.module.ExportedMemories()[abi.ExportMemory]
	most, _ := declared.Max()
	i.call.MostMemory = min(uint64(most), uint64(p.options.Memory/pageSize)) * pageSize
	var err error
	if i.memory.Memory, err = memory.New(p.options.Budget, image, i.call.MostMemory); err != nil {
		return err
	}
	if smallest := uint64(declared.Min()) * pageSize; smallest > 0 && i.memory.Reallocate(smallest) == nil {
		return ErrMemory
	}
	// WASI gives clocks, randomness and output: no files, no arguments, no
	// environment.
	config := wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions(). // initialise calls them
		WithStdout(&i.output).WithStderr(&i.output).
		WithSysWalltime().WithSysNanotime().
		WithNanosleep(func(ns int64) { i.call.Sleep(time.Duration(ns)) }).
		WithRandSource(&randomness{&i.call, rand.Reader})
	allocator := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return &i.memory })
	i.module, err = p.code.runtime.InstantiateModule(experimental.WithMemoryAllocator(&i.call, allocator), p.code.module, config)
	if err != nil {
		return fmt.Errorf("cannot initialise: %w", i.explain(err))
	}
	for n := range p.code.numbers {
		i.numbers = append(i.numbers, i.module.ExportedGlobal(meter.GlobalName(n)).(api.MutableGlobal))
	}
	return nil
}

// initialise makes the instance and runs all that a new instance runs.
func (i *Instance) initialise() error {
	if err := i.instantiate(nil); err != nil {
		return err
	}
	i.call.Begin()
	if i.plugin.code.hasStart {
		if _, err := i.ask(meter.Start, 0); err != nil {
			return fmt.Errorf("cannot initialise: %w", errors.Unwrap(err))
		}
	}
	if _, err := i.ask(abi.ExportInit, 0); err != nil {
		return err
	}
	version, err := i.ask(abi.ExportVersion, abi.Version)
	if err != nil {
		return err
	}
	if version != abi.Version {
		return fmt.Errorf("it speaks version %d of the ABI, this phasm version %d: build it with this phasm's SDK", version, abi.Version)
	}
	mask, err := i.ask(abi.ExportPhases, int32(abi.AllPhases))
	if err != nil {
		return err
	}
	exports := i.plugin.code.module.ExportedFunctions()
	for phase := range abi.NumPhases {
		if exports[phase.Export()] != nil && abi.Mask(mask).Has(phase) {
			i.phases |= phase.Mask()
		}
	}
	if i.phases == 0 {
		return errors.New("it handles no phase: register a handler in an init function, for example sdk.Content(answer)")
	}
	if _, err = i.Run(nil, abi.Init); err != nil {
		return fmt.Errorf("%s failed: %w", abi.Init.Export(), errors.Unwrap(err))
	}
	return nil
}

// ask calls an optional function of the module's that is no phase's.
func (i *Instance) ask(name string, otherwise int32) (int32, error) {
	f := i.module.ExportedFunction(name)
	if f == nil {
		return otherwise, nil
	}
	i.callStack = callStackOf(f)
	err := f.CallWithStack(&i.call, i.stack[:])
	i.callStack = nil
	if err != nil {
		return 0, fmt.Errorf("cannot call %s: %w", name, i.explain(err))
	}
	return api.DecodeI32(i.stack[0]), nil
}

// Begin makes the instance ready for an exchange it has not seen.
func (i *Instance) Begin() { i.call.BodyRead = 0 }

// Broken tells whether the instance has had a fault and must not run again. A
// nil instance is broken.
func (i *Instance) Broken() bool { return i == nil || i.broken }

// Run runs one phase for an exchange, which is nil in phases that see none. A
// phase that the plugin does not handle goes on. An error is a *Fault; the
// instance must not run again after it.
//
// A phase may run while another one of the same instance waits in a host
// call: a flush in content runs the body filter. What it takes counts for the
// outer one's limits.
func (i *Instance) Run(x *host.Exchange, phase abi.Phase) (abi.Action, error) {
	f := i.functions[phase]
	if f == nil {
		if !i.phases.Has(phase) {
			return abi.Continue, nil
		}
		f = i.module.ExportedFunction(phase.Export())
		i.functions[phase], i.callStacks[phase] = f, callStackOf(f)
	}
	outerPhase, outerExchange, outer := i.call.Phase, i.call.Exchange, i.callStack
	i.call.Phase, i.call.Exchange, i.call.Failure = phase, x, ""
	i.callStack = i.callStacks[phase]
	if i.depth > 0 {
		i.call.EndWait()
	} else if phase != abi.Init {
		i.call.Begin()
		i.memory.refused = 0
	}
	i.depth++
	start := i.counts.begin(phase)
	err := f.CallWithStack(&i.call, i.stack[:])
	i.counts.end(phase, start)
	i.dropStack(phase)
	if i.depth--; i.depth > 0 {
		i.call.BeginWait()
	} else {
		i.call.EndTurn()
		i.counts.cpu += i.call.Used()
	}
	if err != nil {
		err = i.explain(err)
	} else {
		i.output.end()
	}
	i.call.Phase, i.call.Exchange, i.callStack = outerPhase, outerExchange, outer

	action := abi.Action(api.DecodeI32(i.stack[0]))
	if err == nil && (action == abi.Continue || action == abi.Final) {
		return action, nil
	}
	switch {
	case err != nil:
	case x == nil && i.call.Failure != "":
		err = errors.New(i.call.Failure) // the guest has said why
	default:
		err = fmt.Errorf("it answered %d, which is neither 0 (go on) nor 1 (final)", action)
	}
	i.broken = true
	i.counts.errors[phase]++
	return abi.Final, &Fault{i.plugin.options.Name, phase, err}
}

// explain says how the guest has failed, and which limit it has met before: its
// memory's shows in the guest only.
func (i *Instance) explain(err error) error {
	var stopped *host.Stopped
	refused := i.memory.refused
	limited := refused > 0 && !errors.As(err, &stopped)
	err = i.output.explain(err)
	switch most := uint64(i.plugin.options.Memory); {
	case !limited:
		return err
	case refused > most:
		return fmt.Errorf("it asked for more than %s of memory, its limit (memory in [plugins.%s.limits]): %w", inUnits(most), i.plugin.options.Name, err)
	default:
		return fmt.Errorf("%w: %w", ErrMemory, err)
	}
}

// inUnits is a number of bytes as the configuration has it.
func inUnits(bytes uint64) string {
	if bytes%(1<<20) == 0 {
		return fmt.Sprintf("%dMiB", bytes>>20)
	}
	return fmt.Sprintf("%dKiB", bytes>>10)
}

func (i *Instance) close() {
	i.output.flush()
	if i.module != nil {
		i.module.Close(context.Background())
	}
	if i.memory.Memory != nil {
		i.memory.Memory.Free()
	}
}

// linear is an instance's memory as wazero sees it.
type linear struct {
	*memory.Memory
	shrunk  bool   // it has become smaller, which wazero does not know yet
	refused uint64 // the size that it was last refused in this call, in bytes; 0: none
}

// Reallocate grows the memory, or answers what it is like once it is shrunk.
func (l *linear) Reallocate(size uint64) []byte {
	if l.shrunk {
		l.shrunk = false
		size = l.Size()
	}
	grown := l.Memory.Reallocate(size)
	if grown == nil {
		l.refused = size
	}
	return grown
}

// Free does nothing. A guest that exits in a phase within another one makes
// wazero close its module, but the outer phase goes on for a while: the
// instance frees its memory itself.
func (*linear) Free() {}
