package metric

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxLabelValue is where a label's value is cut off, in bytes.
const maxLabelValue = 256

// definition is a metric as it was defined. Registries that define it alike
// share it.
type definition struct {
	kind    Kind
	name    string
	help    string
	labels  []string
	buckets []float64

	mu     sync.Mutex
	owners map[string]*owner // by the value of the first label, "" where there are no labels
	count  int               // of the owners' series
}

func newDefinition(kind Kind, name, help string, labels []string, buckets []float64) (*definition, error) {
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
	return &definition{kind: kind, name: name, help: help, labels: slices.Clone(labels), buckets: slices.Clone(buckets),
		owners: map[string]*owner{}}, nil
}

// DefaultBuckets suit request durations in seconds, from a fast answer in the
// server's own memory to a slow upstream.
func DefaultBuckets() []float64 {
	return []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

func (d *definition) same(e *definition) bool {
	return d.kind == e.kind && d.help == e.help && slices.Equal(d.labels, e.labels) && slices.Equal(d.buckets, e.buckets)
}

// identity is the series' name in the text format, name{label="value",…}.
func (d *definition) identity(values []string) string {
	if len(values) != len(d.labels) {
		panic(fmt.Sprintf("BUG: metric %s has labels %q, not %q", d.name, d.labels, values))
	}
	if len(values) == 0 {
		return d.name
	}
	return d.name + "{" + d.pairs(values) + "}"
}

func (d *definition) pairs(values []string) string {
	pairs := make([]string, len(values))
	for i, v := range values {
		v = strings.ToValidUTF8(v[:min(len(v), maxLabelValue)], "\uFFFD")
		pairs[i] = d.labels[i] + `="` + escapeValue.Replace(v) + `"`
	}
	return strings.Join(pairs, ",")
}

var escapeValue = strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`)

func (d *definition) write(w io.Writer) {
	d.mu.Lock()
	owners := maps.Clone(d.owners)
	d.mu.Unlock()
	writeHead(w, d.name, d.help, d.kind.String())
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		owners[name].set.WritePrometheus(w)
	}
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
