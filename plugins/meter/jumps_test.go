package meter_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// The locals and globals of the functions that jumping makes: as stock Go
// has them, and what tells what has happened.
const (
	selectorLocal = 0
	spLocal       = 1
	spGlobal      = 0
	traced        = 1 // a number that tells which pieces have run in which order
	left          = 2 // how many may yet run
	made          = 3 // how many there have been
)

// jumping is a function as stock Go's compiler writes it, of pieces that jump about
// at random.
type jumping struct {
	random *rand.Rand
	pieces int
	called int // the function that it calls
}

// code is the function's body.
func (j *jumping) code() []byte {
	var pieces [][]byte
	for i := range j.pieces {
		pieces = append(pieces, j.piece(i))
	}
	labels := []int{0} // the table has some numbers twice
	for i := range j.pieces {
		labels = append(labels, i)
	}
	inner := slices.Concat(wt.LocalGet(selectorLocal), wt.BrTable(labels...))
	for _, p := range pieces {
		inner = slices.Concat(wt.Block(inner), p)
	}
	return slices.Concat(wt.GlobalGet(spGlobal), wt.LocalSet(spLocal),
		wt.Block(wt.Loop(inner), wt.Unreachable), wt.I32Const(1))
}

// told is what the table is told to lead to a piece.
func told(piece int) int32 { return int32(piece) + 1 }

// piece notes that it runs, and goes on somewhere.
func (j *jumping) piece(i int) []byte {
	dispatch := j.pieces - 1 - i
	jump := func(depth int) []byte {
		return slices.Concat(wt.I32Const(told(j.random.IntN(j.pieces))), wt.LocalSet(selectorLocal), wt.Br(dispatch+depth))
	}
	done := slices.Concat(wt.I32Const(0), wt.Return)
	code := slices.Concat(
		wt.GlobalGet(traced), wt.I32Const(31), wt.I32Mul, wt.I32Const(told(i)), wt.I32Add, wt.GlobalSet(traced),
		wt.GlobalGet(left), wt.I32Const(1), wt.I32Sub, wt.GlobalSet(left),
		wt.GlobalGet(left), wt.I32Eqz, wt.If(done))
	call := func(depth int, after int) []byte { // what Go's compiler writes around one
		return slices.Concat(wt.LocalGet(spLocal), wt.I32Const(8), wt.I32Sub, wt.LocalTee(spLocal), wt.GlobalSet(spGlobal),
			wt.LocalGet(spLocal), wt.I64Const(int64(told(after))), i64Store,
			wt.I32Const(0), wt.Call(j.called), wt.GlobalGet(spGlobal), wt.LocalSet(spLocal), wt.BrIf(dispatch+1+depth))
	}
	chance := func(percent int) bool { return j.random.IntN(100) < percent }
	if i+1 < j.pieces && chance(20) {
		return slices.Concat(code, call(0, i+1))
	}
	if chance(20) { // never: it would be a nil pointer
		code = slices.Concat(code, wt.I32Const(0), wt.If(call(1, i)))
	}
	for range j.random.IntN(3) {
		condition := slices.Concat(wt.GlobalGet(traced), wt.I32Const(int32(1+j.random.IntN(7))), wt.I32And)
		if chance(20) {
			code = slices.Concat(code, condition, wt.If(wt.GlobalGet(traced), wt.I32Const(7), wt.I32Add, wt.GlobalSet(traced), jump(1)))
		} else {
			code = slices.Concat(code, condition, wt.If(jump(1)))
		}
	}
	switch {
	case i+1 < j.pieces && chance(50): // it falls
	case chance(10):
		code = slices.Concat(code, done)
	default:
		code = slices.Concat(code, jump(0))
	}
	return code
}

// module has the function, and one that it calls: that unwinds the stack now and
// then, for the function to be resumed at the address that it has put there.
func (j *jumping) module() *wt.Module {
	m := goModule()
	for range 3 {
		m.Global(0)
	}
	j.called = m.Func("called", wt.Sig("i32", "i32"),
		wt.GlobalGet(made), wt.I32Const(1), wt.I32Add, wt.GlobalSet(made),
		wt.GlobalGet(made), wt.I32Const(3), wt.I32And, wt.I32Eqz,
		wt.If(wt.I32Const(1), wt.Return), // the return address stays on the stack
		wt.GlobalGet(spGlobal), wt.I32Const(8), wt.I32Add, wt.GlobalSet(spGlobal),
		wt.I32Const(0))
	m.Export("f", m.FuncWithLocals("f", wt.Sig("i32", "i32"), "i32", j.code()))
	m.Export("trace", m.Func("trace", wt.Sig("", "i32"), wt.GlobalGet(traced)))
	m.Export("pop", m.Func("pop", wt.Sig("", "i32"), wt.GlobalGet(spGlobal), wt.I32Load,
		wt.GlobalGet(spGlobal), wt.I32Const(8), wt.I32Add, wt.GlobalSet(spGlobal)))
	m.Export("fill", m.Func("fill", wt.Sig("i32", ""), wt.LocalGet(0), wt.GlobalSet(left)))
	return m
}

