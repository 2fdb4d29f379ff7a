package plugins

import (
	"errors"
	"strings"
	"testing"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// Imports of WASI's that end a guest or write for it.
func importExit(m *wt.Module) (exit int) {
	return m.Import("wasi_snapshot_preview1", "proc_exit", wt.Sig("i32", ""))
}

func importWrite(m *wt.Module) (write int) {
	return m.Import("wasi_snapshot_preview1", "fd_write", wt.Sig("i32 i32 i32 i32", "i32"))
}

// print writes a text to standard output (1) or error (2). The text has been
// put at the address, behind the 8 bytes that describe it to fd_write.
func print(write int, descriptor, address int32) []byte {
	return join(wt.I32Const(descriptor), wt.I32Const(address), wt.I32Const(1), wt.I32Const(0), wt.Call(write), wt.Drop)
}

// printable puts a text where print finds it.
func printable(m *wt.Module, address int32, text string) {
	at, size := address+8, len(text)
	m.Data(address, string([]byte{byte(at), byte(at >> 8), 0, 0, byte(size), byte(size >> 8), 0, 0})+text)
}

var faults = []struct {
	name   string
	change func(m *wt.Module) (body []byte)
	want   string
}{
	{"unreachable", func(*wt.Module) []byte { return wt.Unreachable },
		"wasm error: unreachable in .on_content() i32"},
	{"in a function of its own", func(m *wt.Module) []byte {
		check := m.Func("auth.check", wt.Void, wt.Unreachable)
		decide := m.Func("auth.decide", wt.Sig("i32 i64", ""), wt.Call(check))
		return join(wt.I32Const(1), wt.I64Const(2), wt.Call(decide), answers(0))
	}, "wasm error: unreachable in .auth.check() ← .auth.decide(i32,i64) ← .on_content() i32"},
	{"divide by zero", func(*wt.Module) []byte { return join(wt.I32Const(1), wt.I32Const(0), wt.I32DivS) },
		"wasm error: integer divide by zero in .on_content() i32"},
	{"load out of bounds", func(*wt.Module) []byte { return join(wt.I32Const(65533), wt.I32Load) },
		"wasm error: out of bounds memory access in .on_content() i32"},
	{"store out of bounds", func(*wt.Module) []byte {
		return join(wt.I32Const(-1), wt.I32Const(0), wt.I32Store, answers(0))
	}, "wasm error: out of bounds memory access in .on_content() i32"},
	{"indirect call of another type", func(m *wt.Module) []byte {
		m.Table(m.Func("other", wt.Sig("i32", "")))
		return join(wt.I32Const(0), m.CallIndirect(), answers(0))
	}, "wasm error: indirect call type mismatch in .on_content() i32"},
	{"indirect call of nothing", func(m *wt.Module) []byte {
		m.TableOf(1)
		return join(wt.I32Const(0), m.CallIndirect(), answers(0))
	}, "wasm error: invalid table access in .on_content() i32"},
	{"indirect call outside of the table", func(m *wt.Module) []byte {
		m.TableOf(1)
		return join(wt.I32Const(1), m.CallIndirect(), answers(0))
	}, "wasm error: invalid table access in .on_content() i32"},
	{"endless recursion", func(m *wt.Module) []byte {
		return wt.Call(m.Func("forever", wt.Phase, wt.Call(0)))
	}, "its call stack grew beyond 8 MiB in .forever() i32 (29 times) ← ... maybe followed by omitted frames"},
	{"exit", func(m *wt.Module) []byte {
		return join(wt.I32Const(2), wt.Call(importExit(m)), answers(0))
	}, "it exited with status 2"},
	{"exit with success", func(m *wt.Module) []byte {
		return join(wt.I32Const(0), wt.Call(importExit(m)), answers(0))
	}, "it exited with status 0"},
	{"panic of a language's own", func(m *wt.Module) []byte {
		exit, write := importExit(m), importWrite(m)
		printable(m, 64, "panic: boom\n\ngoroutine 1 [running]:\n")
		return join(print(write, 2, 64), wt.I32Const(2), wt.Call(exit), answers(0))
	}, "panic: boom"},
	{"panic without an end of line", func(m *wt.Module) []byte {
		exit, write := importExit(m), importWrite(m)
		printable(m, 64, "fatal error: all goroutines are asleep")
		return join(print(write, 2, 64), wt.I32Const(2), wt.Call(exit), answers(0))
	}, "fatal error: all goroutines are asleep"},
	{"panic that ends in a trap", func(m *wt.Module) []byte {
		write := importWrite(m)
		printable(m, 64, "panic: boom\n")
		return join(print(write, 2, 64), wt.Unreachable)
	}, "panic: boom: wasm error: unreachable in .on_content() i32"},
	{"other output", func(m *wt.Module) []byte {
		write := importWrite(m)
		printable(m, 64, "do not panic: \n")
		return join(print(write, 2, 64), wt.Unreachable)
	}, "wasm error: unreachable in .on_content() i32"},
}

func TestFaults(t *testing.T) {
	for _, test := range faults {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			m.Phase("on_content", test.change(m))
			p, _ := load(t, m)
			i := acquire(t, p)
			action, err := i.Run(exchange(nil), abi.Content)
			if err == nil || action != abi.Final || !i.Broken() {
				t.Fatalf("action is %d, error %v, broken is %v", action, err, i.Broken())
			}
			if want := `plugin "p" failed in content: ` + test.want; err.Error() != want {
				t.Errorf("the error is\n%v\nwant\n%v", err, want)
			}
			var fault *Fault
			if !errors.As(err, &fault) || fault.Plugin != "p" || fault.Phase != abi.Content || fault.Err == nil {
				t.Errorf("the error is %#v, want a *Fault", err)
			}
		})
	}
}

