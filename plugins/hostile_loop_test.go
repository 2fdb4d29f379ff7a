package plugins

import (
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// Everything that never ends. Each function builds a body for a phase; the
// module has four pages of memory.
var endlessCode = []struct {
	name   string
	change func(m *wt.Module) (body []byte)
}{
	{"br", func(*wt.Module) []byte { return endless() }},
	{"br_if", func(*wt.Module) []byte { return wt.Loop(wt.I32Const(1), wt.BrIf(0)) }},
	{"br_table", func(*wt.Module) []byte { return wt.Loop(wt.I32Const(7), wt.BrTable(0, 0, 0)) }},
	{"branch out of blocks", func(*wt.Module) []byte { return wt.Loop(wt.Block(wt.I32Const(1), wt.If(wt.Br(2)))) }},
	{"loop with a parameter", func(m *wt.Module) []byte {
		return join(wt.I32Const(1), m.LoopOf(wt.Sig("i32", ""), wt.Br(0)))
	}},
	{"nested loops", func(*wt.Module) []byte { return endless(wt.Loop(wt.Loop(wt.I32Const(0), wt.BrIf(0)))) }},
	{"loops one after the other", func(*wt.Module) []byte { return endless(wt.Loop(wt.I32Const(1), wt.BrIf(1)), endless()) }},
	{"exponential recursion", func(m *wt.Module) []byte {
		f := m.Next()
		deeper := join(wt.LocalGet(0), wt.I32Const(1), wt.I32Sub, wt.Call(f))
		m.Func("twice", wt.Sig("i32", ""), wt.LocalGet(0), wt.If(deeper, deeper))
		return join(wt.I32Const(100), wt.Call(f))
	}},
	{"mutual recursion", func(m *wt.Module) []byte {
		f := m.Next()
		deeper := join(wt.LocalGet(0), wt.I32Const(1), wt.I32Sub)
		m.Func("ping", wt.Sig("i32", ""), wt.LocalGet(0), wt.If(deeper, wt.Call(f+1), deeper, wt.Call(f+1)))
		m.Func("pong", wt.Sig("i32", ""), wt.LocalGet(0), wt.If(deeper, wt.Call(f)), wt.LocalGet(0), wt.If(deeper, wt.Call(f)))
		return join(wt.I32Const(100), wt.Call(f))
	}},
	{"recursion by a table", func(m *wt.Module) []byte {
		depth, f := m.Global(0), m.Next()
		deeper := join(wt.I32Const(0), m.CallIndirect())
		m.Func("twice", wt.Void, wt.GlobalGet(depth), wt.I32Const(100), wt.I32Sub, wt.If(
			wt.GlobalGet(depth), wt.I32Const(1), wt.I32Add, wt.GlobalSet(depth), deeper, deeper,
			wt.GlobalGet(depth), wt.I32Const(1), wt.I32Sub, wt.GlobalSet(depth)))
		m.Table(f)
		return deeper
	}},
	{"calls of functions that do nothing", func(m *wt.Module) []byte {
		f := m.Func("nothing", wt.Void)
		return endless(wt.Call(f), wt.Call(f), wt.Call(f))
	}},
	{"as Go jumps", func(*wt.Module) []byte { // a dispatch loop, see package meter
		return wt.Loop(wt.Block(wt.Block(wt.LocalGet(0), wt.BrTable(0, 1)),
			wt.I32Const(1), wt.LocalSet(0), wt.Br(1)),
			wt.I32Const(0), wt.LocalSet(0), wt.Br(0))
	}},
	{"cheap host calls", func(m *wt.Module) []byte {
		return endless(wt.Call(m.Import("phasm", "now", wt.Sig("", "i64"))), wt.Drop)
	}},
	{"host calls in a phase that forbids them", func(m *wt.Module) []byte {
		return endless(wt.Call(m.Import("phasm", "response_eof", wt.Phase)), wt.Drop)
	}},
	{"host calls with long arguments", func(m *wt.Module) []byte {
		log := m.Import("phasm", "log", wt.Sig("i32 i32 i32", "i32"))
		return endless(wt.I32Const(9), wt.I32Const(0), wt.I32Const(4*pageSize), wt.Call(log), wt.Drop)
	}},
	{"sleeps of no time", func(m *wt.Module) []byte {
		return endless(wt.I64Const(0), wt.Call(m.Import("phasm", "sleep", wt.Sig("i64", "i32"))), wt.Drop)
	}},
	{"output", func(m *wt.Module) []byte {
		printable(m, 64, strings.Repeat("x\n", pageSize))
		return endless(print(importWrite(m), 1, 64))
	}},
	{"output of many buffers", func(m *wt.Module) []byte {
		return endless(wt.I32Const(1), wt.I32Const(0), wt.I32Const(1024), wt.I32Const(0), wt.Call(importWrite(m)), wt.Drop)
	}},
	{"randomness", func(m *wt.Module) []byte {
		random := m.Import(wasiModule, "random_get", wt.Sig("i32 i32", "i32"))
		return endless(wt.I32Const(0), wt.I32Const(4*pageSize), wt.Call(random), wt.Drop)
	}},
	{"polls", func(m *wt.Module) []byte {
		poll := m.Import(wasiModule, "poll_oneoff", wt.Sig("i32 i32 i32 i32", "i32"))
		return endless(wt.I32Const(0), wt.I32Const(pageSize), wt.I32Const(1024), wt.I32Const(0), wt.Call(poll), wt.Drop)
	}},
	{"memory.grow by nothing", func(*wt.Module) []byte { return endless(wt.I32Const(0), wt.MemoryGrow, wt.Drop) }},
	{"memory.grow by one", func(*wt.Module) []byte { return endless(wt.I32Const(1), wt.MemoryGrow, wt.Drop) }},
	{"memory.grow by too much", func(*wt.Module) []byte { return endless(wt.I32Const(-1), wt.MemoryGrow, wt.Drop) }},
	{"table.grow", func(m *wt.Module) []byte {
		m.TableOf(0)
		return endless(wt.RefNull, wt.I32Const(1), wt.TableGrow(0), wt.Drop)
	}},
	{"memory.fill", func(*wt.Module) []byte {
		return endless(wt.I32Const(0), wt.I32Const(1), wt.I32Const(4*pageSize), wt.MemoryFill)
	}},
	{"memory.copy", func(*wt.Module) []byte {
		return endless(wt.I32Const(1), wt.I32Const(0), wt.I32Const(4*pageSize-1), wt.MemoryCopy)
	}},
}

func TestEndlessCodeIsStopped(t *testing.T) {
	wantNothingLeft(t)
	for _, test := range endlessCode {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			m.Memory(4)
			body := test.change(m)
			m.Export("on_content", m.FuncWithLocals("content", wt.Phase, "i32 i32", body, answers(0)))
			m.Phase("on_log", answers(0))
			p, _ := load(t, m, withShortCPU)
			for range 3 {
				wantStopped(t, p, abi.Content, outOfCPU)
				wantWell(t, p)
			}
		})
	}
}

