package metric

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"weak"
)

// lines are the samples of a registry's metrics whose names begin with "m".
func lines(r *Registry) string {
	var found []string
	for line := range strings.Lines(exposition(r)) {
		if strings.HasPrefix(line, "m") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}

func wantLines(t *testing.T, when string, r *Registry, want string) {
	t.Helper()
	if got := lines(r); got != want {
		t.Errorf("%s:\n%s, want\n%s", when, got, want)
	}
	if _, err := parseText(exposition(r)); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

// count counts 1 in a counter of a plugin's.
func count(t *testing.T, r *Registry, plugin string, labels ...string) {
	t.Helper()
	f, err := r.DefinePlugin(plugin, Counter, "m_total", "M.", labelNames(labels), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.PluginSeries(plugin, labels)
	if err != nil {
		t.Fatal(err)
	}
	s.Add(1)
}

// labelNames names as many labels as there are values.
func labelNames(values []string) (names []string) {
	for i := range values {
		names = append(names, fmt.Sprintf("l%d", i))
	}
	return names
}

// What a plugin counts goes on over a reload, also in series that its next
// generation has not asked for yet; what plugins have counted that are gone
// goes with them.
func TestSeriesOverGenerations(t *testing.T) {
	server := NewRegistry()
	first := server.Next()
	count(t, first, "stays", "a")
	count(t, first, "stays", "b")
	count(t, first, "goes", "a")
	second := first.Next()
	if _, err := second.DefinePlugin("stays", Counter, "m_total", "M.", []string{"l0"}, nil); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "both", second, `m_total{plugin="goes",l0="a"} 1; m_total{plugin="stays",l0="a"} 1; m_total{plugin="stays",l0="b"} 1`)
	first.Close()
	wantLines(t, "the second alone", second, `m_total{plugin="stays",l0="a"} 1; m_total{plugin="stays",l0="b"} 1`)
	count(t, second, "stays", "a")
	wantLines(t, "a count later", second, `m_total{plugin="stays",l0="a"} 2; m_total{plugin="stays",l0="b"} 1`)
	second.Close()
	wantLines(t, "none", server, "")
}

// A generation that comes to nothing leaves everything as it was.
func TestFailedGeneration(t *testing.T) {
	first := NewRegistry()
	count(t, first, "p", "a")
	failed := first.Next()
	count(t, failed, "p", "b")
	count(t, failed, "new", "a")
	if _, err := failed.DefinePlugin("new", Gauge, "m_new", "M.", nil, nil); err != nil {
		t.Fatal(err)
	}
	failed.Close()
	failed.Close() // again is no harm
	wantLines(t, "after it", first, `m_total{plugin="p",l0="a"} 1; m_total{plugin="p",l0="b"} 1`)
	if strings.Contains(exposition(first), "m_new") {
		t.Error("a metric of the failed generation is still there")
	}
}

// Functions of several generations are added up; counters keep what those
// that are gone have come to.
func TestFunctionsOverGenerations(t *testing.T) {
	first := NewRegistry()
	define := func(r *Registry, calls, instances float64, plugin string) {
		r.Must(Counter, "m_calls_total", "M.", []string{"plugin", "phase"}).Func(func() float64 { return calls }, plugin, "log")
		r.Must(Gauge, "m_instances", "M.", []string{"plugin"}).Func(func() float64 { return instances }, plugin)
	}
	define(first, 100, 3, "p")
	define(first, 7, 1, "q")
	second := first.Next()
	define(second, 1, 2, "p")
	wantLines(t, "both", second, `m_calls_total{plugin="p",phase="log"} 101; m_calls_total{plugin="q",phase="log"} 7; `+
		`m_instances{plugin="p"} 5; m_instances{plugin="q"} 1`)
	first.Close()
	wantLines(t, "the second alone", second, `m_calls_total{plugin="p",phase="log"} 101; m_instances{plugin="p"} 2`)
}

// Whole-number counters and histograms, the server's own by route, go the same
// way as plugins' series.
func TestRoutesOverGenerations(t *testing.T) {
	first := NewRegistry()
	serve := func(r *Registry, routes ...string) {
		for _, route := range routes {
			r.Must(Counter, "m_total", "M.", []string{"route", "code"}).Counter(route, "200").Inc()
			r.Must(Histogram, "m_seconds", "M.", []string{"route"}, 1).Series(route).Observe(1)
		}
	}
	serve(first, "", "old", "kept")
	second := first.Next()
	serve(second, "", "kept", "new")
	first.Close()
	var got []string
	for _, line := range strings.Split(lines(second), "; ") {
		if !strings.Contains(line, "_bucket") && !strings.Contains(line, "_sum") {
			got = append(got, line)
		}
	}
	want := `m_seconds_count{route=""} 2; m_seconds_count{route="kept"} 2; m_seconds_count{route="new"} 1; ` +
		`m_total{route="",code="200"} 2; m_total{route="kept",code="200"} 2; m_total{route="new",code="200"} 1`
	if strings.Join(got, "; ") != want {
		t.Errorf("got\n%s, want\n%s", strings.Join(got, "; "), want)
	}
}

// A plugin may change what it has defined. Both definitions are in use until
// the old generation is gone; each registry shows its own.
func TestRedefinition(t *testing.T) {
	first := NewRegistry()
	count(t, first, "p")
	for _, again := range []struct {
		kind   Kind
		name   string
		help   string
		labels []string // each is its own value
		want   string
	}{
		{Counter, "m_total", "M.", []string{"more"}, `m_total{plugin="p",more="more"} 5`},
		{Counter, "m_total", "Another help text.", nil, `m_total{plugin="p"} 5`},
	} {
		if _, err := first.DefinePlugin("q", again.kind, again.name, again.help, again.labels, nil); err == nil {
			t.Errorf("one generation has two definitions: %+v", again)
		}
		second := first.Next()
		f, err := second.DefinePlugin("p", again.kind, again.name, again.help, again.labels, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.PluginSeries("p", again.labels)
		if err != nil {
			t.Fatal(err)
		}
		s.Add(5)
		wantLines(t, "of the first", first, `m_total{plugin="p"} 1`)
		wantLines(t, "of the second", second, again.want)
		second.Close()
		wantLines(t, "after the second", first, `m_total{plugin="p"} 1`)
	}
	second := first.Next()
	first.Close()
	if _, err := second.DefinePlugin("p", Histogram, "m_seconds", "M.", nil, nil); err != nil {
		t.Fatal(err)
	}
	third := second.Next()
	second.Close()
	if _, err := third.DefinePlugin("p", Gauge, "m_seconds", "M.", nil, nil); err != nil {
		t.Errorf("a histogram cannot become a gauge: %v", err)
	}
}

// What is counted after a registry's end is lost, and brings nothing back.
func TestUseAfterClose(t *testing.T) {
	server := NewRegistry()
	r := server.Next()
	f := r.Must(Gauge, "m", "M.", []string{"plugin"})
	f.Series("p").Set(1)
	r.Close()
	f.Series("p").Set(2)
	f.Series("q").Set(2)
	f.Func(func() float64 { return 2 }, "r")
	if _, err := f.PluginSeries("s", nil); err != nil {
		t.Error(err)
	}
	r.Must(Gauge, "m_late", "M.", nil).Series().Set(2)
	wantLines(t, "after its end", server, "")
	if f.count != 0 {
		t.Errorf("%d series are counted", f.count)
	}
}

// Series that are gone make room for others.
func TestSeriesLimitOverGenerations(t *testing.T) {
	server := NewRegistry()
	first := server.Next()
	for i := range maxSeries {
		count(t, first, "p", fmt.Sprint(i))
	}
	second := first.Next()
	first.Close()
	for i := range maxSeries {
		count(t, second, "p", fmt.Sprint("again ", i))
	}
}

// A closed registry keeps nothing of its generation alive.
func TestClosedRegistryIsForgotten(t *testing.T) {
	type plugin struct{ calls [1 << 16]byte }
	server := NewRegistry()
	keeps := server.Next()
	register := func(r *Registry) weak.Pointer[plugin] {
		p := &plugin{}
		r.Must(Counter, "m_total", "M.", []string{"plugin"}).Func(func() float64 { return float64(p.calls[0]) }, "p")
		return weak.Make(p)
	}
	register(keeps)
	gone := register(server.Next())
	for _, r := range server.living.registries {
		if r != server && r != keeps {
			r.Close()
		}
	}
	for range 10 {
		if runtime.GC(); gone.Value() == nil {
			runtime.KeepAlive(keeps)
			return
		}
	}
	t.Error("the plugin of a closed registry is still there")
}

// Generations come and go while their plugins count and metrics are read.
// What is read parses, and nothing that was counted is lost.
func TestGenerationsConcurrently(t *testing.T) {
	const reloads, workers, counts = 60, 4, 20
	current := NewRegistry()
	server := current.Must(Counter, "m_served_total", "M.", []string{"route"})
	var reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() {
		for reader := current; ; {
			select {
			case <-stop:
				return
			default:
				if _, err := parseText(exposition(reader)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	last := current
	for range reloads {
		next := last.Next()
		var counting sync.WaitGroup
		for _, r := range []*Registry{last, next} {
			for w := range workers {
				counting.Go(func() {
					for range counts {
						count(t, r, "p", "a")
						r.Must(Counter, "m_calls_total", "M.", []string{"plugin"}).Func(func() float64 { return 1 }, fmt.Sprint(w))
						server.Counter("r").Inc()
					}
				})
			}
		}
		counting.Wait()
		if last != current {
			last.Close()
		}
		last = next
	}
	close(stop)
	reading.Wait()
	got := totals(t, last)
	if want := float64(reloads * workers * counts * 2); got["m_total"] != want || got["m_served_total"] != want {
		t.Errorf("counted %v and %v, want %v", got["m_total"], got["m_served_total"], want)
	}
	// Each generation's functions count 1 a worker.
	if want := float64((reloads + 1) * workers); got["m_calls_total"] != want {
		t.Errorf("the functions come to %v, want %v", got["m_calls_total"], want)
	}
}
