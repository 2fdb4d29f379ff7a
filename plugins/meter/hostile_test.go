package meter_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/meter"
)

// Modules of which some bytes are damaged, or that end early, are refused or
// not; what matters is that rewriting them does no harm.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for seed := range uint64(200) {
		whole := generate(seed)
		for range 50 {
			wasm := slices.Clone(whole)
			for range 1 + r.IntN(3) {
				wasm[8+r.IntN(len(wasm)-8)] = byte(r.Uint32())
			}
			if r.IntN(4) == 0 {
				wasm = wasm[:r.IntN(len(wasm))]
			}
			rewriteWithin(t, wasm)
		}
	}
}

// Modules that say much in few bytes.
func TestBombs(t *testing.T) {
	functions := func(n int, body ...[]byte) []byte {
		var a assembler
		a.section(1, wt.Void)
		a.section(3, slices.Repeat([][]byte{{0}}, n)...)
		a.section(10, slices.Repeat([][]byte{sized(slices.Concat(body...))}, n)...)
		return a.bytes()
	}
	var data [][]byte
	for i := range 20_000 {
		data = append(data, slices.Concat([]byte{0, 0x41}, signed(int64(i)*4000), []byte{0x0b, 1, 'x'}))
	}
	var far assembler
	far.section(5, []byte{0, 0x80, 0x20})
	far.section(11, data...)
	var branches []byte
	for i := range 400 {
		branches = append(branches, 0x20, byte(i%100), 0x0d, 0)
	}
	locals := func(n int) []byte { return slices.Concat([]byte{1}, number(n), []byte{i32}) }
	for name, wasm := range map[string][]byte{
		"data far apart":    far.bytes(),
		"locals":            functions(1000, locals(50_000), end),
		"locals and a loop": functions(1000, locals(50_000), loop, br(0), end, end),
		"branches back":     functions(10, locals(100), loop, branches, end, end),
		"loops in loops":    functions(1, locals(0), repeat(400, loop), repeat(400, yes, brIf(0), end), end),
		"blocks in blocks":  functions(1, locals(0), repeat(40_000, block), repeat(40_000, end), end),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := rewriteWithin(t, wasm)
			if err == nil && len(m.Code) > 64<<10+20*len(wasm) {
				t.Errorf("%d bytes became %d", len(wasm), len(m.Code))
			}
		})
	}
}

// rewriteWithin rewrites a module within bounds of time and memory that are
// in proportion to its size.
func rewriteWithin(t *testing.T, wasm []byte) (*meter.Module, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	m, err := meter.Rewrite(wasm, options)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if took > time.Second {
		t.Errorf("%d bytes took %v", len(wasm), took)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20+200*uint64(len(wasm)) {
		t.Errorf("%d bytes took %d bytes of memory", len(wasm), used)
	}
	return m, err
}
