package metric

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"phasm/sdk/abi"
)

// example is a registry with every kind of metric and values that need care.
func example(t testing.TB) *Registry {
	t.Helper()
	r := NewRegistry()
	r.Must(Counter, "phasm_requests_total", "Requests by route and status.", []string{"route", "status"}).Counter("api", "200").Add(3)
	r.Must(Counter, "phasm_requests_total", "Requests by route and status.", []string{"route", "status"}).Counter("api", "404").Inc()
	r.Must(Gauge, "phasm_connections", "Open connections.", nil).Func(func() float64 { return 12 })
	r.Must(Counter, "phasm_idle_total", "Defined, but never counted.", nil)
	seconds := r.Must(Histogram, "phasm_request_duration_seconds", "How long requests took.", []string{"route"}, 0.001, 0.25, 10)
	for _, v := range []float64{0.0005, 0.001, 0.0010001, 0.25, 11} {
		seconds.Series("api").Observe(v)
	}
	r.Must(Histogram, "phasm_body_bytes", "Sizes of bodies.", nil, 1000).Series().Observe(512)

	f, err := r.DefinePlugin("shop", Gauge, "cart_items", `A \ and a
line break.`, []string{"customer"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.PluginSeries("shop", []string{"a \"b\" \\ c\nd é \xff"})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(-1.5)
	s.Add(0.25)
	f, err = r.DefinePlugin("shop", Counter, "orders_total", "Orders.", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err = f.PluginSeries("shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Add(1e21)
	return r
}

func exposition(r *Registry) string {
	var b strings.Builder
	r.WritePrometheus(&b)
	return b.String()
}

func TestExposition(t *testing.T) {
	want, err := os.ReadFile("testdata/exposition.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := exposition(example(t))
	if !strings.HasPrefix(got, string(want)) {
		t.Errorf("metrics are not those of testdata/exposition.txt:\n%s", got)
	}
	families, err := parseText(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go_goroutines", "go_gc_duration_seconds", "process_cpu_seconds_total", "process_start_time_seconds"} {
		if !slices.ContainsFunc(families, func(f family) bool { return f.name == name && len(f.samples) > 0 }) {
			t.Errorf("no figure %s", name)
		}
	}
}

// promtool runs Prometheus' own check, which asks for more than the format
// does: help texts, types, names.
func promtool(t *testing.T, text string) error {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		const hint = "promtool is missing: `make deps` installs it on Debian (package prometheus)"
		if os.Getenv("CI") != "" {
			t.Fatal(hint)
		}
		t.Skip(hint)
	}
	check := exec.Command(path, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	out, err := check.CombinedOutput()
	if err != nil {
		t.Logf("promtool: %s", out)
	}
	return err
}

func TestPromtoolAccepts(t *testing.T) {
	text := exposition(example(t))
	if err := promtool(t, text); err != nil {
		t.Error(err)
	}
	if promtool(t, text+"nameless_total 1\n") == nil {
		t.Error("promtool accepts a metric without a help text: it checks nothing")
	}
}

func TestDefineRefuses(t *testing.T) {
	r := NewRegistry()
	r.Must(Histogram, "known_seconds", "Known.", []string{"a"}, 1, 2)
	long := strings.Repeat("a", 129)
	for _, c := range []struct {
		kind    Kind
		name    string
		help    string
		labels  []string
		buckets []float64
		want    string
	}{
		{Gauge, "", "x", nil, nil, "a name is"},
		{Gauge, "Upper", "x", nil, nil, "a name is"},
		{Gauge, "1st", "x", nil, nil, "a name is"},
		{Gauge, "a-b", "x", nil, nil, "a name is"},
		{Gauge, "a\nb", "x", nil, nil, "a name is"},
		{Gauge, "a\n", "x", nil, nil, "a name is"},
		{Gauge, long, "x", nil, nil, "a name is"},
		{Counter, "orders", "x", nil, nil, "ends in _total"},
		{Gauge, "orders_total", "x", nil, nil, "only a counter's name"},
		{Histogram, "orders_total", "x", nil, nil, "only a counter's name"},
		{Gauge, "orders_count", "x", nil, nil, "a histogram's parts"},
		{Gauge, "orders_sum", "x", nil, nil, "a histogram's parts"},
		{Gauge, "orders_bucket", "x", nil, nil, "a histogram's parts"},
		{Kind(3), "orders", "x", nil, nil, "no kind 3"},
		{Kind(-1), "orders", "x", nil, nil, "no kind -1"},
		{Gauge, "orders", "", nil, nil, "help text"},
		{Gauge, "orders", strings.Repeat("x", 1001), nil, nil, "help text"},
		{Gauge, "orders", "\xff", nil, nil, "help text"},
		{Gauge, "orders", "x", []string{"a-b"}, nil, `label "a-b"`},
		{Gauge, "orders", "x", []string{""}, nil, `label ""`},
		{Gauge, "orders", "x", []string{"le"}, nil, `label "le"`},
		{Gauge, "orders", "x", []string{"quantile"}, nil, `label "quantile"`},
		{Gauge, "orders", "x", []string{"a", "b", "a"}, nil, `label "a"`},
		{Histogram, "orders", "x", nil, []float64{1, 1}, "buckets [1 1]"},
		{Histogram, "orders", "x", nil, []float64{2, 1}, "buckets [2 1]"},
		{Histogram, "orders", "x", nil, []float64{1, inf}, "buckets [1 +Inf]"},
		{Histogram, "orders", "x", nil, []float64{nan}, "buckets [NaN]"},
		{Gauge, "known_seconds", "Known.", []string{"a"}, nil, "defined already as a histogram"},
		{Histogram, "known_seconds", "Other.", []string{"a"}, []float64{1, 2}, "defined already"},
		{Histogram, "known_seconds", "Known.", []string{"b"}, []float64{1, 2}, "defined already"},
		{Histogram, "known_seconds", "Known.", []string{"a"}, []float64{1, 3}, "defined already"},
	} {
		f, err := r.Define(c.kind, c.name, c.help, c.labels, c.buckets)
		if err == nil || f != nil {
			t.Errorf("%q: defined, want an error with %q", c.name, c.want)
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "cannot define metric ") {
			t.Errorf("%q: got %q, want %q", c.name, err, c.want)
		}
	}
}

func TestDefineAgain(t *testing.T) {
	r := NewRegistry()
	f := r.Must(Histogram, "a_seconds", "A.", []string{"l"})
	g, err := r.Define(Histogram, "a_seconds", "A.", []string{"l"}, DefaultBuckets())
	if err != nil || g != f {
		t.Errorf("an equal definition answers %p, %v; want %p", g, err, f)
	}
	defer func() {
		if recover() == nil {
			t.Error("Must takes a definition that differs")
		}
	}()
	r.Must(Gauge, "a_seconds", "A.", []string{"l"})
}

// The family must not change with the slices it was defined by.
func TestDefineCopies(t *testing.T) {
	labels, buckets := []string{"l"}, []float64{1}
	r := NewRegistry()
	f := r.Must(Histogram, "a_seconds", "A.", labels, buckets...)
	labels[0], buckets[0] = "x y", 2
	if got := f.identity([]string{"v"}); got != `a_seconds{l="v"}` || f.buckets[0] != 1 {
		t.Errorf("the family took over its caller's slices: %s, %v", got, f.buckets)
	}
}

func TestDefinePluginReserves(t *testing.T) {
	r := NewRegistry()
	for _, name := range []string{"phasm_x", "go_x", "process_x"} {
		if _, err := r.DefinePlugin("p", Gauge, name, "x", nil, nil); err == nil || !strings.Contains(err.Error(), "are the server's") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := r.DefinePlugin("p", Gauge, "x", "x", []string{"plugin"}, nil); err == nil {
		t.Error("a plugin may use the label plugin twice")
	}
}

// A plugin hands its kinds over as the ABI numbers them.
func TestKindsAreTheABIs(t *testing.T) {
	if Counter != Kind(abi.Counter) || Gauge != Kind(abi.Gauge) || Histogram != Kind(abi.Histogram) {
		t.Error("the kinds' numbers are not the ABI's")
	}
}
