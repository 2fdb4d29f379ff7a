package meter_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	wt "phasm/plugins/internal/wasmtest"
)

// Large copies are done in chunks: over each other, up to the memory's end and
// beyond it, they must do what one instruction does.
func TestBulk(t *testing.T) {
	const pages = 12
	three := wt.Sig("i32 i32 i32", "")
	arguments := bytes.Join([][]byte{wt.LocalGet(0), wt.LocalGet(1), wt.LocalGet(2)}, nil)
	m := &wt.Module{}
	m.Memory(pages)
	m.ExportMemory("memory")
	m.Passive(string(bytes.Repeat([]byte("0123456789abcde"), 20_000)))
	for name, code := range map[string][]byte{"fill": {0xfc, 11, 0}, "copy": {0xfc, 10, 0, 0}, "init": {0xfc, 8, 0, 0}} {
		m.Export(name, m.Func(name, three, arguments, code))
	}
	guests := map[variant]api.Module{}
	for _, v := range []variant{unmetered, metered} {
		r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigCompiler())
		defer r.Close(t.Context())
		guest, err := instantiate(t.Context(), r, m.Bytes(), v, "guest")
		if err != nil {
			t.Fatal(err)
		}
		guests[v] = guest
	}
	r := rand.New(rand.NewPCG(1, 2))
	// Numbers near the borders of chunks and of the memory.
	near := func() uint64 {
		borders := []uint32{0, 4 << 10, 64 << 10, 2 * 64 << 10, 300_000, pages << 16, 1 << 31, 0xffffffff}
		return uint64(borders[r.IntN(len(borders))] + uint32(r.IntN(5)) - 2)
	}
	within := func(n int) uint64 { return uint64(r.IntN(n)) }
	for i := range 3000 {
		to, from, size := within(pages<<16), within(pages<<16), within(5*64<<10)
		switch i % 4 {
		case 0:
			to, from, size = near(), near(), near()
		case 1:
			from = to + within(200) - 100
		case 2:
			size = near()
		}
		name := []string{"fill", "copy", "init"}[r.IntN(3)]
		var outcomes [2]string
		for v, guest := range guests {
			_, err := guest.ExportedFunction(name).Call(t.Context(), to, from, size)
			if err != nil {
				outcomes[v] = firstLine(err)
			}
		}
		call := fmt.Sprintf("%s(%d, %d, %d)", name, to, from, size)
		if outcomes[unmetered] != outcomes[metered] {
			t.Fatalf("%s: metered: %q, unmetered: %q", call, outcomes[metered], outcomes[unmetered])
		}
		want, _ := guests[unmetered].Memory().Read(0, pages<<16)
		got, _ := guests[metered].Memory().Read(0, pages<<16)
		if !bytes.Equal(got, want) {
			t.Fatalf("after %s the memories differ", call)
		}
	}
}
