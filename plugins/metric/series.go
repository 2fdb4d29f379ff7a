package metric

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// Series is one line of a family: a counter, a gauge or a histogram, as the
// family's kind says. It is safe for concurrent use, and no method allocates.
type Series struct {
	counter   *metrics.FloatCounter
	gauge     *metrics.Gauge
	histogram *histogram
}

// Add adds to a counter or a gauge. It answers false for a histogram, for
// numbers that are not finite and for a negative one on a counter.
func (s *Series) Add(v float64) bool {
	switch {
	case !finite(v):
		return false
	case s.gauge != nil:
		s.gauge.Add(v)
		return true
	case s.counter != nil && v >= 0:
		s.counter.Add(v)
		return true
	}
	return false
}

// Set sets a gauge. It answers false for other kinds and for NaN.
func (s *Series) Set(v float64) bool {
	if s.gauge == nil || math.IsNaN(v) {
		return false
	}
	s.gauge.Set(v)
	return true
}

// Observe counts a value in a histogram. It answers false for other kinds and
// for numbers that are not finite.
func (s *Series) Observe(v float64) bool {
	if s.histogram == nil || !finite(v) {
		return false
	}
	s.histogram.observe(v)
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// histogram counts values in buckets with fixed upper bounds. The library's
// own histogram chooses bounds by itself and writes them under a label that
// Prometheus' histogram_quantile does not know.
type histogram struct {
	family *definition
	pairs  string
	counts []atomic.Uint64 // one a bucket, the last for what is over all bounds
	sum    atomic.Uint64   // the bits of a float64
}

func newHistogram(f *definition, values []string) *histogram {
	pairs := f.pairs(values)
	if pairs != "" {
		pairs += ","
	}
	return &histogram{family: f, pairs: pairs, counts: make([]atomic.Uint64, len(f.buckets)+1)}
}

func (h *histogram) observe(v float64) {
	i := 0
	for i < len(h.family.buckets) && v > h.family.buckets[i] {
		i++ // few buckets, and the low ones are the likely ones
	}
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// write writes the cumulative buckets, the sum and the count.
func (h *histogram) write(w io.Writer) {
	var total uint64
	for i := range h.counts {
		total += h.counts[i].Load()
		bound := "+Inf"
		if i < len(h.family.buckets) {
			bound = formatFloat(h.family.buckets[i])
		}
		fmt.Fprintf(w, "%s_bucket{%sle=%q} %d\n", h.family.name, h.pairs, bound, total)
	}
	labels := ""
	if h.pairs != "" {
		labels = "{" + h.pairs[:len(h.pairs)-1] + "}"
	}
	fmt.Fprintf(w, "%s_sum%s %s\n", h.family.name, labels, formatFloat(math.Float64frombits(h.sum.Load())))
	fmt.Fprintf(w, "%s_count%s %d\n", h.family.name, labels, total)
}
