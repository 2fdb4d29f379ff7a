package plugins

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"phasm/plugins/host"
)

const wasiModule = "wasi_snapshot_preview1"

// Errors of WASI's.
const (
	wasiBadDescriptor  = 8
	wasiInvalid        = 28
	wasiNotADirectory  = 54
	wasiLastDescriptor = 2 // standard error
)

// maxBuffers is how many buffers one call may read or write and how many events
// it may wait for, as in Linux. A guest may pass as many as its memory holds, and
// nothing could stop the call in between.
const maxBuffers = 1024

// instantiateWASI makes what plugins get of WASI importable: clocks, randomness
// and output, as wazero has them, but so that they count for the call's budget
// and leave no trace in the instance.
func instantiateWASI(ctx context.Context, r wazero.Runtime) error {
	original := r.NewHostModuleBuilder(wasiModule)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(original)
	compiled, err := original.Compile(ctx)
	if err != nil {
		return fmt.Errorf("cannot set up WASI: %w", err)
	}
	defer compiled.Close(ctx)
	module := r.NewHostModuleBuilder(wasiModule)
	for name, f := range compiled.ExportedFunctions() {
		module.NewFunctionBuilder().
			WithGoModuleFunction(guarded(name, f.GoFunction().(api.GoModuleFunction)), f.ParamTypes(), f.ResultTypes()).
			Export(name)
	}
	if _, err := module.Instantiate(ctx); err != nil {
		return fmt.Errorf("cannot set up WASI: %w", err)
	}
	return nil
}

// guarded is a function of WASI's as plugins get it.
func guarded(name string, f api.GoModuleFunction) api.GoModuleFunc {
	switch {
	case name == "fd_close":
		return closeDescriptor
	case strings.HasPrefix(name, "path_"):
		return noDirectory
	}
	count := -1 // which parameter says how many buffers there are
	switch name {
	case "fd_read", "fd_write", "fd_pread", "fd_pwrite", "sock_recv", "sock_send", "poll_oneoff":
		count = 2
	}
	return func(ctx context.Context, m api.Module, stack []uint64) {
		ctx.(*host.Call).Called()
		if count >= 0 && uint32(stack[count]) > maxBuffers {
			stack[0] = wasiInvalid
			return
		}
		f.Call(ctx, m, stack)
	}
}

// closeDescriptor closes nothing: an instance's output has to last for its
// next exchange.
func closeDescriptor(_ context.Context, _ api.Module, stack []uint64) {
	if uint32(stack[0]) > wasiLastDescriptor {
		stack[0] = wasiBadDescriptor
		return
	}
	stack[0] = 0
}

// noDirectory answers that the first descriptor is no directory, before the
// path is looked at.
func noDirectory(_ context.Context, _ api.Module, stack []uint64) {
	if uint32(stack[0]) > wasiLastDescriptor {
		stack[0] = wasiBadDescriptor
		return
	}
	stack[0] = wasiNotADirectory
}

// randomness reads from a source of random bytes in portions, between which
// the guest that asked for them can be stopped.
type randomness struct {
	call   *host.Call
	source io.Reader
}

// Read reads at most a portion: wazero goes on until it has all.
func (r *randomness) Read(p []byte) (int, error) {
	r.call.Look()
	return r.source.Read(p[:min(len(p), maxRandom)])
}

// maxRandom is how many random bytes are read at once; 64 KiB take about 0.1
// ms.
const maxRandom = 64 << 10
