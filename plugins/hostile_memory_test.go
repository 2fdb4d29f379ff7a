package plugins

import (
	"errors"
	"strings"
	"testing"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/memory"
	"phasm/sdk/abi"
)

const maxPages = 1 << 16 // of any memory

// touch writes to every page of the machine's in the memory as it is.
func touch() []byte {
	const page = 4096
	return join(wt.I32Const(0), wt.LocalSet(0), wt.Loop(
		wt.LocalGet(0), wt.I32Const(1), wt.I32Store,
		wt.LocalGet(0), wt.I32Const(page), wt.I32Add, wt.LocalTee(0),
		wt.MemorySize, wt.I32Const(pageSize), wt.I32Mul, wt.I32Sub, wt.BrIf(0)))
}

// A guest that takes all the memory it can get gets no more than its limit. It
// is told so, and goes on; what it took comes back with its instance.
func TestAllocationBomb(t *testing.T) {
	wantNothingLeft(t)
	const limit, pages = 32 << 20, 32 << 20 / pageSize
	for _, fresh := range []bool{false, true} {
		budget := memory.NewBudget(1 << 30)
		m := wt.Plugin()
		m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32",
			wt.Loop(wt.I32Const(1), wt.MemoryGrow, wt.I32Const(1), wt.I32Add, wt.BrIf(0)), // until it answers -1
			touch(), wt.MemorySize, wt.I32Const(pages), wt.I32Sub, wt.If(wt.Unreachable), answers(0)))
		m.Phase("on_log", answers(0))
		p, _ := load(t, m, func(o *Options) {
			o.Memory, o.Budget, o.Fresh, o.CPU, o.Instances = limit, budget, fresh, 10*time.Second, 8
		})
		baseline, before := budget.Used(), residentSize(t)
		var all []*Instance
		for range 8 {
			i, err := p.Acquire()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, i)
			if _, err := i.Run(quiet(), abi.Content); err != nil {
				t.Errorf("fresh %v: %v", fresh, err)
			}
		}
		if used := budget.Used(); used != 8*limit {
			t.Errorf("fresh %v: the budget counts %d bytes, want %d", fresh, used, 8*limit)
		}
		for _, i := range all {
			p.Release(i)
		}
		switch used, size := budget.Used(), residentSize(t)-before; {
		case fresh && (used > 8*baseline || size > 16<<20):
			t.Errorf("after the exchanges the budget counts %d bytes, want at most %d; %d MiB in use", used, 8*baseline, size>>20)
		case fresh && p.pool.Stats().Discarded > 0:
			t.Error("an instance that has all of its memory is not reset")
		case !fresh && used != 8*limit:
			t.Errorf("instances that keep their memory count %d bytes, want %d", used, 8*limit)
		}
		wantWell(t, p)
		p.Close()
		if used := budget.Used(); used != 0 {
			t.Errorf("after the end the budget counts %d bytes", used)
		}
	}
}

// What one plugin has taken of the memory that all share does not fail the
// instances of another, but it gets no new ones.
func TestMemoryIsUsedUp(t *testing.T) {
	budget := memory.NewBudget(4 * pageSize)
	greedy := wt.Plugin()
	greedy.Phase("on_content", store(0, wt.I32Const(2), wt.MemoryGrow), store(4, wt.I32Const(1), wt.MemoryGrow), answers(0))
	other, _ := load(t, goodPlugin(), func(o *Options) { o.Budget = budget })
	p, _ := load(t, greedy, func(o *Options) { o.Budget = budget })
	i := acquire(t, p)
	if _, err := i.Run(quiet(), abi.Content); err != nil {
		t.Fatal(err)
	}
	if at(t, i, 0) != 1 || at(t, i, 4) != -1 {
		t.Errorf("growing answers %d and %d, want 1 and -1", at(t, i, 0), at(t, i, 4))
	}
	first := acquire(t, other)
	if _, err := first.Run(quiet(), abi.Content); err != nil {
		t.Error(err)
	}
	for range 2 * faultsInARow { // none of which is the plugin's own fault
		if _, err := other.Acquire(); !errors.Is(err, ErrMemory) {
			t.Fatalf("the error is %v", err)
		}
	}
}

