package memory

import (
	"bytes"
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	wt "phasm/plugins/internal/wasmtest"
)

// engineMemory tells an engine that a memory has shrunk: the engine takes the
// answer to its next request to grow for the whole truth.
type engineMemory struct {
	*Memory
	shrunk bool
}

// Reallocate implements experimental.LinearMemory.
func (e *engineMemory) Reallocate(size uint64) []byte {
	if e.shrunk {
		e.shrunk = false
		return all(e.Memory)
	}
	return e.Memory.Reallocate(size)
}

// A guest of wazero's starts from an image, grows, is reset, and sees the
// smaller memory: where it went on to believe in the larger one, its next
// access would end the process.
func TestGuest(t *testing.T) {
	load := []byte{0x28, 2, 0}             // address → i32
	store := []byte{0x36, 2, 0}            // address, i32
	growing := []byte{0x40, 0}             // pages → pages before
	const declared, imaged, most = 1, 3, 6 // pages
	guest := &wt.Module{}
	guest.Memory(declared, most+1) // the page more is never granted
	guest.ExportMemory("memory")
	guest.Export("load", guest.Func("load", wt.Sig("i32", "i32"), wt.LocalGet(0), load))
	guest.Export("store", guest.Func("store", wt.Sig("i32 i32", ""), wt.LocalGet(0), wt.LocalGet(1), store))
	guest.Export("grow", guest.Func("grow", wt.Sig("i32", "i32"), wt.LocalGet(0), growing))

	each(t, func(t *testing.T, k kind) {
		ctx := context.Background()
		first := k.memory(t, plenty(), nil, imaged, most)
		pattern(all(first), 1)
		want := bytes.Clone(all(first))

		b := NewBudget(most * pageSize)
		memory := &engineMemory{}
		allocate := experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
			memory.Memory = k.memory(t, b, k.imageOf(t, first), 0, most)
			return memory
		})
		runtime := wazero.NewRuntime(ctx)
		defer runtime.Close(ctx)
		module, err := runtime.Instantiate(experimental.WithMemoryAllocator(ctx, allocate), guest.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		seen := module.Memory()
		call := func(name string, args ...uint64) (int32, error) {
			results, err := module.ExportedFunction(name).Call(ctx, args...)
			if len(results) == 0 {
				return 0, err
			}
			return api.DecodeI32(results[0]), err
		}

		if _, ok := seen.Grow(imaged - declared); !ok || seen.Size() != imaged*pageSize {
			t.Fatalf("it cannot grow to the image's size, it has %d bytes", seen.Size())
		}
		for range 3 {
			if got, ok := seen.Read(0, imaged*pageSize); !ok || !bytes.Equal(got, want) {
				t.Fatal("it does not show the image")
			}
			if before, err := call("grow", most-imaged); before != imaged || err != nil {
				t.Fatalf("grow answers %d, error %v", before, err)
			}
			if before, err := call("grow", 1); before != -1 || err != nil {
				t.Fatalf("grow beyond the maximum answers %d, error %v", before, err)
			}
			const last = most*pageSize - 4
			if got, err := call("load", last); got != 0 || err != nil {
				t.Fatalf("the last bytes are %d, error %v", got, err)
			}
			for _, at := range []uint64{8, last} {
				if _, err := call("store", at, 77); err != nil {
					t.Fatal(err)
				}
				if got, err := call("load", at); got != 77 || err != nil {
					t.Fatalf("the bytes at %d are %d, error %v", at, got, err)
				}
			}
			if err := memory.Reset(); err != nil {
				t.Fatal(err)
			}
			memory.shrunk = true
			seen.Grow(1)
			if seen.Size() != imaged*pageSize || b.Used() != imaged*pageSize {
				t.Fatalf("reset, it has %d bytes, %d of the budget", seen.Size(), b.Used())
			}
			if _, err := call("load", last); err == nil {
				t.Error("the guest reaches what is gone")
			}
		}
		module.Close(ctx)
		if b.Used() != 0 {
			t.Errorf("closed, %d bytes of the budget are used", b.Used())
		}
	})
}