func TestEveryPhaseIsStopped(t *testing.T) {
	m := wt.Plugin()
	for phase := range abi.NumPhases {
		body := endless()
		if phase == abi.Init {
			body = nil
		}
		m.Phase(phase.Export(), body, answers(0))
	}
	p, _ := load(t, m, withShortCPU)
	for phase := range abi.NumPhases {
		switch phase {
		case abi.Init:
		case abi.InitWorker, abi.ExitWorker:
			wantFault(t, p.RunWorker(phase), phase, outOfCPU)
		default:
			wantStopped(t, p, phase, outOfCPU)
		}
	}
}

// A guest that never gets to its first request fails to load.
func TestEndlessInitialisation(t *testing.T) {
	const limit = "it computed for more than 20ms, the limit for its initialisation"
	for _, test := range []struct{ name, export, want string }{
		{"start function", "", "cannot initialise: " + limit + " in .loop() ← .phasm:start()"},
		{"_initialize", "_initialize", "cannot call _initialize: " + limit + " in .loop()"},
		{"version", "phasm_abi_version", "cannot call phasm_abi_version: " + limit + " in .loop() i32"},
		{"phases", "phasm_phases", "cannot call phasm_phases: " + limit + " in .loop() i32"},
		{"on_init", "on_init", "on_init failed: " + limit + " in .loop() i32"},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			m.Phase("on_content", answers(0))
			switch test.export {
			case "":
				m.Start(m.Func("loop", wt.Void, endless()))
			case "_initialize":
				m.Export(test.export, m.Func("loop", wt.Void, endless()))
			default:
				m.Export(test.export, m.Func("loop", wt.Phase, endless(), answers(0)))
			}
			o, _ := options(t, m.Bytes())
			o.initTime = 20 * time.Millisecond
			wantLoadError(t, o, test.want)
		})
	}
}

