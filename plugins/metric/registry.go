// Package metric keeps the server's and the plugins' metrics and writes them
// in Prometheus' text format. The values themselves are held by
// VictoriaMetrics/metrics; this package adds what that leaves to its user: a
// help text and a type for each family, fixed histogram buckets as every
// Prometheus understands them, and limits, because plugins may define metrics
// of their own.
package metric

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/VictoriaMetrics/metrics"
)

// Kind is a metric's type; the numbers are the ABI's.
type Kind int

// Kinds.
const (
	Counter Kind = iota
	Gauge
	Histogram
)

// String is the kind's name in the text format.
func (k Kind) String() string { return [...]string{"counter", "gauge", "histogram"}[k] }

// Registry holds metric families. It is safe for concurrent use.
type Registry struct {
	mu       sync.RWMutex
	families map[string]*Family
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry { return &Registry{families: map[string]*Family{}} }

// Define answers the family of that name and makes it where it is new. An
// equal definition answers the same family; one that differs is an error.
// Counters' names must end in _total, as Prometheus' naming rules ask.
func (r *Registry) Define(kind Kind, name, help string, labels []string, buckets []float64) (*Family, error) {
	f, err := newFamily(kind, name, help, labels, buckets)
	if err != nil {
		return nil, fmt.Errorf("cannot define metric %q: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.families[name]; old != nil {
		if !old.same(f) {
			return nil, fmt.Errorf("cannot define metric %q: it is defined already as a %s with labels %q, help %q and buckets %v",
				name, old.kind, old.labels, old.help, old.buckets)
		}
		return old, nil
	}
	r.families[name] = f
	return f, nil
}

// Must is Define for the server's own metrics, whose definitions are constant.
func (r *Registry) Must(kind Kind, name, help string, labels []string, buckets ...float64) *Family {
	f, err := r.Define(kind, name, help, labels, buckets)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return f
}

// pluginLabel is the label that names the plugin on the plugins' own metrics.
const pluginLabel = "plugin"

// DefinePlugin is Define for a plugin's metric, which gets the label "plugin"
// ahead of its own, and none of the server's names.
func (r *Registry) DefinePlugin(plugin string, kind Kind, name, help string, labels []string, buckets []float64) (*Family, error) {
	for _, reserved := range []string{"phasm_", "go_", "process_"} {
		if strings.HasPrefix(name, reserved) {
			return nil, fmt.Errorf("cannot define metric %q of plugin %q: names that begin with %s are the server's", name, plugin, reserved)
		}
	}
	return r.Define(kind, name, help, append([]string{pluginLabel}, labels...), buckets)
}

// WritePrometheus writes all families, sorted by name, then the figures of the
// Go runtime and the process.
func (r *Registry) WritePrometheus(w io.Writer) {
	r.mu.RLock()
	families := maps.Clone(r.families)
	r.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(families)) {
		families[name].write(w)
	}
	writeProcess(w)
}

// writeProcess writes the library's own figures with types and help texts,
// without which promtool refuses them. It leaves out those that have no type.
func writeProcess(w io.Writer) {
	var b bytes.Buffer
	metrics.WriteProcessMetrics(&b)
	family, summary := "", ""
	for line := range bytes.Lines(b.Bytes()) {
		name := string(line[:max(0, bytes.IndexAny(line, "{ "))])
		isPart := name == summary+"_sum" || name == summary+"_count"
		if name != family && !isPart {
			kind := processType(name, line[len(name):])
			if kind == "" {
				continue
			}
			writeHead(w, name, "Of the Go runtime or the process, as VictoriaMetrics/metrics names it.", kind)
			family = name
			if kind == "summary" {
				summary = name
			}
		}
		w.Write(line)
	}
}

// processType is the type of one of the library's figures. It is empty for
// its histograms, whose buckets only VictoriaMetrics understands, and for
// figures whose names break Prometheus' rules.
func processType(name string, rest []byte) string {
	switch {
	case strings.HasSuffix(name, "_total"):
		return "counter"
	case bytes.HasPrefix(rest, []byte("{quantile=")):
		return "summary"
	case name == "" || endsAsPart(name):
		return ""
	default:
		return "gauge"
	}
}

// endsAsPart tells whether a name ends like one line of a histogram or a
// summary, which no metric's own name may.
func endsAsPart(name string) bool {
	return strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count")
}

func writeHead(w io.Writer, name, help, kind string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, escapeHelp.Replace(help), name, kind)
}

var (
	escapeHelp = strings.NewReplacer("\\", `\\`, "\n", `\n`)
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,127}$`)
	errName    = errors.New("a name is lower-case letters, digits and _, at most 128, and begins with a letter")
)
