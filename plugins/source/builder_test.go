package source_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"phasm/plugins/source"
)

const goMod = "module plugin.test/hello\n\ngo 1.24\n"

// A plugin that imports nothing is the fastest to build.
const mainGo = `package main

//go:wasmexport on_content
func onContent() int32 { return answer }

func main() {}
`

const answerGo = "package main\n\nconst answer = 1\n"

// plugin writes a plugin and returns its directory.
func plugin(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hello")
	write(t, dir, "go.mod", goMod)
	write(t, dir, "main.go", mainGo)
	write(t, dir, "answer.go", answerGo)
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// build builds and checks whether it came from the cache.
func build(t testing.TB, b *source.Builder, dir string, wantBuilt bool) []byte {
	t.Helper()
	wasm, built, err := b.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if built != wantBuilt {
		t.Fatalf("built = %v, want %v", built, wantBuilt)
	}
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		t.Fatalf("not a module: %.20q", wasm)
	}
	return wasm
}

func TestModuleKeepsFunctionNames(t *testing.T) {
	wasm := build(t, &source.Builder{}, plugin(t), true)
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	defer r.Close(t.Context())
	m, err := r.CompileModule(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	f := m.ExportedFunctions()["on_content"]
	if f == nil {
		t.Fatalf("on_content is not exported: %v", m.ExportedFunctions())
	}
	if name := f.Name(); name != "on_content" && !strings.Contains(name, "onContent") {
		t.Errorf("function name = %q, want the one of the source: is the name section gone?", name)
	}
	if m.ExportedFunctions()["_initialize"] == nil {
		t.Error("the module is a command, want a reactor, which exports _initialize")
	}
}

func TestBuildInsideOfPhasm(t *testing.T) {
	build(t, &source.Builder{Cache: t.TempDir()}, "testdata/inside", true)
}

// What the log says: a build before and after, nothing when cached.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	b := &source.Builder{
		Cache: t.TempDir(),
		Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if slices.Contains([]string{slog.MessageKey, slog.LevelKey}, a.Key) {
				return a
			}
			return slog.Attr{}
		}})),
	}
	dir := plugin(t)
	build(t, b, dir, true)
	build(t, b, dir, false)
	want := "level=INFO msg=\"building plugin source\"\nlevel=INFO msg=\"built plugin source\"\n"
	if out.String() != want {
		t.Errorf("log:\n%swant:\n%s", &out, want)
	}
}

func TestBuildFile(t *testing.T) {
	b := &source.Builder{Cache: t.TempDir()}
	dir, to := plugin(t), t.TempDir()
	out := filepath.Join(to, "hello.wasm")
	if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.BuildFile(t.Context(), dir, out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := build(t, b, dir, false); !bytes.Equal(got, want) {
		t.Error("the file is not the module")
	}
	if entries, _ := os.ReadDir(to); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	missing := filepath.Join(to, "no", "hello.wasm")
	err = b.BuildFile(t.Context(), dir, missing)
	if err == nil || !strings.HasPrefix(err.Error(), `cannot write module "`+missing) {
		t.Errorf("into a missing directory: %v", err)
	}
}

// Goroutines share one build; builders that know nothing of each other, like
// processes with one cache, do not disturb each other.
func TestConcurrentBuilds(t *testing.T) {
	dir, cache := plugin(t), t.TempDir()
	builders := []*source.Builder{{Cache: cache}, {Cache: cache}, {Cache: cache}}
	const each = 4
	type result struct {
		wasm  []byte
		built bool
		err   error
	}
	results := make([][each]result, len(builders))
	var wg sync.WaitGroup
	for i, b := range builders {
		for j := range each {
			wg.Go(func() {
				r := &results[i][j]
				r.wasm, r.built, r.err = b.Build(t.Context(), dir)
			})
		}
	}
	wg.Wait()
	for i := range builders {
		built := 0
		for _, r := range results[i] {
			if r.err != nil {
				t.Fatal(r.err)
			}
			if !bytes.Equal(r.wasm, results[0][0].wasm) {
				t.Error("modules differ")
			}
			if r.built {
				built++
			}
		}
		if built > 1 {
			t.Errorf("one builder built %d times, want at most once", built)
		}
	}
	build(t, &source.Builder{Cache: cache}, dir, false)
}

func TestCancel(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "started")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Skipf("cannot make a named pipe: %v", err)
	}
	dir := plugin(t)
	b := &source.Builder{Cache: t.TempDir(), Go: script(t, "echo > '"+fifo+"'; exec tail -f /dev/null")}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, _, err := b.Build(ctx, dir)
		failed <- err
	}()
	if _, err := os.ReadFile(fifo); err != nil { // blocks until the command runs
		t.Fatal(err)
	}

	waiting, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := b.Build(waiting, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for the other build: %v, want context.Canceled", err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("building: %v, want context.Canceled", err)
	}
}

// script makes a go command of shell commands.
func script(t testing.TB, commands string) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("this test needs a POSIX shell")
	}
	name := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+commands+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// What a machine builds, another can check: paths do not get into the module.
func TestReproducible(t *testing.T) {
	b := &source.Builder{}
	if !bytes.Equal(build(t, b, plugin(t), true), build(t, b, plugin(t), true)) {
		t.Error("two directories with the same source make different modules")
	}
}
