//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"phasm/sdk/abi"
)

// metrics are the plugin's metrics; ids are indexes.
type metrics struct {
	families []*family
	series   []*series
}

type family struct {
	kind    abi.MetricKind
	name    string
	help    string
	labels  []string
	buckets []float64
	series  map[string]*series // by their label values, as a list
}

type series struct {
	id       int32
	kind     abi.MetricKind
	value    float64
	observed []float64
}

// Metric is the value of a counter or a gauge with these label values, 0 where
// nothing was counted. For a histogram it is the number of observations.
func (h *Host) Metric(name string, values ...string) float64 {
	s := h.fake.metrics.find(name, values)
	switch {
	case s == nil:
		return 0
	case s.kind == abi.Histogram:
		return float64(len(s.observed))
	}
	return s.value
}

// Observations are what a histogram with these label values has counted.
func (h *Host) Observations(name string, values ...string) []float64 {
	s := h.fake.metrics.find(name, values)
	if s == nil {
		return nil
	}
	return slices.Clone(s.observed)
}

func (m *metrics) find(name string, values []string) *series {
	for _, f := range m.families {
		if f.name == name {
			return f.series[listOf(values)]
		}
	}
	return nil
}

func listOf(values []string) string {
	var b []byte
	for _, v := range values {
		b = appendItem(b, v)
	}
	return string(b)
}

// Limits of the server's.
const (
	maxMetrics = 200
	maxLabels  = 10
	maxBuckets = 50
	maxSeries  = 1000
	maxText    = 16 << 10 // of a metric's name, help text and labels together, in bytes
)

// MetricDefine implements imports.Host.
func (f *fake) MetricDefine(kind int32, name, help, labels, buckets string) int32 {
	names, ok := parseList(labels, maxLabels)
	bounds, ok2 := parseFloats(buckets)
	if !ok || !ok2 || len(name)+len(help)+len(labels) > maxText || kind < 0 || kind > int32(abi.Histogram) {
		return badArgument
	}
	d := &family{
		kind: abi.MetricKind(kind), name: strings.Clone(name), help: strings.Clone(help),
		labels: names, buckets: bounds, series: map[string]*series{},
	}
	id, err := f.metrics.define(d)
	if err != nil {
		f.log(LogLine{
			Level: abi.Error, Phase: f.phase, Function: "metric_define",
			Message: fmt.Sprintf("cannot define metric %q: %v", name, err),
		})
		return badArgument
	}
	return int32(id)
}

func (m *metrics) define(d *family) (int, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	for id, known := range m.families {
		if known.name != d.name {
			continue
		}
		if !known.same(d) {
			return 0, errors.New("it is defined already, in another way")
		}
		return id, nil
	}
	if len(m.families) == maxMetrics {
		return 0, errors.New("a plugin has at most 200")
	}
	m.families = append(m.families, d)
	return len(m.families) - 1, nil
}

func (d *family) same(e *family) bool {
	return d.kind == e.kind && d.help == e.help && slices.Equal(d.labels, e.labels) && slices.Equal(d.buckets, e.buckets)
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)

// check refuses what the server refuses.
func (d *family) check() error {
	for _, reserved := range []string{"phasm_", "go_", "process_"} {
		if strings.HasPrefix(d.name, reserved) {
			return fmt.Errorf("names that begin with %s are the server's", reserved)
		}
	}
	switch {
	case !nameForm.MatchString(d.name):
		return errors.New("a name is lower-case letters, digits and _, at most 128, and begins with a letter")
	case (d.kind == abi.Counter) != strings.HasSuffix(d.name, "_total"):
		return errors.New("a counter's name, and no other, ends in _total")
	case strings.HasSuffix(d.name, "_count"), strings.HasSuffix(d.name, "_sum"), strings.HasSuffix(d.name, "_bucket"):
		return errors.New("names that end in _count, _sum or _bucket are a histogram's parts")
	case d.help == "" || len(d.help) > 1000 || strings.ToValidUTF8(d.help, "") != d.help:
		return errors.New("the help text is empty, longer than 1000 bytes or not UTF-8")
	}
	for i, label := range d.labels {
		if !nameForm.MatchString(label) || slices.Contains([]string{"le", "quantile", "plugin"}, label) || slices.Contains(d.labels[:i], label) {
			return fmt.Errorf("label %q is reserved, stands there twice or is not a name", label)
		}
	}
	if d.kind != abi.Histogram {
		d.buckets = nil
	}
	for i, b := range d.buckets {
		if !finite(b) || i > 0 && b <= d.buckets[i-1] {
			return fmt.Errorf("buckets %v are not finite numbers that grow", d.buckets)
		}
	}
	return nil
}

// MetricSeries implements imports.Host.
func (f *fake) MetricSeries(metric int32, values string) int32 {
	list, ok := parseList(values, maxLabels)
	if !ok || metric < 0 || int(metric) >= len(f.metrics.families) {
		return badArgument
	}
	d := f.metrics.families[metric]
	if len(list) != len(d.labels) {
		return badArgument
	}
	if s := d.series[values]; s != nil {
		return s.id
	}
	if len(d.series) == maxSeries {
		return noMemory
	}
	s := &series{id: int32(len(f.metrics.series)), kind: d.kind}
	f.metrics.series = append(f.metrics.series, s)
	d.series[strings.Clone(values)] = s
	return s.id
}

// MetricAdd implements imports.Host.
func (f *fake) MetricAdd(id int32, v float64) int32 {
	s := f.metrics.at(id)
	if s == nil || !finite(v) || s.kind == abi.Histogram || s.kind == abi.Counter && v < 0 {
		return badArgument
	}
	s.value += v
	return done
}

// MetricSet implements imports.Host.
func (f *fake) MetricSet(id int32, v float64) int32 {
	s := f.metrics.at(id)
	if s == nil || math.IsNaN(v) || s.kind != abi.Gauge {
		return badArgument
	}
	s.value = v
	return done
}

// MetricObserve implements imports.Host.
func (f *fake) MetricObserve(id int32, v float64) int32 {
	s := f.metrics.at(id)
	if s == nil || !finite(v) || s.kind != abi.Histogram {
		return badArgument
	}
	s.observed = append(s.observed, v)
	return done
}

func (m *metrics) at(id int32) *series {
	if id < 0 || int(id) >= len(m.series) {
		return nil
	}
	return m.series[id]
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func parseFloats(s string) ([]float64, bool) {
	b := []byte(s)
	if len(b)%8 != 0 || len(b)/8 > maxBuckets {
		return nil, false
	}
	var floats []float64
	for ; len(b) > 0; b = b[8:] {
		floats = append(floats, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return floats, true
}
