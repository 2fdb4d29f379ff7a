package plugins

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// inits are how often the plugin's init has said so.
func inits(t *testing.T, log *logLines) (n int) {
	t.Helper()
	for _, line := range log.all(t) {
		if line["msg"] == "init" {
			n++
		}
	}
	return n
}

// saysInit adds an on_init that logs it and then does something.
func saysInit(m *wt.Module, log int, body ...[]byte) {
	m.Data(1000, "init")
	m.Phase("on_init", wt.I32Const(1), wt.I32Const(1000), wt.I32Const(4), wt.Call(log), wt.Drop, join(body...), answers(0))
}

func importLog(m *wt.Module) int { return m.Import("phasm", "log", wt.Sig("i32 i32 i32", "i32")) }

// Initialisation runs once. Every instance finds what it has left, and none
// what another instance has done since.
func TestInstancesBeginAtTheSnapshot(t *testing.T) {
	m := wt.Plugin()
	m.Memory(1, 10)
	log := importLog(m)
	global := m.Global(0)
	m.Data(0, "\x01\x00\x00\x00")
	saysInit(m, log, count(0), wt.I32Const(7), wt.GlobalSet(global), wt.I32Const(3), wt.MemoryGrow, wt.Drop,
		store(3*pageSize, wt.I32Const(9)))
	m.Phase("on_content", count(0), store(4, wt.GlobalGet(global)), store(8, wt.MemorySize), count(3*pageSize),
		wt.I32Const(70), wt.GlobalSet(global), wt.I32Const(1), wt.MemoryGrow, wt.Drop, answers(0))
	p, lines := load(t, m, func(o *Options) { o.Instances = 8 })
	var working sync.WaitGroup
	for range 8 {
		i := acquire(t, p)
		working.Go(func() {
			if _, err := i.Run(quiet(), abi.Content); err != nil {
				t.Error(err)
				return
			}
			for _, want := range []struct {
				address uint32
				value   int32
			}{{0, 3}, {4, 7}, {8, 4}, {3 * pageSize, 10}} {
				if got := at(t, i, want.address); got != want.value {
					t.Errorf("at %d is %d, want %d", want.address, got, want.value)
				}
			}
		})
	}
	working.Wait()
	if n := inits(t, lines); n != 1 {
		t.Errorf("init has run %d times", n)
	}
}

// status lets the guest answer what is on the stack, as the response's status
// beyond 200: its memory may be gone when the test looks.
func status(set int, value ...[]byte) []byte {
	return join(join(value...), wt.I32Const(200), wt.I32Add, wt.Call(set), wt.Drop, answers(0))
}