// run calls the function until it is done, resuming it where it has been left, and
// answers the trace.
func (j *jumping) run(t *testing.T, m api.Module) (trace uint64) {
	t.Helper()
	call := func(name string, args ...uint64) uint64 {
		got, err := m.ExportedFunction(name).Call(t.Context(), args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return append(got, 0)[0]
	}
	call("fill", 300)
	for at := uint64(0); call("f", at) == 1; {
		at = call("pop")
	}
	return call("trace")
}

// TestJumps runs functions whose pieces jump about, calls that unwind the stack
// among them: they must do what they did.
func TestJumps(t *testing.T) {
	t.Parallel()
	changed := 0
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 0))
		j := jumping{random: random, pieces: 2 + random.IntN(14)}
		m := j.module()
		r := wazero.NewRuntime(t.Context())
		plain, err := r.Instantiate(t.Context(), m.Bytes())
		if err != nil {
			t.Fatalf("%d: %v", seed, err)
		}
		g := newMetering(t, m, options)
		if want, got := j.run(t, plain), j.run(t, g.instance); got != want {
			t.Fatalf("%d: a function of %d pieces runs them in another order: %#x, want %#x", seed, j.pieces, got, want)
		}
		r.Close(t.Context())
		if dispatched := slices.Concat(wt.LocalGet(selectorLocal), []byte{0x0e}); !bytes.Contains(g.Code, dispatched) ||
			bytes.Count(g.Code, []byte{0x03, 0x40}) != bytes.Count(m.Bytes(), []byte{0x03, 0x40}) {
			changed++
		}
	}
	if changed < 100 {
		t.Errorf("only %d of the functions have loops or can do without the table", changed)
	}
}

// However many pieces jump about, it does not take long to rewrite them.
func TestJumpsOfManyPieces(t *testing.T) {
	j := jumping{random: rand.New(rand.NewPCG(1, 2)), pieces: 2000}
	if _, err := rewriteWithin(t, j.module().Bytes()); err != nil {
		t.Error(err)
	}
}

// TestJumpsRewritten looks at what becomes of a loop.
func TestJumpsRewritten(t *testing.T) {
	to := func(piece int32, label int) []byte {
		return slices.Concat(wt.I32Const(piece), wt.LocalSet(selectorLocal), wt.Br(label))
	}
	note := func(i int32) []byte { return slices.Concat(wt.I32Const(100+i), wt.GlobalSet(traced)) }
	table := slices.Concat(wt.LocalGet(selectorLocal), wt.BrTable(0, 1, 2, 3))
	function := slices.Concat(wt.GlobalGet(spGlobal), wt.LocalSet(spLocal), wt.Loop(
		wt.Block(wt.Block(wt.Block(wt.Block(table),
			note(0), to(2, 3)), // to the condition
			note(1)), // the loop's body falls into
			note(2), wt.GlobalGet(traced), wt.If(to(1, 2))),
		note(3), wt.I32Const(0), wt.Return), wt.Unreachable)
	want := slices.Concat([]byte{0x02, 0x40}, wt.Block(note(0), wt.Br(0)), // in the place of the loop by the table
		[]byte{0x03, 0x40, 0x02, 0x40}, wt.Block(note(2), wt.GlobalGet(traced), wt.BrIf(1)),
		note(3), wt.I32Const(0))
	m := goModule()
	m.Global(0)
	m.Export("f", m.FuncWithLocals("f", wt.Sig("i32", "i32"), "i32", function))
	r, err := meter.Rewrite(m.Bytes(), options)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(r.Code, want) {
		t.Errorf("the function became\n%x\nwant\n%x", r.Code, want)
	}
}

// Go's own tests of packages that panic, recover and switch between goroutines a
// lot pass in a module that has been rewritten.
func TestGoPackages(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"text/template", "sync"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "package.wasm")
			build := exec.Command("go", "test", "-c", "-vet=off", "-o", file, name)
			build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wasm, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			folder := filepath.Join(string(bytes.TrimSpace(root)), "src", filepath.FromSlash(name))
			if out, err := runGoTests(t, wasm, folder); err != nil || !bytes.HasSuffix(out, []byte("PASS\n")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// runGoTests runs the tests of a Go package in its folder, rewritten.
func runGoTests(t *testing.T, wasm []byte, folder string) (out []byte, err error) {
	t.Helper()
	ctx := t.Context()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	if wasm, err = prepare(ctx, r, wasm, metered); err != nil {
		return nil, err
	}
	var written bytes.Buffer
	config := wazero.NewModuleConfig().WithStartFunctions().WithArgs("test", "-test.short", "-test.run=^Test").WithStdout(&written).WithStderr(&written).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithEnv("PWD", folder).WithFSConfig(wazero.NewFSConfig().WithReadOnlyDirMount("/", "/"))
	m, err := r.InstantiateWithConfig(ctx, wasm, config)
	if err != nil {
		return nil, err
	}
	if err := start(ctx, m); err != nil {
		return nil, err
	}
	_, err = m.ExportedFunction("_start").Call(ctx)
	if exit, ok := errors.AsType[*sys.ExitError](err); ok && exit.ExitCode() == 0 {
		err = nil
	}
	return written.Bytes(), err
}
