package metric

import (
	"errors"
	"fmt"
	"io"

	"github.com/VictoriaMetrics/metrics"
)

// maxSeries is how many series a plugin's family may have: a label taken from
// the request must not fill the memory.
const maxSeries = 1000

// ErrTooManySeries is the error of a family that is full.
var ErrTooManySeries = errors.New("a metric holds at most 1000 series")

// Family is a metric as one registry has it, with all its series. It is safe
// for concurrent use.
//
// A series belongs to the value of its first label, a plugin or a route: it
// lives as long as a registry that has asked for a series of that value.
type Family struct {
	*definition
	registry *Registry
	claims   map[string]bool // the owners this registry has claimed; under the definition's lock
	closed   bool            // its registry is; under the definition's lock
}

// owner has the series of one plugin or route.
type owner struct {
	claims int // the registries that have claimed it
	set    *metrics.Set
	series map[string]*Series
	sums   map[string]*sum
}

// Claim keeps an owner's series until the registry is closed, before it has
// asked for any: those that another registry has made, and those to come.
func (f *Family) Claim(owner string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owner(owner)
}

// owner is the owner of that name, claimed for the registry. It is called
// locked. After the registry's end it is one that nobody sees: what is counted
// late must not bring a series back.
func (f *Family) owner(name string) *owner {
	o := f.owners[name]
	if o == nil || f.closed {
		o = &owner{set: metrics.NewSet(), series: map[string]*Series{}, sums: map[string]*sum{}}
	}
	if !f.closed && !f.claims[name] {
		f.claims[name] = true
		f.owners[name] = o
		o.claims++
	}
	return o
}

// close gives up what the registry has claimed.
func (f *Family) close() {
	f.mu.Lock()
	var sums []*sum
	for name := range f.claims {
		for _, s := range f.owners[name].sums {
			sums = append(sums, s)
		}
	}
	f.mu.Unlock()
	for _, s := range sums {
		s.end(f.registry, f.kind == Counter) // it may call the registry's functions, which take locks of their own
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for name := range f.claims {
		o := f.owners[name]
		if o.claims--; o.claims == 0 {
			delete(f.owners, name)
			f.count -= len(o.series)
		}
	}
	clear(f.claims)
}

// Counter is the whole-number counter with these label values: the cheapest
// kind, for the server's own figures.
func (f *Family) Counter(values ...string) *metrics.Counter {
	name := f.identity(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owner(first(values)).set.GetOrCreateCounter(name)
}

// Func makes a gauge or counter whose value is read when metrics are written.
// The functions of several registries are added up; a second one of the same
// registry takes over.
func (f *Family) Func(value func() float64, values ...string) {
	name := f.identity(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.owner(first(values))
	s := o.sums[name]
	if s == nil {
		s = &sum{of: map[*Registry]func() float64{}}
		o.sums[name] = s
	}
	s.set(f.registry, value)
	o.set.GetOrCreateGauge(name, s.value)
}

// Each has the series of an owner read when metrics are written: values gives
// each its value and the values of the labels behind the first, no two of them
// alike. It is for things that come and go while their owner stays, and called
// once for an owner.
func (f *Family) Each(owner string, values func(emit func(value float64, labels ...string))) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owner(owner).set.RegisterMetricsWriter(func(w io.Writer) {
		values(func(value float64, labels ...string) {
			fmt.Fprintf(w, "%s %s\n", f.identity(append([]string{owner}, labels...)), formatFloat(value))
		})
	})
}

// Series is the series with these label values, made when it is new.
func (f *Family) Series(values ...string) *Series {
	name := f.identity(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seriesOf(f.owner(first(values)), name, values)
}

// PluginSeries is Series for a plugin's metric, within its limits.
func (f *Family) PluginSeries(plugin string, values []string) (*Series, error) {
	if len(values) != len(f.labels)-1 {
		return nil, fmt.Errorf("metric %q has %d labels, not %d", f.name, len(f.labels)-1, len(values))
	}
	values = append([]string{plugin}, values...)
	name := f.identity(values)
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.owner(plugin)
	if o.series[name] == nil && f.count >= maxSeries {
		return nil, ErrTooManySeries
	}
	return f.seriesOf(o, name, values), nil
}

// seriesOf is the owner's series of that name. It is called locked.
func (f *Family) seriesOf(o *owner, name string, values []string) *Series {
	s := o.series[name]
	if s != nil {
		return s
	}
	s = &Series{}
	switch f.kind {
	case Counter:
		s.counter = o.set.NewFloatCounter(name)
	case Gauge:
		s.gauge = o.set.NewGauge(name, nil)
	case Histogram:
		s.histogram = newHistogram(f.definition, values)
		o.set.RegisterMetricsWriter(s.histogram.write)
	}
	o.series[name] = s
	if !f.closed {
		f.count++
	}
	return s
}

// first is whose series these label values belong to.
func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
