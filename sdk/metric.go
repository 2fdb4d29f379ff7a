package sdk

import (
	"math"
	"strconv"

	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Counter is a metric that only grows; its name ends in _total. The package
// comment says how metrics are declared.
type Counter struct{ metric }

// NewCounter declares a counter.
func NewCounter(name, help string, labels ...string) *Counter {
	c := &Counter{metric{kind: abi.Counter, name: name, help: help, labels: labels}}
	c.declare()
	return c
}

// With is the series with these values, one for each label: another number of
// them panics. Asking again for the same values costs a look into a map.
func (c *Counter) With(values ...string) CounterSeries { return CounterSeries{c.with(values)} }

// CounterSeries is one series of a counter.
type CounterSeries struct{ series *series }

// Inc adds one.
func (c CounterSeries) Inc() error { return c.Add(1) }

// Add adds a number that is finite and not negative.
func (c CounterSeries) Add(v float64) error { return c.series.add(v) }

// Gauge is a metric that goes up and down.
type Gauge struct{ metric }

// NewGauge declares a gauge.
func NewGauge(name, help string, labels ...string) *Gauge {
	g := &Gauge{metric{kind: abi.Gauge, name: name, help: help, labels: labels}}
	g.declare()
	return g
}

// With is as [Counter.With].
func (g *Gauge) With(values ...string) GaugeSeries { return GaugeSeries{g.with(values)} }

// GaugeSeries is one series of a gauge.
type GaugeSeries struct{ series *series }

// Set sets the gauge; NaN is refused.
func (g GaugeSeries) Set(v float64) error {
	if g.series.id < 0 {
		return errnoOf(g.series.id)
	}
	return errnoOf(imports.MetricSet(g.series.id, v))
}

// Add adds a finite number, which may be negative.
func (g GaugeSeries) Add(v float64) error { return g.series.add(v) }

// Histogram is a metric that counts observations in buckets.
type Histogram struct{ metric }

// NewHistogram declares a histogram. Buckets are upper bounds that grow, at
// most 50; none means the server's, which suit durations in seconds.
func NewHistogram(name, help string, buckets []float64, labels ...string) *Histogram {
	h := &Histogram{metric{kind: abi.Histogram, name: name, help: help, labels: labels, buckets: buckets}}
	h.declare()
	return h
}

// With is as [Counter.With].
func (h *Histogram) With(values ...string) HistogramSeries { return HistogramSeries{h.with(values)} }

// HistogramSeries is one series of a histogram.
type HistogramSeries struct{ series *series }

// Observe counts a finite number.
func (h HistogramSeries) Observe(v float64) error {
	if h.series.id < 0 {
		return errnoOf(h.series.id)
	}
	return errnoOf(imports.MetricObserve(h.series.id, v))
}

// metric is what the kinds have in common.
type metric struct {
	kind       abi.MetricKind
	name, help string
	labels     []string
	buckets    []float64

	id     int32 // the host's, once defined
	known  bool  // id is good
	series map[string]*series
}

// series is a metric with label values. It may be made before the host knows
// of the metric, in a package variable: then id is the error of its updates.
type series struct{ id int32 }

func (s *series) add(v float64) error {
	if s.id < 0 {
		return errnoOf(s.id)
	}
	return errnoOf(imports.MetricAdd(s.id, v))
}

// declare sees to it that the host learns of the metric, in the init phase.
func (m *metric) declare() {
	m.series = map[string]*series{}
	phases.Setup(m.define)
}

// define tells the host of the metric and of the series asked for so far.
func (m *metric) define() Action {
	var labels, bounds []byte
	for _, label := range m.labels {
		labels = appendItem(labels, label)
	}
	for _, b := range m.buckets {
		for bits, i := math.Float64bits(b), 0; i < 8; i++ {
			bounds = append(bounds, byte(bits>>(8*i)))
		}
	}
	m.id = imports.MetricDefine(int32(m.kind), m.name, m.help, stringOf(labels), stringOf(bounds))
	if m.known = m.id >= 0; !m.known {
		Error("cannot define metric " + strconv.Quote(m.name) + ": " + errnoOf(m.id).Error())
		return failed
	}
	for values, s := range m.series {
		s.id = imports.MetricSeries(m.id, values)
	}
	return Continue
}

func (m *metric) with(values []string) *series {
	if len(values) != len(m.labels) {
		panic("sdk: metric " + m.name + " has " + strconv.Itoa(len(m.labels)) + " labels, not " + strconv.Itoa(len(values)))
	}
	var buf [128]byte
	key := buf[:0]
	for _, v := range values {
		key = appendItem(key, v)
	}
	if s := m.series[string(key)]; s != nil {
		return s
	}
	s := &series{id: int32(ErrNotFound)}
	if m.known {
		// A series that the host refuses is not kept: label values may come
		// from clients, without end.
		if s.id = imports.MetricSeries(m.id, stringOf(key)); s.id < 0 {
			return s
		}
	}
	m.series[string(key)] = s
	return s
}
