package plugins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"phasm/plugins/host"
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

// overLimit is how wazero says that a memory is larger than the runtime
// allows. It has no type for that error.
const overLimit = "over limit of"

// compile turns the module into machine code and checks what it imports and
// exports. Each plugin has a runtime of its own: its memory limit holds for it
// alone, closing it frees everything, and wazero 1.12 instantiates a module
// safely only on the runtime that compiled it.
func (p *Plugin) compile(ctx context.Context, wasm []byte) error {
	switch {
	case !bytes.HasPrefix(wasm, magic):
		return errors.New("this is not a WebAssembly module: it does not begin with \\0asm")
	case bytes.HasPrefix(wasm, component):
		return errors.New("this is a WebAssembly component; phasm runs core modules: build with a wasip1 target, not wasip2")
	case !bytes.HasPrefix(wasm, core):
		return errors.New("the module is of an unknown WebAssembly version; phasm runs version 1")
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(uint32(p.options.Memory / pageSize))
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
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return fmt.Errorf("cannot set up WASI: %w", err)
	}
	module, err := p.runtime.CompileModule(ctx, wasm)
	switch {
	case err != nil && strings.Contains(err.Error(), overLimit):
		return fmt.Errorf("the module needs more memory than the plugin's limit: %w", err)
	case err != nil:
		return fmt.Errorf("the module is not valid: %w", err)
	}
	p.module = module
	return p.check()
}
