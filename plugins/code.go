package plugins

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"phasm/plugins/host"
	"phasm/plugins/meter"
)

// Codes holds the machine code of plugins. Those that are loaded from the same
// module share it: a reload makes anew only what has changed. The zero value
// is ready; it is safe for concurrent use.
type Codes struct {
	mu   sync.Mutex
	made map[codeKey]*code
}

// codeKey is all that the code depends on.
type codeKey struct {
	module [sha256.Size]byte
	cache  string // a directory for compiled code
}

// code is a module that is ready to be instantiated, in a runtime of its own:
// closing that frees everything, and wazero 1.12 instantiates a module safely
// only on the runtime that compiled it.
type code struct {
	key      codeKey
	users    int // guarded by Codes.mu
	making   sync.Once
	err      error // of making it
	cache    wazero.CompilationCache
	runtime  wazero.Runtime
	uncached error // why there is no cache, where there should be one
	module   wazero.CompiledModule
	numbers  int  // how many of the module's globals are mutable numbers
	hasStart bool // the module has data segments or a start function
}

// get makes the code of a module, or finds it. It is the caller's until put.
func (c *Codes) get(ctx context.Context, wasm []byte, cache string) (*code, error) {
	key := codeKey{sha256.Sum256(wasm), cache}
	c.mu.Lock()
	found := c.made[key]
	if found == nil {
		found = &code{key: key}
		if c.made == nil {
			c.made = make(map[codeKey]*code)
		}
		c.made[key] = found
	}
	found.users++
	c.mu.Unlock()
	found.making.Do(func() { found.err = found.compile(ctx, wasm) })
	if found.err != nil {
		c.put(found)
		return nil, found.err
	}
	return found, nil
}

// put gives code back. It is freed when nobody uses it any more.
func (c *Codes) put(used *code) {
	c.mu.Lock()
	used.users--
	last := used.users == 0
	if last {
		delete(c.made, used.key)
	}
	c.mu.Unlock()
	if last {
		used.free()
	}
}

func (c *code) free() {
	if c.runtime != nil {
		c.runtime.Close(context.Background())
	}
	if c.cache != nil {
		c.cache.Close(context.Background())
	}
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

// compile rewrites the module so that its use of the processor is metered and
// turns it into machine code.
func (c *code) compile(ctx context.Context, wasm []byte) error {
	switch {
	case !bytes.HasPrefix(wasm, magic):
		return errors.New("this is not a WebAssembly module: it does not begin with \\0asm")
	case bytes.HasPrefix(wasm, component):
		return errors.New("this is a WebAssembly component; phasm runs core modules: build with a wasip1 target, not wasip2")
	case !bytes.HasPrefix(wasm, core):
		return errors.New("the module is of an unknown WebAssembly version; phasm runs version 1")
	}
	if err := c.newRuntime(ctx, c.key.cache); err != nil {
		return err
	}
	metered, err := meter.Rewrite(wasm, meter.Options{TableEntries: maxTable})
	if err != nil {
		return fmt.Errorf("the module cannot be used: %w", err)
	}
	// The compiler looks whether its time is over only where it has workers.
	ctx, cancel := context.WithTimeout(experimental.WithCompilationWorkers(ctx, 2), compileTime)
	defer cancel()
	c.module, err = c.runtime.CompileModule(ctx, metered.Code)
	if err != nil && c.cache != nil && ctx.Err() == nil {
		// A disk that is full, read-only or broken, or the module after all: then
		// it is no better without a cache.
		c.uncached = err
		c.free()
		if err := c.newRuntime(ctx, ""); err != nil {
			return err
		}
		c.module, err = c.runtime.CompileModule(ctx, metered.Code)
	}
	if err != nil {
		return c.invalid(ctx, wasm, err)
	}
	c.numbers, c.hasStart = metered.Globals, metered.HasStart
	return nil
}

// invalid says what is wrong with a module in the words of the compiler for
// the module as it was, where it has any. Only a module that is within the
// limits may get here: others would keep the compiler busy for minutes.
func (c *code) invalid(ctx context.Context, wasm []byte, err error) error {
	switch cause := ctx.Err(); cause {
	case nil:
	case context.DeadlineExceeded:
		return fmt.Errorf("the module takes more than %v to compile: %w", compileTime, cause)
	default:
		return fmt.Errorf("the module was still being compiled: %w", cause)
	}
	if _, original := c.runtime.CompileModule(ctx, wasm); original != nil {
		err = original
	}
	return fmt.Errorf("the module is not valid: %w", err)
}

// newRuntime makes the runtime with what modules may import. It does without a
// cache that cannot be used.
func (c *code) newRuntime(ctx context.Context, cache string) error {
	config := wazero.NewRuntimeConfig()
	c.cache = nil
	if cache != "" {
		if c.cache, c.uncached = wazero.NewCompilationCacheWithDir(filepath.Join(cache, "code")); c.uncached == nil {
			config = config.WithCompilationCache(c.cache)
		}
	}
	c.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := host.Instantiate(ctx, c.runtime); err != nil {
		return err
	}
	return instantiateWASI(ctx, c.runtime)
}