// A guest that fails because it gets no more memory fails with the line of the
// configuration that says so, and only then.
func TestMemoryLimitIsNamed(t *testing.T) {
	const limit, trap = 4 * pageSize, "wasm error: unreachable in .on_content() i32"
	grow := func(pages int32) []byte { return join(wt.I32Const(pages), wt.MemoryGrow, wt.Drop) }
	for name, test := range map[string]struct {
		body   []byte
		max    int   // of the module's own
		budget int64 // 0: any amount
		want   string
	}{
		"the plugin's":          {join(grow(4), wt.Unreachable), maxPages, 0, "it asked for more than 256KiB of memory, its limit (memory in [plugins.p.limits]): " + trap},
		"by a lot":              {join(grow(1000), wt.Unreachable), maxPages, 0, "it asked for more than 256KiB of memory, its limit (memory in [plugins.p.limits]): " + trap},
		"that of all":           {join(grow(3), wt.Unreachable), maxPages, 2 * pageSize, "plugins have used up their memory (memory in [server.limits]): " + trap},
		"its module's own":      {join(grow(2), wt.Unreachable), 2, 0, trap},
		"none":                  {join(grow(3), wt.Unreachable), maxPages, 0, trap},
		"and then that of time": {join(grow(4), endless(), answers(0)), maxPages, 0, outOfCPU},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			m.Memory(1, test.max)
			m.Phase("on_rewrite", grow(100), answers(0)) // which it survives
			m.Phase("on_content", test.body)
			p, _ := load(t, m, withShortCPU, func(o *Options) {
				if o.Memory = limit; test.budget > 0 {
					o.Budget = memory.NewBudget(test.budget)
				}
			})
			i := acquire(t, p)
			if _, err := i.Run(quiet(), abi.Rewrite); err != nil {
				t.Fatal(err)
			}
			_, err := i.Run(quiet(), abi.Content)
			wantFault(t, err, abi.Content, test.want)
		})
	}
}

// So it is before the first request.
func TestMemoryLimitIsNamedInInit(t *testing.T) {
	const limit = "it asked for more than 2MiB of memory, its limit (memory in [plugins.p.limits]): wasm error: unreachable in "
	for export, want := range map[string]string{
		"_initialize": "cannot call _initialize: " + limit + ".f()",
		"on_init":     "on_init failed: " + limit + ".f() i32",
	} {
		m := wt.Plugin()
		typ := wt.Phase
		if export == "_initialize" {
			typ = wt.Void
		}
		m.Export(export, m.Func("f", typ, wt.I32Const(100), wt.MemoryGrow, wt.Drop, wt.Unreachable))
		m.Phase("on_content", answers(0))
		o, _ := options(t, m.Bytes())
		o.Memory = 2 << 20
		wantLoadError(t, o, want)
	}
}

// A guest that makes references to functions without end takes nothing of the
// host's for them.
func TestReferenceBomb(t *testing.T) {
	m := wt.Plugin()
	f := m.Func("f", wt.Void)
	m.Table(f)
	m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32", wt.Times(200_000, 0, wt.RefFunc(f), wt.Drop), answers(0)))
	p, _ := load(t, m, func(o *Options) { o.CPU = 10 * time.Second })
	i := acquire(t, p)
	before := heap()
	for range 5 {
		if _, err := i.Run(quiet(), abi.Content); err != nil {
			t.Fatal(err)
		}
	}
	const most = 1 << 20
	if more := heap() - before; more > most {
		t.Errorf("a million of them take %d KiB of the host's memory", more>>10)
	}
}

