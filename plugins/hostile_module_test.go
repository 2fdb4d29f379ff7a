package plugins

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// Modules that have too much of something. Each has to be refused, in words,
// before the compiler is kept busy with it.
var oversized = []struct {
	name, want string
	change     func(m *wt.Module)
}{
	{"locals", "it has more than", func(m *wt.Module) {
		m.FuncWithLocals("f", wt.Void, strings.Repeat("i32 ", 60_000))
	}},
	{"parameters", "parameters", func(m *wt.Module) { m.Func("f", wt.Sig(strings.Repeat("i32 ", 100_000), "")) }},
	{"blocks in blocks", "blocks", func(m *wt.Module) {
		m.Func("f", wt.Void, bytes.Repeat([]byte{0x02, 0x40}, 60_000), bytes.Repeat([]byte{0x0b}, 60_000))
	}},
	{"blocks behind blocks", "blocks", func(m *wt.Module) {
		m.Func("f", wt.Void, bytes.Repeat(join(wt.MemorySize, wt.If(wt.Block())), 30_000))
	}},
	{"loops in loops", "its loops are nested more than", func(m *wt.Module) {
		m.Func("f", wt.Void, bytes.Repeat([]byte{0x03, 0x40}, 1000), bytes.Repeat([]byte{0x0b}, 1000))
	}},
	{"targets of a br_table", "targets", func(m *wt.Module) { m.Func("f", wt.Void, wt.I32Const(0), wt.BrTable(make([]int, 100_000)...)) }},
	{"tables", "tables", func(m *wt.Module) {
		for range 100 {
			m.TableOf(1)
		}
	}},
	{"entries of a table", "its table begins with 4294967295 entries", func(m *wt.Module) { m.TableOf(1<<32 - 1) }},
	{"entries of many tables", "its table begins with", func(m *wt.Module) {
		for range 64 {
			m.TableOf(maxTable)
		}
	}},
	{"globals", "globals", func(m *wt.Module) {
		for range 20_000 {
			m.Global(0)
		}
	}},
	{"passive segments", "data segments", func(m *wt.Module) {
		for range 20_000 {
			m.Passive("")
		}
	}},
	{"element segments", "element segments", func(m *wt.Module) {
		for range 20_000 {
			m.PassiveElements()
		}
	}},
	{"entries of element segments", "entries of element segments", func(m *wt.Module) {
		m.PassiveElements(make([]int, maxTable/2)...)
		m.PassiveElements(make([]int, maxTable/2+1)...)
	}},
	{"imports", "imports", func(m *wt.Module) {
		for range 20_000 {
			m.Import("phasm", "now", wt.Sig("", "i64"))
		}
	}},
	{"results", "results", func(m *wt.Module) { m.Func("f", wt.Sig("", strings.Repeat("i32 ", 1001)), wt.Unreachable) }},
	{"references", "functions that its code refers to", func(m *wt.Module) {
		var all []int
		var refer []byte
		for range 10_001 {
			f := m.Func("f", wt.Void)
			all, refer = append(all, f), append(refer, join(wt.RefFunc(f), wt.Drop)...)
		}
		m.PassiveElements(all...)
		m.Func("refers", wt.Void, refer)
	}},
}

func TestOversizedModules(t *testing.T) {
	for _, test := range oversized {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			o, _ := options(t, pluginWith(test.change))
			begin := time.Now()
			p, err := Load(t.Context(), o)
			if took := time.Since(begin); took > late {
				t.Errorf("that took %v", took)
			}
			if err == nil {
				p.Close()
				t.Fatal("it loads")
			}
			if !strings.Contains(err.Error(), test.want) || len(err.Error()) > 500 {
				t.Errorf("the error is %v, want one of %s", err, test.want)
			}
		})
	}
}

// Modules that are large but not too large: they load in time, and an instance
// of theirs is cheap.
func TestLargeModules(t *testing.T) {
	for name, change := range map[string]func(m *wt.Module){
		"functions": func(m *wt.Module) {
			for range 20_000 {
				m.Func("f", wt.Void)
			}
		},
		"globals": func(m *wt.Module) {
			for range 900 {
				m.Global(1)
			}
		},
		"table": func(m *wt.Module) { m.TableOf(maxTable) },
		"data segments": func(m *wt.Module) {
			m.Memory(100)
			for n := range int32(40_000) { // as many as a stock Go module has
				m.Data(n*26, "0123456789")
			}
		},
		"counted data segments": func(m *wt.Module) {
			m.Memory(100)
			for n := range int32(40_000) { // the same, when wasm-opt has been over it
				m.Data(n*26, "0123456789")
			}
			m.CountData()
		},
		"passive segments": func(m *wt.Module) {
			for range 5000 {
				m.Passive("x")
			}
		},
		"types": func(m *wt.Module) {
			for n := range 500 {
				m.Func("f", wt.Sig(strings.Repeat("i64 ", n), ""))
			}
		},
		"locals": func(m *wt.Module) { m.FuncWithLocals("f", wt.Void, strings.Repeat("i32 ", 5000)) },
		"blocks": func(m *wt.Module) { m.Func("f", wt.Void, bytes.Repeat(wt.Block(), 5000)) },
		"exports": func(m *wt.Module) {
			f := m.Func("f", wt.Void)
			for n := range 10_000 {
				m.Export(fmt.Sprint("f", n), f)
			}
		},
		"customs": func(m *wt.Module) { m.Custom("large", make([]byte, 10<<20)) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			change(m)
			m.Phase("on_content", answers(0))
			m.Phase("on_log", answers(0))
			begin := time.Now()
			p, _ := load(t, m)
			if took := time.Since(begin); took > late {
				t.Errorf("loading took %v", took)
			}
			wantWell(t, p)
			const instances, most = 4, 4 << 20 // of memory each
			before := heap()
			for range instances {
				acquire(t, p)
			}
			if each := (heap() - before) / instances; each > most {
				t.Errorf("an instance takes %d KiB", each>>10)
			}
			runtime.KeepAlive(p)
		})
	}
}

// heap is how many bytes of Go's heap are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Long names and types must not become long lines of the log: a guest can fail
// for each request. Where a name is cut it stays text.
func TestLongNames(t *testing.T) {
	long := wt.Sig("", strings.Repeat("i64 ", 999)+"i32")
	for _, test := range []struct {
		name string
		typ  wt.Signature
	}{
		{strings.Repeat("x", 1<<16), wt.Phase}, {strings.Repeat("ä", 1<<15), wt.Phase}, {"x" + strings.Repeat("ä", 1<<15), wt.Phase},
		{strings.Repeat("x", 300), long}, {"x" + strings.Repeat("ä", 300), long},
	} {
		m, name := wt.Plugin(), test.name
		f := m.Func(name, test.typ, wt.Unreachable)
		for n := range 30 {
			f = m.Func(name[:len(name)-2*n], test.typ, wt.Call(f))
		}
		f = m.Func("last", wt.Phase, wt.Call(f), wt.Unreachable)
		m.Export("on_content", f)
		p, _ := load(t, m)
		err := runOnce(t, p, abi.Content)
		wantFault(t, err, abi.Content, "wasm error: unreachable in ."+name[:10])
		if text := err.Error(); len(text) > 16<<10 || !utf8.ValidString(text) {
			t.Errorf("the error has %d bytes, valid text is %v", len(text), utf8.ValidString(text))
		}
	}
}
