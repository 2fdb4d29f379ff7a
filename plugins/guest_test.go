package plugins

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"phasm/plugins/internal/wasmtest"
	"phasm/plugins/metric"
)

// logLines collects what is logged.
type logLines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// all are the lines logged so far, without their times.
func (l *logLines) all(t testing.TB) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(l.b.Bytes())); decoder.More(); {
		line := map[string]any{}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

// options are those of a plugin called p, loaded from a file with this module.
func options(t testing.TB, wasm []byte) (Options, *logLines) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.wasm")
	if err := os.WriteFile(path, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logLines{}
	return Options{
		Name: "p", Path: path, Instances: 4,
		Log:      slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: metric.NewRegistry(),
	}, log
}

// load loads a module as the plugin p, with options changed by each of with.
func load(t testing.TB, m *wasmtest.Module, with ...func(*Options)) (*Plugin, *logLines) {
	t.Helper()
	o, log := options(t, m.Bytes())
	for _, change := range with {
		change(&o)
	}
	p, err := Load(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, log
}

// acquire takes an instance, ready for an exchange, until the test ends.
func acquire(t testing.TB, p *Plugin) *Instance {
	t.Helper()
	i, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	i.Begin()
	t.Cleanup(func() { p.Release(i) })
	return i
}