// What waits in its initialisation waits no longer than that may take.
func TestInitialisationThatWaits(t *testing.T) {
	m := wt.Plugin()
	sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
	m.Phase("on_init", endless(wt.I64Const(int64(time.Hour)), wt.Call(sleep), wt.Drop), answers(0))
	m.Phase("on_content", answers(0))
	o, _ := options(t, m.Bytes())
	o.initWall = 80 * time.Millisecond
	wantLoadError(t, o, "on_init failed: it took more than 80ms, the limit for its initialisation in .on_init() i32")
}

// A body filter that loops inside of a flush is stopped, and so is the content
// phase around it, of which it is a part.
func TestEndlessFilterInsideOfContent(t *testing.T) {
	m := wt.Plugin()
	flush := m.Import("phasm", "response_flush", wt.Phase)
	m.Phase("on_content", endless(wt.Call(flush), wt.Drop), answers(0))
	m.Phase("on_body_filter", endless(), answers(0))
	p, _ := load(t, m, withShortCPU)
	i := acquire(t, p)
	var x *host.Exchange
	var inner error
	flushes := 0
	x = exchange(func() error {
		if flushes++; i.Broken() {
			return inner
		}
		_, inner = i.Run(x, abi.BodyFilter)
		return inner
	})
	_, err := i.Run(x, abi.Content)
	wantFault(t, inner, abi.BodyFilter, outOfCPU)
	wantFault(t, err, abi.Content, outOfCPU)
	if flushes > 2 {
		t.Errorf("content went on for %d flushes", flushes)
	}
}

// A filter that loops costs its own plugin only: the one whose flush it is in
// waits, and its time is not counted.
func TestEndlessFilterOfAnotherPlugin(t *testing.T) {
	m := wt.Plugin()
	flush := m.Import("phasm", "response_flush", wt.Phase)
	m.Phase("on_content", store(0, wt.Call(flush)), wt.Loop(wt.Call(flush), wt.Drop, count(4),
		wt.I32Const(4), wt.I32Load, wt.I32Const(100), wt.I32Sub, wt.BrIf(0)), answers(1))
	waits, _ := load(t, m, func(o *Options) { o.CPU = 50 * time.Millisecond })
	loops := wt.Plugin()
	loops.Phase("on_body_filter", endless(), answers(0))
	filter, _ := load(t, loops, func(o *Options) { o.CPU = 100 * time.Millisecond })

	outer, inner := acquire(t, waits), acquire(t, filter)
	var x *host.Exchange
	var fault error
	x = exchange(func() error {
		if !inner.Broken() {
			_, fault = inner.Run(x, abi.BodyFilter)
		}
		return nil
	})
	if action, err := outer.Run(x, abi.Content); err != nil || action != abi.Final {
		t.Errorf("content answers %d, %v", action, err)
	}
	wantFault(t, fault, abi.BodyFilter, "it computed for more than 100ms, its limit")
}