// A panic that a guest survives must not be taken for the reason of a later
// trap, in another exchange perhaps.
func TestFaultForgetsAPanicThatWasSurvived(t *testing.T) {
	m := wt.Plugin()
	write := importWrite(m)
	printable(m, 64, "panic: survived\n")
	m.Phase("on_access", print(write, 2, 64), answers(0))
	m.Phase("on_content", wt.Unreachable)
	p, _ := load(t, m)
	i := acquire(t, p)
	if _, err := i.Run(exchange(nil), abi.Access); err != nil {
		t.Fatal(err)
	}
	want := `plugin "p" failed in content: wasm error: unreachable in .on_content() i32`
	if _, err := i.Run(exchange(nil), abi.Content); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// A body filter that fails while content waits in a flush breaks the instance,
// but not the host: content sees the flush fail and may end.
func TestFaultInsideOfAnotherPhase(t *testing.T) {
	for name, test := range map[string]struct {
		filter       func(exit int) []byte
		inner, outer string
	}{
		"trap": {filter: func(int) []byte { return wt.Unreachable },
			inner: `plugin "p" failed in body_filter: wasm error: unreachable in .on_body_filter() i32`},
		"no action": {filter: func(int) []byte { return answers(9) },
			inner: `plugin "p" failed in body_filter: it answered 9, which is neither 0 (go on) nor 1 (final)`},
		"exit": {filter: func(exit int) []byte { return join(wt.I32Const(3), wt.Call(exit), answers(0)) },
			inner: `plugin "p" failed in body_filter: it exited with status 3`,
			outer: `plugin "p" failed in content: it exited with status 3`},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			flush := m.Import("phasm", "response_flush", wt.Phase)
			exit := importExit(m)
			m.Phase("on_body_filter", test.filter(exit))
			m.Phase("on_content", store(0, wt.Call(flush)), answers(1))
			p, _ := load(t, m)
			i := acquire(t, p)
			var inner error
			var x *host.Exchange
			x = exchange(func() error {
				_, inner = i.Run(x, abi.BodyFilter)
				return inner
			})
			action, err := i.Run(x, abi.Content)
			if inner == nil || inner.Error() != test.inner {
				t.Errorf("the body filter's error is %v, want %s", inner, test.inner)
			}
			switch {
			case test.outer == "" && (err != nil || action != abi.Final):
				t.Errorf("content's action is %d, error %v", action, err)
			case test.outer != "" && (err == nil || err.Error() != test.outer):
				t.Errorf("content's error is %v, want %s", err, test.outer)
			}
			if !i.Broken() {
				t.Error("the instance counts as sound")
			}
			if got := abi.Errno(at(t, i, 0)); got != abi.Closed {
				t.Errorf("the flush answers %d (%v), want closed", got, got)
			}
		})
	}
}

// After an exit in an inner phase WASI's part of the instance is gone. What
// the outer phase still calls of it must end as a fault.
func TestFaultOfOutputAfterExit(t *testing.T) {
	m := wt.Plugin()
	flush := m.Import("phasm", "response_flush", wt.Phase)
	exit, write := importExit(m), importWrite(m)
	printable(m, 64, "still here\n")
	m.Phase("on_body_filter", wt.I32Const(3), wt.Call(exit), answers(0))
	m.Phase("on_content", wt.Call(flush), wt.Drop, print(write, 1, 64), answers(0))
	p, _ := load(t, m)
	i := acquire(t, p)
	var x *host.Exchange
	x = exchange(func() error {
		_, err := i.Run(x, abi.BodyFilter)
		return err
	})
	var fault *Fault
	if _, err := i.Run(x, abi.Content); !errors.As(err, &fault) {
		t.Errorf("the error is %v, want a *Fault", err)
	}
}
