package plugins

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// The rules, on a false clock.
func TestQuarantine(t *testing.T) {
	fail := func(q *quarantine, times int) (length time.Duration) {
		for range times {
			length = q.fault()
		}
		return length
	}
	for name, test := range map[string]func(t *testing.T, q *quarantine){
		"faults in a row": func(t *testing.T, q *quarantine) {
			if fail(q, faultsInARow-1) != 0 || !q.admit() {
				t.Error("it begins too early")
			}
			if got := q.fault(); got != firstQuarantine || q.admit() {
				t.Errorf("it begins with %v", got)
			}
		},
		"faults with a success in between": func(t *testing.T, q *quarantine) {
			for range 100 {
				if fail(q, faultsInARow-1) != 0 || !q.admit() {
					t.Fatal("it begins")
				}
				q.served()
			}
		},
		"one tries": func(t *testing.T, q *quarantine) {
			fail(q, faultsInARow)
			time.Sleep(firstQuarantine - 1)
			if q.admit() {
				t.Error("it ends too early")
			}
			time.Sleep(time.Nanosecond)
			if admitted := admissions(q); admitted != 1 {
				t.Errorf("%d try, want one", admitted)
			}
			q.served()
			if admissions(q) != 3 {
				t.Error("afterwards not all are admitted")
			}
		},
		"another one tries where the first takes long": func(t *testing.T, q *quarantine) {
			fail(q, faultsInARow)
			time.Sleep(firstQuarantine)
			q.admit()
			time.Sleep(firstQuarantine)
			if !q.admit() || q.admit() {
				t.Error("not exactly one tries")
			}
		},
		"it grows": func(t *testing.T, q *quarantine) {
			length := fail(q, faultsInARow)
			for want := 2 * firstQuarantine; want < 200*time.Second; want *= 2 {
				time.Sleep(length)
				if !q.admit() {
					t.Fatal("nobody tries")
				}
				if length = q.fault(); length != min(want, lastQuarantine) {
					t.Fatalf("it lasts %v, want %v", length, want)
				}
			}
			time.Sleep(length)
			q.admit()
			q.served()
			if got := fail(q, faultsInARow); got != firstQuarantine {
				t.Errorf("after a success it begins with %v", got)
			}
		},
		"faults of exchanges that were on their way": func(t *testing.T, q *quarantine) {
			fail(q, faultsInARow)
			if fail(q, 100) != 0 {
				t.Error("they make it longer")
			}
			time.Sleep(firstQuarantine)
			if !q.admit() {
				t.Error("they make it longer")
			}
		},
		"and again after a success": func(t *testing.T, q *quarantine) {
			fail(q, faultsInARow)
			time.Sleep(firstQuarantine)
			q.admit()
			q.served()
			fail(q, faultsInARow)
			if fail(q, 100) != 0 || q.total.Load() != 2 {
				t.Errorf("there were %d", q.total.Load())
			}
		},
		"a success of an exchange that was on its way": func(t *testing.T, q *quarantine) {
			fail(q, faultsInARow)
			q.served()
			if admissions(q) != 3 {
				t.Error("it does not end it")
			}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, &quarantine{}) })
		})
	}
}

// sick is a plugin that fails in content while the request has no header
// "well".
func sick() *wt.Module {
	m := wt.Plugin()
	header := m.Import("phasm", "request_header_get", wt.Sig("i32 i32 i32 i32", "i32"))
	m.Data(0, "well")
	m.Phase("on_content", wt.I32Const(0), wt.I32Const(4), wt.I32Const(8), wt.I32Const(8), wt.Call(header),
		wt.I32Const(1), wt.I32Sub, wt.If(wt.Unreachable), answers(0))
	return m
}

// serve takes an exchange through content. It answers the error of Acquire or
// that of the phase.
func serve(p *Plugin, well bool) error {
	i, err := p.Acquire()
	if err != nil {
		return err
	}
	defer p.Release(i)
	i.Begin()
	x := quiet()
	if well {
		x.Request.Header.Set("well", "1")
	}
	_, err = i.Run(x, abi.Content)
	return err
}

// quarantines are what the plugin has logged of them.
func quarantines(t *testing.T, log *logLines) (lengths []string) {
	t.Helper()
	for _, line := range log.all(t) {
		if length, ok := line["quarantine"].(string); ok {
			if line["level"] != "ERROR" || line["plugin"] != "p" || line["msg"] != "the plugin keeps failing: it is left alone for a while" {
				t.Errorf("it logs %v", line)
			}
			lengths = append(lengths, length)
		}
	}
	return lengths
}

// Requests all of which fail soon cost nothing any more; once the plugin is
// well again it serves.
func TestTrapStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, sick(), func(o *Options) { o.Instances, o.Wait = 4, time.Second })
		const exchanges, pause = 5000, time.Millisecond
		run, refused := 0, 0
		for range exchanges {
			switch err := serve(p, false); {
			case errors.Is(err, ErrQuarantined):
				refused++
			case strings.Contains(err.Error(), "unreachable"):
				run++
			default:
				t.Fatal(err)
			}
			time.Sleep(pause)
		}
		// Within five seconds there is room for quarantines of 0.1, 0.2, 0.4, 0.8,
		// 1.6 and 3.2 s, and one fault between each.
		if run != faultsInARow+5 || refused != exchanges-run {
			t.Errorf("%d exchanges ran, %d were refused", run, refused)
		}
		if got := strings.Join(quarantines(t, log), " "); got != "100ms 200ms 400ms 800ms 1.6s 3.2s" {
			t.Errorf("the quarantines logged are %s", got)
		}
		wantFigures(t, p, `quarantined{plugin="p"} 1`, `quarantines_total{plugin="p"} 6`, `errors_total{plugin="p",phase="content"} 25`)
		time.Sleep(lastQuarantine)
		for n := range 100 {
			if err := serve(p, true); err != nil {
				t.Fatalf("well again, exchange %d: %v", n, err)
			}
		}
		wantFigures(t, p, `quarantined{plugin="p"} 0`, `quarantines_total{plugin="p"} 6`)
	})
}

// A plugin that fails for some requests only is never left alone, whoever sends
// them.
func TestPluginThatFailsSometimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := load(t, sick(), func(o *Options) { o.Wait = time.Second })
		for n := range 2000 {
			well := n%(faultsInARow/2) == 0
			if err := serve(p, well); errors.Is(err, ErrQuarantined) || (err == nil) != well {
				t.Fatalf("exchange %d: %v", n, err)
			}
		}
		if got := quarantines(t, log); got != nil {
			t.Errorf("the quarantines logged are %s", got)
		}
	})
}

// The quarantine of one plugin is not that of another.
func TestQuarantineIsThePluginsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := load(t, sick())
		other, _ := load(t, sick())
		for range faultsInARow {
			serve(p, false)
		}
		if err := serve(p, true); !errors.Is(err, ErrQuarantined) {
			t.Errorf("the sick one answers %v", err)
		}
		if err := serve(other, true); err != nil {
			t.Errorf("the other one answers %v", err)
		}
	})
}

// What ends the server's work does not run either.
func TestRunWorkerInQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sick()
		m.Phase("on_exit_worker", answers(0))
		p, _ := load(t, m)
		for range faultsInARow {
			serve(p, false)
		}
		const want = `plugin "p": cannot run exit_worker: it has failed again and again and is in quarantine`
		if err := p.RunWorker(abi.ExitWorker); err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	})
}

// admissions counts how many of three exchanges are admitted.
func admissions(q *quarantine) (n int) {
	for range 3 {
		if q.admit() {
			n++
		}
	}
	return n
}
