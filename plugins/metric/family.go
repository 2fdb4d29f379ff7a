package metric

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// maxSeries is how many series a plugin's family may have: a label taken from
// the request must not fill the memory.
const maxSeries = 1000

// maxLabelValue is where a label's value is cut off, in bytes.
const maxLabelValue = 256

// ErrTooManySeries is the error of a family that is full.
var ErrTooManySeries = errors.New("a metric holds at most 1000 series")

// Family is a metric with all its series. It is safe for concurrent use.
type Family struct {
	kind    Kind
	name    string
	help    string
	labels  []string
	buckets []float64

	set    *metrics.Set
	mu     sync.Mutex
	series map[string]*Series
	funcs  map[string]*atomic.Pointer[func() float64]
}

func newFamily(kind Kind, name, help string, labels []string, buckets []float64) (*Family, error) {
	if !nameForm.MatchString(name) {
		return nil, errName
	}
	switch {
	case kind < Counter || kind > Histogram:
		return nil, fmt.Errorf("there is no kind %d of metric", int(kind))
	case kind == Counter && !strings.HasSuffix(name, "_total"):
		return nil, errors.New("a counter's name ends in _total")
	case kind != Counter && strings.HasSuffix(name, "_total"):
		return nil, fmt.Errorf("only a counter's name ends in _total, this is a %s", kind)
	case endsAsPart(name):
		return nil, errors.New("names that end in _count, _sum or _bucket are a histogram's parts")
	case help == "" || len(help) > 1000 || strings.ToValidUTF8(help, "") != help:
		return nil, errors.New("the help text is empty, longer than 1000 bytes or not UTF-8")
	}
	for i, label := range labels {
		if !nameForm.MatchString(label) || label == "le" || label == "quantile" || slices.Contains(labels[:i], label) {
			return nil, fmt.Errorf("label %q is reserved, stands there twice or is not a name: %w", label, errName)
		}
	}
	if kind != Histogram {
		buckets = nil
	} else if len(buckets) == 0 {
		buckets = DefaultBuckets()
	}
	for i, b := range buckets {
		if math.IsNaN(b) || math.IsInf(b, 0) || i > 0 && b <= buckets[i-1] {
			return nil, fmt.Errorf("buckets %v are not finite numbers that grow", buckets)
		}
	}
	return &Family{kind: kind, name: name, help: help, labels: slices.Clone(labels), buckets: slices.Clone(buckets),
		set: metrics.NewSet(), series: map[string]*Series{}, funcs: map[string]*atomic.Pointer[func() float64]{}}, nil
}

// DefaultBuckets suit request durations in seconds, from a fast answer in the
// server's own memory to a slow upstream.
func DefaultBuckets() []float64 {
	return []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

func (f *Family) same(g *Family) bool {
	return f.kind == g.kind && f.help == g.help && slices.Equal(f.labels, g.labels) && slices.Equal(f.buckets, g.buckets)
}

// Counter is the whole-number counter with these label values: the cheapest
// kind, for the server's own figures.
func (f *Family) Counter(values ...string) *metrics.Counter {
	return f.set.GetOrCreateCounter(f.identity(values))
}

// Func makes a gauge or counter whose value is read when metrics are written.
// Again with the same label values, the later function takes over.
func (f *Family) Func(value func() float64, values ...string) {
	name := f.identity(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	if current := f.funcs[name]; current != nil {
		current.Store(&value)
		return
	}
	current := &atomic.Pointer[func() float64]{}
	current.Store(&value)
	f.funcs[name] = current
	f.set.NewGauge(name, func() float64 { return (*current.Load())() })
}

// Series is the series with these label values, made when it is new.
func (f *Family) Series(values ...string) *Series {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seriesLocked(f.identity(values), values)
}

// PluginSeries is Series for a plugin's metric, within its limits.
func (f *Family) PluginSeries(plugin string, values []string) (*Series, error) {
	if len(values) != len(f.labels)-1 {
		return nil, fmt.Errorf("metric %q has %d labels, not %d", f.name, len(f.labels)-1, len(values))
	}
	values = append([]string{plugin}, values...)
	f.mu.Lock()
	defer f.mu.Unlock()
	name := f.identity(values)
	if f.series[name] == nil && len(f.series) >= maxSeries {
		return nil, ErrTooManySeries
	}
	return f.seriesLocked(name, values), nil
}

func (f *Family) seriesLocked(name string, values []string) *Series {
	s := f.series[name]
	if s != nil {
		return s
	}
	s = &Series{}
	switch f.kind {
	case Counter:
		s.counter = f.set.NewFloatCounter(name)
	case Gauge:
		s.gauge = f.set.NewGauge(name, nil)
	case Histogram:
		s.histogram = newHistogram(f, values)
		f.set.RegisterMetricsWriter(s.histogram.write)
	}
	f.series[name] = s
	return s
}

// identity is the series' name in the text format, name{label="value",…}.
func (f *Family) identity(values []string) string {
	if len(values) != len(f.labels) {
		panic(fmt.Sprintf("BUG: metric %s has labels %q, not %q", f.name, f.labels, values))
	}
	if len(values) == 0 {
		return f.name
	}
	return f.name + "{" + f.pairs(values) + "}"
}

func (f *Family) pairs(values []string) string {
	pairs := make([]string, len(values))
	for i, v := range values {
		v = strings.ToValidUTF8(v[:min(len(v), maxLabelValue)], "\uFFFD")
		pairs[i] = f.labels[i] + `="` + escapeValue.Replace(v) + `"`
	}
	return strings.Join(pairs, ",")
}

var escapeValue = strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`)

func (f *Family) write(w io.Writer) {
	writeHead(w, f.name, f.help, f.kind.String())
	f.set.WritePrometheus(w)
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
