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

// Registry holds the metric families of one generation. Several generations
// live side by side while a reload replaces one by the next: their registries
// know of each other, and where they define a metric alike they count in the
// same series. It is safe for concurrent use.
type Registry struct {
	living   *living
	families map[string]*Family // by name; under the lock of living
	closed   bool               // under the lock of living
}

// living are the registries that have not been closed, the oldest first.
type living struct {
	mu         sync.RWMutex
	registries []*Registry
}

// NewRegistry makes an empty registry that knows of no other.
func NewRegistry() *Registry { return (&living{}).add() }

// Next makes a registry for another generation beside this one.
func (r *Registry) Next() *Registry { return r.living.add() }

func (l *living) add() *Registry {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &Registry{living: l, families: map[string]*Family{}}
	l.registries = append(l.registries, r)
	return r
}

// Close ends a generation's part in the metrics, once nothing of it runs any
// more. Series of plugins and routes that no other registry has are gone with
// it, the others go on: a counter does not begin anew.
func (r *Registry) Close() {
	l := r.living
	l.mu.Lock()
	l.registries = slices.DeleteFunc(l.registries, func(other *Registry) bool { return other == r })
	r.closed = true
	families := maps.Clone(r.families)
	l.mu.Unlock()
	for _, f := range families {
		f.close()
	}
}

// Define answers the family of that name and makes it where it is new. An
// equal definition answers the same family; one that differs from another of
// this registry is an error. One that differs from that of another generation
// has series of its own, so that a plugin can change its metrics.
// Counters' names must end in _total, as Prometheus' naming rules ask.
func (r *Registry) Define(kind Kind, name, help string, labels []string, buckets []float64) (*Family, error) {
	d, err := newDefinition(kind, name, help, labels, buckets)
	if err != nil {
		return nil, fmt.Errorf("cannot define metric %q: %w", name, err)
	}
	r.living.mu.Lock()
	defer r.living.mu.Unlock()
	if old := r.families[name]; old != nil {
		if !old.same(d) {
			return nil, fmt.Errorf("cannot define metric %q: it is defined already as a %s with labels %q, help %q and buckets %v",
				name, old.kind, old.labels, old.help, old.buckets)
		}
		return old, nil
	}
	for _, other := range r.living.registries {
		if f := other.families[name]; f != nil && f.same(d) {
			d = f.definition
		}
	}
	f := &Family{definition: d, registry: r, claims: map[string]bool{}, closed: r.closed}
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
	f, err := r.Define(kind, name, help, append([]string{pluginLabel}, labels...), buckets)
	if err == nil {
		f.Claim(plugin)
	}
	return f, err
}

// WritePrometheus writes the families of all living registries, sorted by
// name, then the figures of the Go runtime and the process. Where another
// registry defines a metric differently, this one's definition counts.
func (r *Registry) WritePrometheus(w io.Writer) {
	families := map[string]*Family{}
	r.living.mu.RLock()
	for _, other := range r.living.registries {
		maps.Copy(families, other.families)
	}
	maps.Copy(families, r.families)
	r.living.mu.RUnlock()
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
