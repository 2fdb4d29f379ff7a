package plugins

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// figuresOf are the plugin's lines of the server's metrics.
func figuresOf(p *Plugin) []string {
	var b strings.Builder
	p.options.Registry.WritePrometheus(&b)
	var lines []string
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "phasm_plugin_") {
			lines = append(lines, strings.TrimPrefix(strings.TrimSpace(line), "phasm_plugin_"))
		}
	}
	return lines
}

func wantFigures(t *testing.T, p *Plugin, want ...string) {
	t.Helper()
	got := figuresOf(p)
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %s in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

func TestFigures(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_access", answers(0))
	m.Phase("on_content", wt.Unreachable)
	p, _ := load(t, m, func(o *Options) { o.Instances = 2 })
	wantFigures(t, p,
		`calls_total{plugin="p",phase="access"} 0`, `errors_total{plugin="p",phase="access"} 0`,
		`instances{plugin="p",state="idle"} 1`, `instances{plugin="p",state="in_use"} 0`)
	for _, line := range figuresOf(p) {
		if strings.Contains(line, `phase="log"`) {
			t.Errorf("a phase that the plugin does not handle has a figure: %s", line)
		}
	}

	a, _ := p.Acquire()
	b, _ := p.Acquire()
	for range 20 {
		a.Run(exchange(nil), abi.Access)
	}
	a.Run(exchange(nil), abi.Log) // which it does not handle
	b.Run(exchange(nil), abi.Access)
	b.Run(exchange(nil), abi.Content)
	if _, err := p.Acquire(); err == nil {
		t.Fatal("there is a third instance")
	}
	wantFigures(t, p, `instances{plugin="p",state="in_use"} 2`, `waiting{plugin="p"} 0`, `busy_total{plugin="p"} 1`,
		`calls_total{plugin="p",phase="access"} 0`)
	p.Release(a)
	p.Release(b)
	wantFigures(t, p,
		`calls_total{plugin="p",phase="access"} 21`, `errors_total{plugin="p",phase="access"} 0`,
		`calls_total{plugin="p",phase="content"} 1`, `errors_total{plugin="p",phase="content"} 1`,
		`instances{plugin="p",state="idle"} 1`, `instances{plugin="p",state="in_use"} 0`)
}

// The time of every 16th call counts 16 times. On a false clock that is exact.
func TestFiguresOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := wt.Plugin()
		sleep := m.Import("phasm", "sleep", wt.Sig("i64", "i32"))
		m.Phase("on_content", wt.I64Const(int64(250*time.Millisecond)), wt.Call(sleep))
		p, _ := load(t, m)
		for range 32 {
			i, err := p.Acquire()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := i.Run(exchange(nil), abi.Content); err != nil {
				t.Fatal(err)
			}
			p.Release(i)
		}
		wantFigures(t, p, `calls_total{plugin="p",phase="content"} 32`, `seconds_total{plugin="p",phase="content"} 8`)
	})
}

// A plugin that is loaded again takes the series of its name over.
func TestFiguresAfterAReload(t *testing.T) {
	old, _ := load(t, goodPlugin())
	i, _ := old.Acquire()
	i.Run(exchange(nil), abi.Content)
	old.Release(i)
	p, _ := load(t, goodPlugin(), func(o *Options) { o.Registry = old.options.Registry })
	wantFigures(t, p, `calls_total{plugin="p",phase="content"} 0`)
}

// Many exchanges at once, some of which break their instance: none may get
// another's or a broken instance, and every call must be counted.
func TestManyExchanges(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_rewrite", count(0), answers(0))
	m.Phase("on_access", wt.Unreachable)
	p, _ := load(t, m, func(o *Options) { o.Instances, o.Wait = 4, time.Minute })
	const workers, each = 8, 100
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			for n := range each {
				i, err := p.Acquire()
				if err != nil {
					t.Error(err)
					return
				}
				i.Begin()
				before := at(t, i, 0)
				if _, err := i.Run(exchange(nil), abi.Rewrite); err != nil || at(t, i, 0) != before+1 {
					t.Errorf("counted from %d to %d (%v)", before, at(t, i, 0), err)
				}
				if (n+worker)%10 == 0 {
					if _, err := i.Run(exchange(nil), abi.Access); err == nil {
						t.Error("no fault")
					}
				}
				p.Release(i)
			}
		})
	}
	working.Wait()
	for p.pool.Stats().InUse > 0 { // broken ones are being replaced
		runtime.Gosched()
	}
	wantFigures(t, p,
		fmt.Sprintf(`calls_total{plugin="p",phase="rewrite"} %d`, workers*each),
		fmt.Sprintf(`calls_total{plugin="p",phase="access"} %d`, workers*each/10),
		fmt.Sprintf(`errors_total{plugin="p",phase="access"} %d`, workers*each/10),
		`instances{plugin="p",state="in_use"} 0`, `busy_total{plugin="p"} 0`, `waiting{plugin="p"} 0`)
}
