package meter_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	wt "phasm/plugins/internal/wasmtest"
)

// FuzzRewrite rewrites what may be no module at all. It must not panic, nor
// take long or much memory. What wazero compiles can be rewritten, unless it
// is beyond a limit, and compiles again; what it does not stays so.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Add(environment())
	for seed := range uint64(20) {
		f.Add(generate(seed))
	}
	g := goModule()
	g.FuncWithLocals("f", wt.Sig("", "i64"), "i32", enter, inFrame(16), wt.I64Const(5), i64Store, inFrame(8), i64Load,
		move, wt.LocalGet(0), wt.I64Const(7), i64Store)
	f.Add(g.Bytes())
	for seed := range uint64(10) {
		j := jumping{random: rand.New(rand.NewPCG(seed, 1)), pieces: 2 + int(seed)}
		f.Add(j.module().Bytes())
	}
	files, err := filepath.Glob(filepath.Join(specFolder(f), "v2", "testdata", "*.wasm"))
	if err != nil || len(files) == 0 {
		f.Fatal("no modules of the specification's tests", err)
	}
	for i := 0; i < len(files); i += 20 {
		wasm, err := os.ReadFile(files[i])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wasm)
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) > 64<<10 {
			return // it would take long to compile
		}
		m, err := rewriteWithin(t, wasm)
		switch {
		case err == nil && compiles(t, m.Code):
			if plain := wt.WithoutCustoms(wasm); !compiles(t, plain) {
				t.Errorf("it is not valid, but becomes so: %x", plain)
			}
		case err != nil && strings.Contains(err.Error(), "ends in the middle"):
			// wazero would reserve memory for entries that are only announced.
		case err != nil && limited(err):
		case compiles(t, wasm):
			t.Errorf("it is valid, but rewriting: %v", err)
		}
	})
}

func compiles(t *testing.T, wasm []byte) bool {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
	defer r.Close(t.Context())
	_, err := r.CompileModule(t.Context(), wasm)
	return err == nil
}

// limited tells whether a valid module was refused on purpose.
func limited(err error) bool {
	for _, words := range []string{"the limit is", "the most", "reserved"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}
