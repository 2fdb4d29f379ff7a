package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"phasm/plugins/host"
	"phasm/plugins/meter"
)

// maxModule is the largest module that is read, in bytes.
const maxModule = 256 << 20

// read gets the module's bytes, from a file or by building it.
func (p *Plugin) read(ctx context.Context) ([]byte, error) {
	if p.options.Path != "" {
		return readModule(p.options.Path)
	}
	wasm, _, err := p.options.Builder.Build(ctx, p.options.Source)
	return wasm, err
}

func readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no module at %s: build one with phasm build DIR -o %s", path, filepath.Base(path))
	case err != nil:
		return nil, fmt.Errorf("cannot read the module: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("cannot read the module: %s is not a file; a directory of Go source goes under source", path)
	case info.Size() > maxModule:
		return nil, fmt.Errorf("cannot read the module: %s has %d bytes, the limit is %d", path, info.Size(), int64(maxModule))
	}
	wasm, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the module: %w", err)
	}
	return wasm, nil
}

// Beginnings of files: a WebAssembly core module is the magic number and
// version 1; a component has the same magic number and layer 1.
var (
	magic     = []byte("\x00asm")
	core      = []byte("\x00asm\x01\x00\x00\x00")
	component = []byte("\x00asm\x0d\x00\x01\x00")
)

const (
	maxTable    = 1 << 18         // how many entries the tables of a module may have together
	compileTime = 2 * time.Minute // a stock Go module takes a second
)

// compile rewrites the module so that its use of the processor is metered,
// turns it into machine code and checks what it imports and exports. Each
// plugin has a runtime of its own: closing it frees everything, and wazero 1.12
// instantiates a module safely only on the runtime that compiled it.
func (p *Plugin) compile(ctx context.Context, wasm []byte) error {
	switch {
	case !bytes.HasPrefix(wasm, magic):
		return errors.New("this is not a WebAssembly module: it does not begin with \\0asm")
	case bytes.HasPrefix(wasm, component):
		return errors.New("this is a WebAssembly component; phasm runs core modules: build with a wasip1 target, not wasip2")
	case !bytes.HasPrefix(wasm, core):
		return errors.New("the module is of an unknown WebAssembly version; phasm runs version 1")
	}
	if err := p.newRuntime(ctx); err != nil {
		return err
	}
	metered, err := meter.Rewrite(wasm, meter.Options{MemoryPages: uint32(p.options.Memory / pageSize), TableEntries: maxTable})
	var limit *meter.LimitError
	switch {
	case errors.As(err, &limit) && limit.What == "memory":
		return fmt.Errorf("the module needs more memory than the plugin's limit: %w", err)
	case err != nil:
		return fmt.Errorf("the module cannot be used: %w", err)
	}
	// The compiler looks whether its time is over only where it has workers.
	ctx, cancel := context.WithTimeout(experimental.WithCompilationWorkers(ctx, 2), compileTime)
	defer cancel()
	if p.module, err = p.runtime.CompileModule(ctx, metered.Code); err != nil {
		return p.invalid(ctx, wasm, err)
	}
	p.numbers, p.hasStart = metered.Globals, metered.HasStart
	return p.check()
}

// invalid says what is wrong with a module in the words of the compiler for
// the module as it was, where it has any. Only a module that is within the
// limits may get here: others would keep the compiler busy for minutes.
func (p *Plugin) invalid(ctx context.Context, wasm []byte, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the module takes more than %v to compile: %w", compileTime, ctx.Err())
	}
	if _, original := p.runtime.CompileModule(ctx, wasm); original != nil {
		err = original
	}
	return fmt.Errorf("the module is not valid: %w", err)
}

// newRuntime makes the plugin's runtime with what modules may import.
func (p *Plugin) newRuntime(ctx context.Context) error {
	config := wazero.NewRuntimeConfig()
	if p.options.Cache != "" {
		cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(p.options.Cache, "code"))
		if err != nil {
			return fmt.Errorf("cannot use the cache: %w", err)
		}
		config = config.WithCompilationCache(cache)
		p.cache = cache
	}
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := host.Instantiate(ctx, p.runtime); err != nil {
		return err
	}
	return instantiateWASI(ctx, p.runtime)
}
