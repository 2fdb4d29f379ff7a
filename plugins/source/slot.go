package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	manifestName   = "manifest.json"
	manifestFormat = 1
	workPrefix     = "build-"
	// workLife is how long a build's work directory is left alone: an older
	// one belongs to a process that died.
	workLife = time.Hour
)

// manifest says how the module beside it came about.
type manifest struct {
	Format int     `json:"format"`
	Source string  `json:"source"` // the source directory
	Go     string  `json:"go"`     // identity of the go command
	Inputs *inputs `json:"inputs"`
	Sum    string  `json:"sum"` // of the inputs; the module's file is named after it
	Size   int     `json:"size"`
	CRC    uint32  `json:"crc"` // CRC-32C of the module
}

// slot is the cache's folder for one source directory. The empty slot
// remembers nothing.
type slot string

func slotOf(cache, source string) (slot, error) {
	if cache == "" {
		return "", nil
	}
	cache, err := filepath.Abs(cache) // the go command runs elsewhere
	sum := sha256.Sum256([]byte(source))
	return slot(filepath.Join(cache, hex.EncodeToString(sum[:16]))), err
}

func (s slot) module(sum string) string { return filepath.Join(string(s), sum+".wasm") }

// load returns the module if it is what a build would make now, and what it
// was made from.
func (s slot) load(c *command) ([]byte, *inputs, bool) {
	if s == "" {
		return nil, nil, false
	}
	var m manifest
	text, err := os.ReadFile(filepath.Join(string(s), manifestName))
	if err != nil || json.Unmarshal(text, &m) != nil || m.Format != manifestFormat || m.Source != c.dir || m.Inputs == nil {
		return nil, nil, false
	}
	// Without a go command there is nothing that would build it otherwise.
	if id := c.identity(); id != "" && id != m.Go {
		return nil, nil, false
	}
	if m.Sum != m.Inputs.sum(c.settings()) {
		return nil, nil, false
	}
	wasm, err := os.ReadFile(s.module(m.Sum))
	if err != nil || len(wasm) != m.Size || checksum(wasm) != m.CRC {
		return nil, nil, false
	}
	m.Inputs.built = m.Sum
	return wasm, m.Inputs, true
}

// checksum finds damage, not malice: who can write the module can write the
// manifest too. So CRC-32C will do, in a tenth of the time of SHA-256.
func checksum(wasm []byte) uint32 {
	return crc32.Checksum(wasm, crc32.MakeTable(crc32.Castagnoli))
}

// build runs the go command and keeps what comes out. The inputs are those it
// has found, nil where it found none; a build that fails has some, too.
func (s slot) build(ctx context.Context, c *command) ([]byte, *inputs, error) {
	if s != "" {
		if err := os.MkdirAll(string(s), 0o700); err != nil {
			return nil, nil, fmt.Errorf("cannot make the build cache: %w", err)
		}
	}
	work, err := os.MkdirTemp(string(s), workPrefix)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a directory to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()

	in, err := listInputs(ctx, c)
	if err != nil {
		return nil, in, err
	}
	m := manifest{Format: manifestFormat, Source: c.dir, Go: c.identity(), Inputs: in, Sum: in.sum(c.settings())}
	in.built = m.Sum
	out := filepath.Join(work, "plugin.wasm")
	if _, err := c.run(ctx, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-o", out, "."); err != nil {
		return nil, in, err
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, in, err
	}
	m.Size, m.CRC = len(wasm), checksum(wasm)
	// Source edited while the compiler read it makes a module of nobody knows
	// which version: good to run once, not to remember.
	if s != "" && m.Sum == in.sum(c.settings()) {
		if err := s.keep(&m, out); err != nil {
			return nil, in, fmt.Errorf("cannot write to the build cache: %w", err)
		}
	}
	return wasm, in, nil
}

// keep moves the built file into the slot, writes the manifest, which makes
// it count, and then drops what earlier builds have left.
func (s slot) keep(m *manifest, built string) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	if err := os.Rename(built, s.module(m.Sum)); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(string(s), manifestName), text, 0o600); err != nil {
		return err
	}
	entries, err := os.ReadDir(string(s))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(string(s), e.Name())
		info, err := e.Info()
		switch {
		case err != nil: // another process was faster
		case strings.HasSuffix(path, ".wasm") && path != s.module(m.Sum):
			_ = os.Remove(path)
		case strings.HasPrefix(e.Name(), workPrefix) && time.Since(info.ModTime()) > workLife:
			_ = os.RemoveAll(path)
		}
	}
	return nil
}

// writeFile writes a file that appears whole or not at all, also to others
// who write the same one.
func writeFile(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Chmod(mode); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
