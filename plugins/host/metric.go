package host

import (
	"encoding/binary"
	"errors"
	"math"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/metric"
	"phasm/sdk/abi"
)

// Metrics are a plugin's metrics by the numbers its guests know them by. All
// instances of a plugin share them.
type Metrics struct {
	plugin   string
	registry *metric.Registry

	mu       sync.RWMutex
	families []*metric.Family
	defined  map[string]int // the families' numbers by their names
	series   []*metric.Series
	ids      map[*metric.Series]int
}

func newMetrics(plugin string, registry *metric.Registry) *Metrics {
	return &Metrics{plugin: plugin, registry: registry,
		defined: map[string]int{}, ids: map[*metric.Series]int{}}
}

// Limits of one definition.
const (
	maxMetrics = 200      // per plugin
	maxText    = 16 << 10 // of the name, the help text and the labels together, in bytes
	maxSeries  = 10_000
	maxLabels  = 10
	maxBuckets = 50
)

func metricDefine(c *Call, s []uint64) {
	kind := api.DecodeI32(s[0])
	name, ok1 := c.view(s[1], s[2])
	help, ok2 := c.view(s[3], s[4])
	labels, ok3 := c.view(s[5], s[6])
	buckets, ok4 := c.view(s[7], s[8])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(name)+len(help)+len(labels) > maxText {
		fail(s, abi.BadArgument)
		return
	}
	names, ok := parseList(labels, maxLabels)
	bounds, ok2 := parseFloats(buckets, maxBuckets)
	if !ok || !ok2 || kind < 0 || kind > int32(abi.Histogram) {
		fail(s, abi.BadArgument)
		return
	}
	id, err := c.Plugin.Metrics.define(metric.Kind(kind), string(name), string(help), names, bounds)
	if err != nil {
		c.Plugin.Log.Error(err.Error(), "function", "metric_define")
		fail(s, abi.BadArgument)
		return
	}
	answer(s, id)
}

func (m *Metrics) define(kind metric.Kind, name, help string, labels []string, buckets []float64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, known := m.defined[name]
	if !known && len(m.families) == maxMetrics {
		return 0, errTooManyMetrics
	}
	f, err := m.registry.DefinePlugin(m.plugin, kind, name, help, labels, buckets)
	if err != nil {
		return 0, err
	}
	if !known {
		id = len(m.families)
		m.families = append(m.families, f)
		m.defined[name] = id
	}
	return id, nil
}

var errTooManyMetrics = errors.New("cannot define metric: a plugin has at most 200")

func metricSeries(c *Call, s []uint64) {
	id := int(api.DecodeI32(s[0]))
	list, ok := c.view(s[1], s[2])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	values, ok := parseList(list, maxLabels)
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	m := c.Plugin.Metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	if id < 0 || id >= len(m.families) {
		fail(s, abi.BadArgument)
		return
	}
	series, err := m.families[id].PluginSeries(m.plugin, values)
	switch {
	case errors.Is(err, metric.ErrTooManySeries):
		fail(s, abi.NoMemory)
		return
	case err != nil:
		fail(s, abi.BadArgument)
		return
	}
	n, known := m.ids[series]
	if !known {
		if len(m.series) == maxSeries {
			fail(s, abi.NoMemory)
			return
		}
		n = len(m.series)
		m.series = append(m.series, series)
		m.ids[series] = n
	}
	answer(s, n)
}

func metricAdd(c *Call, s []uint64)     { c.update(s, (*metric.Series).Add) }
func metricSet(c *Call, s []uint64)     { c.update(s, (*metric.Series).Set) }
func metricObserve(c *Call, s []uint64) { c.update(s, (*metric.Series).Observe) }

// update changes a series; one of another kind answers bad argument.
func (c *Call) update(s []uint64, change func(*metric.Series, float64) bool) {
	m := c.Plugin.Metrics
	id := int(api.DecodeI32(s[0]))
	m.mu.RLock()
	var series *metric.Series
	if id >= 0 && id < len(m.series) {
		series = m.series[id]
	}
	m.mu.RUnlock()
	done(s, series != nil && change(series, math.Float64frombits(s[1])))
}

func parseFloats(b []byte, max int) ([]float64, bool) {
	if len(b)%8 != 0 || len(b)/8 > max {
		return nil, false
	}
	floats := make([]float64, 0, len(b)/8)
	for ; len(b) > 0; b = b[8:] {
		floats = append(floats, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return floats, true
}