// What one exchange does to its instance, and how the next would notice. Each
// function builds the two; look leaves a number.
var traces = []struct {
	name   string
	shared bool // an instance that is shared keeps it
	change func(m *wt.Module) (leave, look []byte)
}{
	{"memory", true, func(*wt.Module) (leave, look []byte) {
		return store(100, wt.I32Const(5)), join(wt.I32Const(100), wt.I32Load)
	}},
	{"memory that has data", true, func(m *wt.Module) (leave, look []byte) {
		m.Data(100, "\x01\x00\x00\x00")
		return store(100, wt.I32Const(5)), join(wt.I32Const(100), wt.I32Load)
	}},
	{"global", true, func(m *wt.Module) (leave, look []byte) {
		g := m.Global(3)
		return join(wt.I32Const(5), wt.GlobalSet(g)), wt.GlobalGet(g)
	}},
	{"size of the memory", true, func(*wt.Module) (leave, look []byte) {
		return join(wt.I32Const(1), wt.MemoryGrow, wt.Drop), wt.MemorySize
	}},
	{"memory that has grown", true, func(*wt.Module) (leave, look []byte) {
		grow := join(wt.I32Const(2), wt.MemoryGrow, wt.Drop)
		return join(grow, store(5*pageSize, wt.I32Const(5))), join(grow, wt.I32Const(5*pageSize), wt.I32Load)
	}},
	{"all of the memory", true, func(*wt.Module) (leave, look []byte) {
		return join(wt.I32Const(12), wt.MemoryGrow, wt.Drop, store(15*pageSize, wt.I32Const(5))), wt.MemorySize
	}},
	{"table", true, func(m *wt.Module) (leave, look []byte) {
		m.TableOf(2)
		m.PassiveElements(m.Next())
		f := m.Func("f", wt.Void)
		return join(wt.I32Const(1), wt.RefFunc(f), wt.TableSet(0)), join(wt.I32Const(1), wt.TableGet(0), wt.RefIsNull)
	}},
	{"table by table.init", true, func(m *wt.Module) (leave, look []byte) {
		m.TableOf(2)
		m.PassiveElements(m.Next())
		m.Func("f", wt.Void)
		return join(wt.I32Const(1), wt.I32Const(0), wt.I32Const(1), wt.TableInit(0)), join(wt.I32Const(1), wt.TableGet(0), wt.RefIsNull)
	}},
	{"size of a table", true, func(m *wt.Module) (leave, look []byte) {
		m.TableOf(2)
		grow := join(wt.RefNull, wt.I32Const(1), wt.TableGrow(0))
		return join(grow, wt.Drop), grow
	}},
	{"global that holds a function", true, func(m *wt.Module) (leave, look []byte) {
		g := m.GlobalFunc()
		m.PassiveElements(m.Next())
		f := m.Func("f", wt.Void)
		return join(wt.RefFunc(f), wt.GlobalSet(g)), join(wt.GlobalGet(g), wt.RefIsNull)
	}},
	{"standard output", false, func(m *wt.Module) (leave, look []byte) {
		closed := m.Import(wasiModule, "fd_close", wt.Sig("i32", "i32"))
		state := m.Import(wasiModule, "fd_fdstat_get", wt.Sig("i32 i32", "i32"))
		return join(wt.I32Const(1), wt.Call(closed), wt.Drop), join(wt.I32Const(1), wt.I32Const(0), wt.Call(state))
	}},
	{"flags of standard output", false, func(m *wt.Module) (leave, look []byte) {
		set := m.Import(wasiModule, "fd_fdstat_set_flags", wt.Sig("i32 i32", "i32"))
		state := m.Import(wasiModule, "fd_fdstat_get", wt.Sig("i32 i32", "i32"))
		return join(wt.I32Const(1), wt.I32Const(1), wt.Call(set), wt.Drop),
			join(wt.I32Const(1), wt.I32Const(200), wt.Call(state), wt.Drop, wt.I32Const(200), wt.I32Load)
	}},
	{"other numbers of descriptors", false, func(m *wt.Module) (leave, look []byte) {
		renumber := m.Import(wasiModule, "fd_renumber", wt.Sig("i32 i32", "i32"))
		state := m.Import(wasiModule, "fd_fdstat_get", wt.Sig("i32 i32", "i32"))
		return join(wt.I32Const(1), wt.I32Const(5), wt.Call(renumber), wt.Drop), join(wt.I32Const(5), wt.I32Const(0), wt.Call(state))
	}},
	{"the request's body", false, func(m *wt.Module) (leave, look []byte) {
		read := m.Import("phasm", "request_body_read", wt.Sig("i32 i32", "i32"))
		return join(wt.I32Const(100), wt.I32Const(3), wt.Call(read), wt.Drop), join(wt.I32Const(100), wt.I32Const(3), wt.Call(read))
	}},
	{"the context", false, func(m *wt.Module) (leave, look []byte) {
		set := m.Import("phasm", "ctx_set", wt.Sig("i32 i32 i32 i32", "i32"))
		get := m.Import("phasm", "ctx_get", wt.Sig("i32 i32 i32 i32", "i32"))
		return join(wt.I32Const(0), wt.I32Const(1), wt.I32Const(0), wt.I32Const(4), wt.Call(set), wt.Drop),
			join(wt.I32Const(0), wt.I32Const(1), wt.I32Const(0), wt.I32Const(4), wt.Call(get), wt.I32Eqz)
	}},
	{"a large stack", false, func(m *wt.Module) (leave, look []byte) {
		f := m.Next()
		m.Func("down", wt.Sig("i32", ""), wt.LocalGet(0), wt.If(wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(f)))
		return join(wt.I32Const(10_000), wt.Call(f)), wt.I32Const(0)
	}},
}

// With an instance for each request, as init left it, no exchange leaves a
// trace in the next.
func TestFreshInstancesShowNoTrace(t *testing.T) {
	for _, test := range traces {
		for _, fresh := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, fresh %v", test.name, fresh), func(t *testing.T) {
				m := wt.Plugin()
				m.Memory(4, 16)
				set := m.Import("phasm", "response_set_status", wt.Sig("i32", "i32"))
				leave, look := test.change(m)
				m.Phase("on_content", leave, answers(0))
				m.Phase("on_access", status(set, look))
				p, _ := load(t, m, func(o *Options) { o.Fresh, o.Instances, o.Wait = fresh, 1, late })
				looked := func() int {
					t.Helper()
					i, err := p.Acquire()
					if err != nil {
						t.Fatal(err)
					}
					defer p.Release(i)
					i.Begin()
					x := quiet()
					if _, err := i.Run(x, abi.Access); err != nil {
						t.Fatal(err)
					}
					return x.Response.StatusCode()
				}
				untouched := looked()
				for n := range 3 {
					if err := runOnce(t, p, abi.Content); err != nil {
						t.Fatal(err)
					}
					if got := looked(); (got != untouched) != (test.shared && !fresh) {
						t.Errorf("exchange %d sees %d, the first one saw %d", n, got, untouched)
					}
				}
			})
		}
	}
}

