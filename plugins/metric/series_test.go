package metric

import (
	"fmt"
	"math"
	"sync"
	"testing"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

func TestUpdates(t *testing.T) {
	r := NewRegistry()
	series := []*Series{
		Counter:   r.Must(Counter, "a_total", "A.", nil).Series(),
		Gauge:     r.Must(Gauge, "a", "A.", nil).Series(),
		Histogram: r.Must(Histogram, "a_seconds", "A.", nil).Series(),
	}
	add, set, observe := (*Series).Add, (*Series).Set, (*Series).Observe
	for _, c := range []struct {
		name  string
		call  func(*Series, float64) bool
		value float64
		want  [3]bool // counter, gauge, histogram
	}{
		{"add", add, 1, [3]bool{true, true, false}},
		{"add", add, 0, [3]bool{true, true, false}},
		{"add", add, -1, [3]bool{false, true, false}},
		{"add", add, inf, [3]bool{}},
		{"add", add, nan, [3]bool{}},
		{"set", set, -1, [3]bool{false, true, false}},
		{"set", set, inf, [3]bool{false, true, false}},
		{"set", set, nan, [3]bool{}},
		{"observe", observe, -1, [3]bool{false, false, true}},
		{"observe", observe, inf, [3]bool{}},
		{"observe", observe, nan, [3]bool{}},
	} {
		for kind, s := range series {
			if got := c.call(s, c.value); got != c.want[kind] {
				t.Errorf("%s %v on a %s: %v", c.name, c.value, Kind(kind), got)
			}
		}
	}
	if got := series[Counter].counter.Get(); got != 1 {
		t.Errorf("the counter is %v, want 1", got)
	}
	if got := series[Gauge].gauge.Get(); got != inf {
		t.Errorf("the gauge is %v, want +Inf", got)
	}
}

func TestUpdatesDoNotAllocate(t *testing.T) {
	r := NewRegistry()
	counter := r.Must(Counter, "a_total", "A.", []string{"l"})
	add := counter.Series("x")
	inc := counter.Counter("y")
	set := r.Must(Gauge, "a", "A.", nil).Series()
	observe := r.Must(Histogram, "a_seconds", "A.", nil).Series()
	for name, update := range map[string]func(){
		"Add":     func() { add.Add(1) },
		"Inc":     func() { inc.Inc() },
		"Set":     func() { set.Set(1) },
		"Observe": func() { observe.Observe(0.3) },
	} {
		if n := testing.AllocsPerRun(100, update); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestUpdatesAreAtomic(t *testing.T) {
	const workers, rounds = 4, 50000
	r := NewRegistry()
	counter := r.Must(Counter, "a_total", "A.", nil).Series()
	gauge := r.Must(Gauge, "a", "A.", nil).Series()
	histogram := r.Must(Histogram, "a_seconds", "A.", nil).Series()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				counter.Add(1)
				gauge.Add(1)
				histogram.Observe(1)
			}
		})
	}
	wg.Wait()
	got := totals(t, r)
	for _, name := range []string{"a_total", "a", "a_seconds_sum", "a_seconds_count"} {
		if got[name] != workers*rounds {
			t.Errorf("%s is %v, want %d", name, got[name], workers*rounds)
		}
	}
}

// TestConcurrentUse defines, updates and writes from many goroutines. What is
// written meanwhile parses, and in the end nothing was lost.
func TestConcurrentUse(t *testing.T) {
	const workers, rounds = 8, 200
	r := NewRegistry()
	open := func() float64 { return 1 }
	r.Must(Gauge, "phasm_open", "Open.", nil).Func(open)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				label := []string{fmt.Sprint(i % 10)}
				updated := true
				for kind, name := range []string{"a_total", "a", "a_seconds"} {
					f, err := r.DefinePlugin("p", Kind(kind), name, "A.", []string{"l"}, []float64{0.5})
					if err != nil {
						t.Error(err)
						return
					}
					s, err := f.PluginSeries("p", label)
					if err != nil {
						t.Error(err)
						return
					}
					updated = updated && (s.Observe(1) || s.Add(1))
				}
				r.Must(Counter, "phasm_rounds_total", "Rounds.", []string{"worker"}).Counter(fmt.Sprint(w)).Inc()
				r.Must(Gauge, "phasm_open", "Open.", nil).Func(open)
				if !updated {
					t.Error("an update was refused")
				}
			}
		})
		wg.Go(func() {
			for range rounds / 20 {
				if got := totals(t, r); got["phasm_open"] != 1 {
					t.Errorf("phasm_open is %v while its function is replaced", got["phasm_open"])
				}
			}
		})
	}
	wg.Wait()
	got := totals(t, r)
	for _, name := range []string{"a_total", "a", "a_seconds_sum", "a_seconds_count", "phasm_rounds_total"} {
		if got[name] != workers*rounds {
			t.Errorf("%s is %v, want %d", name, got[name], workers*rounds)
		}
	}
}

// totals writes the metrics, parses them and adds up the samples by name.
func totals(t *testing.T, r *Registry) map[string]float64 {
	t.Helper()
	families, err := parseText(exposition(r))
	if err != nil {
		t.Error(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		for _, s := range f.samples {
			sums[s.name] += s.value
		}
	}
	return sums
}
