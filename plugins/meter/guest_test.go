// Tests of rewritten guests are left out under the race detector: compiling
// them takes ten times as long there, and no goroutines share anything.

package meter_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"phasm/plugins/meter"
	"phasm/plugins/source"
)

// variant is how a guest is run.
type variant int

const (
	unmetered    variant = iota
	metered              // rewritten
	closedOnDone         // by wazero's own time limit
)

// slice is how many steps refill hands out where nothing else is said.
const slice = 10_000

// options are caps that no guest of these tests reaches.
var options = meter.Options{TableEntries: 1 << 24}

// instantiate runs a WASI guest up to, but without, _initialize.
func instantiate(ctx context.Context, r wazero.Runtime, wasm []byte, v variant, name string) (api.Module, error) {
	wasm, err := prepare(ctx, r, wasm, v)
	if err != nil {
		return nil, err
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err != nil {
		return nil, err
	}
	return m, start(ctx, m)
}

// prepare gives a runtime what a WASI guest imports, and answers its code.
func prepare(ctx context.Context, r wazero.Runtime, wasm []byte, v variant) ([]byte, error) {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil || v != metered {
		return wasm, err
	}
	rewritten, err := meter.Rewrite(wasm, options)
	if err != nil {
		return nil, err
	}
	return rewritten.Code, instantiateRefill(ctx, r, func() int32 { return slice })
}

// instantiateRefill gives a runtime the module that metered ones import.
func instantiateRefill(ctx context.Context, r wazero.Runtime, refill func() int32) error {
	f := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = api.EncodeI32(refill()) })
	_, err := r.NewHostModuleBuilder(meter.RefillModule).
		NewFunctionBuilder().WithGoModuleFunction(f, nil, []api.ValueType{api.ValueTypeI32}).Export(meter.RefillName).
		Instantiate(ctx)
	return err
}

// start does what instantiating an unmetered module does by itself.
func start(ctx context.Context, m api.Module) error {
	f := m.ExportedFunction(meter.Start)
	if f == nil {
		return nil
	}
	_, err := f.Call(ctx)
	return err
}

// buildGo builds a package by phasm's own builder, with the cache of the
// program's tests: they need the examples as well.
func buildGo(tb testing.TB, folder string) []byte {
	tb.Helper()
	b := &source.Builder{Cache: filepath.Join(os.TempDir(), "phasm-test-cache", "phasm", "build")}
	wasm, _, err := b.Build(tb.Context(), folder)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}

// buildC builds a reactor with wasi-libc.
func buildC(tb testing.TB, file string) []byte {
	tb.Helper()
	return build(tb, filepath.Dir(file), "clang-19", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wall", "-Werror", filepath.Base(file))
}

// build runs a compiler in a folder and answers the module that it writes.
// Where the compiler is missing the test is skipped, but fails in CI.
func build(tb testing.TB, folder, compiler string, args ...string) []byte {
	tb.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal(err)
		}
		tb.Skip(err, "(make deps installs it where it can)")
	}
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command(compiler, append(args, "-o", out)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s in %s: %v\n%s", compiler, folder, err, output)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}

// specFolder is where wazero keeps the specification's tests.
func specFolder(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("cannot find wazero's source: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
}

// firstLine is an error without the backtrace that follows.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
