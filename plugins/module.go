package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
