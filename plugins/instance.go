package plugins

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// Instance is a module with a memory of its own. It serves one exchange at a
// time, from its first phase to log, on one goroutine at a time.
type Instance struct {
	call      host.Call
	plugin    *Plugin
	module    api.Module
	phases    abi.Mask
	functions [abi.NumPhases]api.Function
	output    output
	stack     [1]uint64
	broken    bool
	counts    counts
}

// newInstance makes an instance and runs its initialisation.
func (p *Plugin) newInstance() (*Instance, error) {
	i := &Instance{plugin: p, call: host.Call{Context: context.Background(), Plugin: p.host, Phase: abi.Init}}
	i.output.call = &i.call
	if err := i.start(); err != nil {
		i.close()
		return nil, err
	}
	i.output.end()
	return i, nil
}

func (i *Instance) start() error {
	// WASI gives clocks, randomness and output: no files, no arguments, no
	// environment.
	config := wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions(). // _initialize is called below
		WithStdout(&i.output).WithStderr(&i.output).
		WithSysWalltime().WithSysNanotime().
		WithNanosleep(func(ns int64) { i.call.Sleep(time.Duration(ns)) }).
		WithRandSource(rand.Reader)
	module, err := i.plugin.runtime.InstantiateModule(&i.call, i.plugin.module, config)
	if err != nil {
		return fmt.Errorf("cannot initialise: %w", i.output.explain(err))
	}
	i.module = module
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
	for phase := range abi.NumPhases {
		if f := module.ExportedFunction(phase.Export()); f != nil && abi.Mask(mask).Has(phase) {
			i.functions[phase] = f
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
	if err := f.CallWithStack(&i.call, i.stack[:]); err != nil {
		return 0, fmt.Errorf("cannot call %s: %w", name, i.output.explain(err))
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
// call: a flush in content runs the body filter.
func (i *Instance) Run(x *host.Exchange, phase abi.Phase) (abi.Action, error) {
	f := i.functions[phase]
	if f == nil {
		return abi.Continue, nil
	}
	outerPhase, outerExchange := i.call.Phase, i.call.Exchange
	i.call.Phase, i.call.Exchange, i.call.Failure = phase, x, ""
	start := i.counts.begin(phase)
	err := f.CallWithStack(&i.call, i.stack[:])
	i.counts.end(phase, start)
	if err != nil {
		err = i.output.explain(err)
	} else {
		i.output.end()
	}
	i.call.Phase, i.call.Exchange = outerPhase, outerExchange

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

func (i *Instance) close() {
	i.output.flush()
	if i.module != nil {
		i.module.Close(context.Background())
	}
}
