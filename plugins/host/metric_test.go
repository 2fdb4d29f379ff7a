package host_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// Kinds of metrics.
const (
	counter   = 0
	gauge     = 1
	histogram = 2
)

func (g *guest) wantMetrics(want ...string) {
	g.t.Helper()
	var b strings.Builder
	g.registry.WritePrometheus(&b)
	got := strings.Split(b.String(), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			g.t.Errorf("no line %s in\n%s", line, b.String())
		}
	}
}

func TestMetrics(t *testing.T) {
	g := newGuest(t)
	none := []float64{}
	g.want(0, "metric_define", counter, "hits_total", "Hits.", []string{"path"}, none)
	g.want(1, "metric_define", gauge, "depth", "Depth.", []string{}, none)
	g.want(2, "metric_define", histogram, "wait", "Wait.", []string{}, []float64{1, 10})
	g.want(0, "metric_define", counter, "hits_total", "Hits.", []string{"path"}, none)

	g.want(0, "metric_series", 0, []string{"/a"})
	g.want(1, "metric_series", 0, []string{"/b"})
	g.want(2, "metric_series", 1, []string{})
	g.want(3, "metric_series", 2, []string{})
	g.want(0, "metric_series", 0, []string{"/a"})

	g.want(done, "metric_add", 0, 1.0)
	g.want(done, "metric_add", 0, 2.5)
	g.want(done, "metric_add", 2, -3.0)
	g.want(done, "metric_set", 2, 7.0)
	g.want(done, "metric_add", 2, 0.5)
	for _, v := range []float64{0.5, 1, 5, 100} {
		g.want(done, "metric_observe", 3, v)
	}
	g.wantMetrics(
		"# HELP hits_total Hits.", "# TYPE hits_total counter",
		`hits_total{plugin="p",path="/a"} 3.5`, `hits_total{plugin="p",path="/b"} 0`,
		`depth{plugin="p"} 7.5`,
		`wait_bucket{plugin="p",le="1"} 2`, `wait_bucket{plugin="p",le="10"} 3`, `wait_bucket{plugin="p",le="+Inf"} 4`,
		`wait_sum{plugin="p"} 106.5`, `wait_count{plugin="p"} 4`,
	)

	g.want(badArgument, "metric_add", 0, -1.0)
	g.want(badArgument, "metric_add", 0, math.NaN())
	g.want(badArgument, "metric_add", 3, 1.0)
	g.want(badArgument, "metric_set", 0, 1.0)
	g.want(badArgument, "metric_observe", 2, 1.0)
	for _, id := range []int{-1, 4, math.MaxInt32, math.MinInt32} {
		g.want(badArgument, "metric_add", id, 1.0)
		g.want(badArgument, "metric_series", id, []string{})
	}
	g.want(badArgument, "metric_series", 0, []string{})
	g.want(badArgument, "metric_series", 0, []string{"a", "b"})
	g.want(badArgument, "metric_series", 0, "cut short")
}

func TestMetricDefinitionsRefused(t *testing.T) {
	g := newGuest(t)
	none, long := []float64{}, strings.Repeat("x", 64<<10)
	for _, d := range [][]any{
		{-1, "a", "A.", []string{}, none}, {3, "a", "A.", []string{}, none},
		{gauge, "A-b", "A.", []string{}, none}, {gauge, "phasm_a", "A.", []string{}, none},
		{counter, "a", "A.", []string{}, none}, {gauge, "a", "", []string{}, none},
		{gauge, "a", "A.", []string{"plugin"}, none}, {gauge, "a", "A.", strings.Split("abcdefghijk", ""), none},
		{gauge, "a", "A.", "cut short", none}, {histogram, "a", "A.", []string{}, "1234567"},
		{histogram, "a", "A.", []string{}, []float64{2, 1}}, {histogram, "a", "A.", []string{}, []float64{math.NaN()}},
		{histogram, "a", "A.", []string{}, make([]float64, 51)},
		{gauge, long, "A.", []string{}, none}, {gauge, "a", long, []string{}, none}, {gauge, "a", "A.", []string{long}, none},
	} {
		g.want(badArgument, "metric_define", d...)
	}
	for _, line := range g.lines() {
		if line["level"] != "ERROR" || line["function"] != "metric_define" || len(line["msg"].(string)) > 4096 {
			t.Errorf("logged %.500v", line)
		}
	}
}

// A guest in a loop must not fill the registry.
func TestMetricsAreBounded(t *testing.T) {
	g := newGuest(t)
	none := []float64{}
	for n := range 200 {
		g.want(int64(n), "metric_define", gauge, fmt.Sprintf("m%d", n), "M.", []string{"l"}, none)
	}
	g.want(badArgument, "metric_define", gauge, "m200", "M.", []string{"l"}, none)
	g.want(7, "metric_define", gauge, "m7", "M.", []string{"l"}, none)
	for n := range 1000 {
		g.want(int64(n), "metric_series", 0, []string{fmt.Sprint(n)})
	}
	g.want(noMemory, "metric_series", 0, []string{"1000"})
	g.want(500, "metric_series", 0, []string{"500"})
	var b strings.Builder
	g.registry.WritePrometheus(&b)
	if strings.Contains(b.String(), "m200") {
		t.Error("a metric over the limit is written")
	}
	if lines := g.lines(); len(lines) != 1 || lines[0]["msg"] != "cannot define metric: a plugin has at most 200" {
		t.Errorf("logged %v", lines)
	}
}
