package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Builder builds plugins from source. Its zero value works, without a cache.
// It is safe for concurrent use; the fields must not change meanwhile.
type Builder struct {
	// Cache is the directory of the build cache, made with mode 0700 where
	// it is missing. Without one every Build runs the go command.
	Cache string
	// Go is the go command; empty is "go", looked up on PATH.
	Go string
	// Env is the environment of the go command; nil is the process's own.
	// GOOS, GOARCH and CGO_ENABLED are set on top of it, GOFLAGS and
	// everything else is left as it is.
	Env []string
	// Log hears what is built and how long it took; nil is silence.
	Log *slog.Logger

	mu       sync.Mutex
	building map[string]chan struct{} // by source directory; closed when the build is over
	inputs   map[string]*inputs       // by source directory, of its last build
	warm     bool                     // a build has run; held by whom lock gave firstBuild to
}

// Build returns the module of the plugin whose main package is in dir, from
// the cache where nothing has changed since it was built there, and tells
// whether it had to be built. Goroutines that ask for the same directory
// share one build.
//
// The error names dir and carries the compiler's own lines where it was the
// compiler that refused. When ctx ends, the go command is stopped and the
// error wraps ctx's.
func (b *Builder) Build(ctx context.Context, dir string) (wasm []byte, built bool, err error) {
	wasm, built, err = b.build(ctx, dir)
	if err != nil {
		return nil, false, fmt.Errorf("cannot build plugin source %q: %w", dir, err)
	}
	return wasm, built, nil
}

// BuildFile is what `phasm build DIR -o x.wasm` does: it builds the plugin in
// dir, like Build and with the same cache, into the file out. The file appears
// whole or not at all, with mode 0644, and replaces one that is there; its
// directory must exist. What it holds depends on the source and the toolchain
// alone, not on where it was built.
func (b *Builder) BuildFile(ctx context.Context, dir, out string) error {
	wasm, _, err := b.Build(ctx, dir)
	if err != nil {
		return err
	}
	if err := writeFile(out, wasm, 0o644); err != nil {
		return fmt.Errorf("cannot write module %q: %w", out, err)
	}
	return nil
}

func (b *Builder) build(ctx context.Context, dir string) ([]byte, bool, error) {
	abs, err := resolve(dir)
	if err != nil {
		return nil, false, err
	}
	unlock, err := b.lock(ctx, abs)
	if err != nil {
		return nil, false, err
	}
	defer unlock()

	cmd := b.command(dir, abs)
	slot, err := slotOf(b.Cache, abs)
	if err != nil {
		return nil, false, err
	}
	if wasm, in, ok := slot.load(cmd); ok {
		b.learn(abs, in)
		b.log().Debug("plugin source is unchanged", "source", dir)
		return wasm, false, nil
	}
	begun, err := b.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer begun()
	b.log().Info("building plugin source", "source", dir)
	start := time.Now()
	wasm, in, err := slot.build(ctx, cmd)
	b.learn(abs, in)
	if err != nil {
		return nil, false, err
	}
	b.log().Info("built plugin source", "source", dir,
		"in", time.Since(start).Round(time.Millisecond), "bytes", len(wasm))
	return wasm, true, nil
}

// resolve is the physical path of a source directory: the go command reports
// package directories below the path it was started in, and symbolic links
// on the way would make two of one.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	abs, err = filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is no such directory")
	}
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(abs)
	if info, e := os.Stat(abs); e == nil && !info.IsDir() {
		return "", errors.New("it is a file; name the directory of its package")
	}
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && visible(e.Name()) {
			return abs, nil
		}
	}
	return "", errors.New("there are no Go files in it")
}

// firstBuild is what the first build locks beside its directory.
const firstBuild = ""

// begin lets the first build run alone: it compiles the standard library for
// all of them. On a machine that has never built for WebAssembly, builds side
// by side would each compile it.
func (b *Builder) begin(ctx context.Context) (done func(), err error) {
	unlock, err := b.lock(ctx, firstBuild)
	if err != nil {
		return nil, err
	}
	if b.warm {
		unlock()
		return func() {}, nil
	}
	return func() {
		b.warm = true
		unlock()
	}, nil
}

// lock waits until no other goroutine builds dir, and holds the others off
// until unlock is called.
func (b *Builder) lock(ctx context.Context, dir string) (unlock func(), err error) {
	for {
		b.mu.Lock()
		busy, ok := b.building[dir]
		if !ok {
			break
		}
		b.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer b.mu.Unlock()
	if b.building == nil {
		b.building = make(map[string]chan struct{})
	}
	done := make(chan struct{})
	b.building[dir] = done
	return func() {
		b.mu.Lock()
		delete(b.building, dir)
		b.mu.Unlock()
		close(done)
	}, nil
}

func (b *Builder) log() *slog.Logger {
	if b.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return b.Log
}