// A segment that an exchange drops is there again for the next.
func TestFreshInstancesHaveTheirSegments(t *testing.T) {
	for name, test := range map[string]struct{ use, drop []byte }{
		"data":     {join(wt.I32Const(100), wt.I32Const(0), wt.I32Const(1), wt.MemoryInit(0)), wt.DataDrop(0)},
		"elements": {join(wt.I32Const(0), wt.I32Const(0), wt.I32Const(1), wt.TableInit(0)), wt.ElemDrop(0)},
	} {
		t.Run(name, func(t *testing.T) {
			m := wt.Plugin()
			m.TableOf(1)
			m.Passive("x")
			m.PassiveElements(m.Next())
			m.Func("f", wt.Void)
			m.Phase("on_content", test.use, test.drop, answers(0))
			p, _ := load(t, m, func(o *Options) { o.Fresh, o.Instances, o.Wait = true, 1, late })
			for n := range 3 {
				if err := runOnce(t, p, abi.Content); err != nil {
					t.Errorf("exchange %d: %v", n, err)
				}
			}
		})
	}
}

// Where a memory has become small again, what was behind it is out of bounds:
// an access is the guest's fault and not the end of the process.
func TestFreshInstancesLoseWhatHasGrown(t *testing.T) {
	for _, pages := range []int32{1, 3} { // 3: all that it may have
		m := wt.Plugin()
		m.Memory(1, 4)
		m.Phase("on_content", wt.I32Const(pages), wt.MemoryGrow, wt.Drop, store(pages*pageSize, wt.I32Const(1)), answers(0))
		m.Phase("on_access", wt.I32Const(pageSize), wt.I32Load)
		m.Phase("on_rewrite", wt.I32Const(pageSize-4), wt.I32Const(1), wt.I32Const(5), wt.MemoryFill, answers(0))
		m.Phase("on_log", wt.I32Const(pageSize-4), wt.I32Load)
		p, _ := load(t, m, func(o *Options) { o.Fresh, o.Instances, o.Wait = true, 1, late })
		for range 3 {
			for _, phase := range []abi.Phase{abi.Access, abi.Rewrite} {
				if err := runOnce(t, p, abi.Content); err != nil {
					t.Fatal(err)
				}
				wantFault(t, runOnce(t, p, phase), phase, "wasm error: out of bounds memory access")
			}
			wantWell(t, p)
		}
	}
}

// An instance that all exchanges share keeps what it has written, which is what
// sharing is for, and nothing of the exchanges themselves.
func TestSharedInstancesForgetTheExchange(t *testing.T) {
	m := wt.Plugin()
	set := m.Import("phasm", "ctx_set", wt.Sig("i32 i32 i32 i32", "i32"))
	get := m.Import("phasm", "ctx_get", wt.Sig("i32 i32 i32 i32", "i32"))
	header := m.Import("phasm", "request_header_get", wt.Sig("i32 i32 i32 i32", "i32"))
	responses := m.Import("phasm", "response_header_set", wt.Sig("i32 i32 i32 i32", "i32"))
	m.Data(100, "x-secret")
	name := join(wt.I32Const(100), wt.I32Const(8))
	m.Phase("on_content", count(0), store(4, name, wt.I32Const(200), wt.I32Const(50), wt.Call(get)),
		store(8, name, wt.I32Const(200), wt.I32Const(50), wt.Call(header)),
		name, name, wt.Call(set), wt.Drop, name, name, wt.Call(responses), wt.Drop, answers(0))
	p, _ := load(t, m, func(o *Options) { o.Instances = 1 })
	for n := range int32(4) {
		i, err := p.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		x := quiet()
		want := int32(abi.NotFound)
		if n%2 == 0 {
			x.Request.Header.Set("X-Secret", "of this one")
			want = int32(len("of this one"))
		}
		if _, err := i.Run(x, abi.Content); err != nil {
			t.Fatal(err)
		}
		if at(t, i, 0) != n+1 || at(t, i, 4) != int32(abi.NotFound) || at(t, i, 8) != want {
			t.Errorf("exchange %d: memory counts %d, the context answers %d, the header %d, want %d",
				n, at(t, i, 0), at(t, i, 4), at(t, i, 8), want)
		}
		p.Release(i)
	}
}