// Tables count, too: they are not part of the memory.
func TestTableBomb(t *testing.T) {
	m := wt.Plugin()
	m.TableOf(0)
	m.Phase("on_content", store(0, wt.RefNull, wt.I32Const(maxTable), wt.TableGrow(0)),
		store(4, wt.RefNull, wt.I32Const(1), wt.TableGrow(0)), store(8, wt.RefNull, wt.I32Const(-1), wt.TableGrow(0)), answers(0))
	p, _ := load(t, m)
	i := acquire(t, p)
	if _, err := i.Run(quiet(), abi.Content); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int32{0, -1, -1} {
		if got := at(t, i, uint32(n)*4); got != want {
			t.Errorf("growth %d answers %d, want %d", n, got, want)
		}
	}
	o, _ := options(t, pluginWith(func(m *wt.Module) { m.TableOf(maxTable + 1) }))
	wantLoadError(t, o, "the module cannot be used: its table begins with 262145 entries, the limit is 262144")
}

// What a guest has broken of its own before it failed is gone with its
// instance: the next one is whole.
func TestGuestThatDestroysItself(t *testing.T) {
	wantNothingLeft(t)
	m := wt.Plugin()
	m.Memory(4)
	const stackPointer = 3 * pageSize
	global := m.Global(stackPointer)
	m.Data(100, "constant")
	m.Phase("on_content", // overwrites all of its memory and its stack pointer, then fails
		wt.I32Const(0), wt.I32Const(0xff), wt.I32Const(4*pageSize), wt.MemoryFill, wt.I32Const(-1), wt.GlobalSet(global),
		wt.GlobalGet(global), wt.I32Load)
	m.Phase("on_log", // fails unless all is as it was
		wt.I32Const(100), wt.I32Load, wt.I32Const(0x736e6f63), wt.I32Sub, wt.GlobalGet(global), wt.I32Const(stackPointer), wt.I32Sub,
		wt.I32Add, wt.I32Const(200), wt.I32Load, wt.I32Add, wt.If(wt.Unreachable), answers(0))
	p, _ := load(t, m, func(o *Options) { o.Instances = 1; o.Wait = late })
	for range 10 {
		wantFault(t, runOnce(t, p, abi.Content), abi.Content, "wasm error: out of bounds memory access")
		wantWell(t, p)
	}
}

// Arguments of WASI's functions that would keep the host busy.
func TestWASIRefusesBombs(t *testing.T) {
	const invalid, fault = 28, 21
	for _, test := range []struct {
		function, params string
		args             []uint64
		errno            uint64
	}{
		{"fd_write", "i32 i32 i32 i32", []uint64{1, 0, 1 << 20, 8}, invalid},
		{"fd_write", "i32 i32 i32 i32", []uint64{1, 0, 1 << 29, 8}, invalid}, // times 8 is 0 in 32 bits
		{"fd_read", "i32 i32 i32 i32", []uint64{0, 0, 1 << 29, 8}, invalid},
		{"fd_pread", "i32 i32 i32 i64 i32", []uint64{0, 0, 1 << 29, 0, 8}, invalid},
		{"poll_oneoff", "i32 i32 i32 i32", []uint64{0, 0, 89478486, 8}, invalid}, // times 48 is 32
		{"poll_oneoff", "i32 i32 i32 i32", []uint64{0, 0, 1 << 28, 8}, invalid},  // times 48 is 0
		{"random_get", "i32 i32", []uint64{0, 1 << 31}, fault},
		{"path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", []uint64{0, 0, 0, 1 << 31, 0, 0, 0, 0, 0}, 54},
	} {
		t.Run(test.function, func(t *testing.T) {
			_, answer, err := callWASI(t, wt.Plugin(), test.function, test.params, test.args)
			if err != nil || answer[0] != test.errno {
				t.Errorf("%v answers %v, %v, want %d", test.args, answer, err, test.errno)
			}
		})
	}
}