// A module whose initialisation does what no snapshot can hold: each instance
// initialises by itself, and is none the less isolated.
func TestWithoutSnapshot(t *testing.T) {
	const instances = 4
	for name, change := range map[string]func(m *wt.Module, f int) []byte{
		"table":  func(_ *wt.Module, f int) []byte { return join(wt.I32Const(0), wt.RefFunc(f), wt.TableSet(0)) },
		"global": func(m *wt.Module, f int) []byte { return join(wt.RefFunc(f), wt.GlobalSet(m.GlobalFunc())) },
	} {
		for _, fresh := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, fresh %v", name, fresh), func(t *testing.T) {
				m := wt.Plugin()
				log := importLog(m)
				m.TableOf(1)
				m.PassiveElements(m.Next())
				f := m.Func("called", wt.Void, count(4))
				saysInit(m, log, change(m, f), count(0))
				body := count(0)
				if name == "table" {
					body = join(body, wt.I32Const(0), m.CallIndirect())
				}
				m.Phase("on_content", body, answers(0))
				p, lines := load(t, m, func(o *Options) { o.Instances, o.Fresh, o.Wait = instances, fresh, late })
				if p.snapshot != nil {
					t.Fatal("there is a snapshot")
				}
				var all []*Instance
				for range instances {
					i, err := p.Acquire()
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, i)
					if _, err := i.Run(quiet(), abi.Content); err != nil {
						t.Fatal(err)
					}
					if got := at(t, i, 0); got != 2 {
						t.Errorf("an instance has counted to %d, want 2", got)
					}
				}
				if n := inits(t, lines); n != 1+instances { // the first one only tries
					t.Errorf("init has run %d times, want %d", n, 1+instances)
				}
				for _, i := range all {
					p.Release(i)
				}
				want := int32(3)
				if fresh {
					want = 2
				}
				i := acquire(t, p)
				if _, err := i.Run(quiet(), abi.Content); err != nil || at(t, i, 0) != want {
					t.Errorf("the next exchange counts to %d, want %d (%v)", at(t, i, 0), want, err)
				}
			})
		}
	}
}

// An initialisation that fails once the plugin is loaded fails the exchanges
// that need a new instance, and after some of them the plugin is left alone.
func TestInitialisationFailsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := wt.Plugin()
		now := m.Import("phasm", "now", wt.Sig("", "i64"))
		m.TableOf(1)
		m.PassiveElements(m.Next())
		f := m.Func("f", wt.Void)
		m.Phase("on_init", wt.I32Const(0), wt.RefFunc(f), wt.TableSet(0), // no snapshot
			wt.Call(now), wt.I64Const(time.Now().Add(time.Minute).UnixNano()), wt.I64GtS, wt.If(wt.Unreachable), answers(0))
		m.Phase("on_content", answers(0))
		p, _ := load(t, m, func(o *Options) { o.Instances, o.Fresh = 1, true })
		if err := runOnce(t, p, abi.Content); err != nil { // and the instance goes, because it cannot be reset
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		if err := runOnce(t, p, abi.Content); err != nil { // on the one that replaced it
			t.Fatal(err)
		}
		synctest.Wait()
		for n := range faultsInARow {
			_, err := p.Acquire()
			if want := "on_init failed: wasm error: unreachable in .on_init() i32"; err == nil || err.Error() != want {
				t.Fatalf("exchange %d: the error is %v, want %s", n, err, want)
			}
		}
		if _, err := p.Acquire(); err != ErrQuarantined {
			t.Errorf("then the error is %v", err)
		}
	})
}

// Every number comes back with the snapshot.
func TestSnapshotOfNumbers(t *testing.T) {
	m := wt.Plugin()
	var look []byte
	for n := range 300 {
		g := m.Global(int32(n))
		look = append(look, join(wt.GlobalGet(g), wt.I32Const(int32(n+1)), wt.I32Sub, wt.If(wt.Unreachable))...)
	}
	var add []byte
	for n := range 300 {
		add = append(add, join(wt.GlobalGet(n), wt.I32Const(1), wt.I32Add, wt.GlobalSet(n))...)
	}
	m.Phase("on_init", add, answers(0))
	m.Phase("on_content", look, add, answers(0))
	p, _ := load(t, m, func(o *Options) { o.Instances, o.Fresh = 1, true })
	for range 3 {
		if err := runOnce(t, p, abi.Content); err != nil {
			t.Error(err)
		}
	}
}
