package plugins

import (
	"time"

	"phasm/plugins/metric"
	"phasm/pool"
	"phasm/sdk/abi"
)

// sampled is how many calls of an instance there are to one whose time is
// taken. Two looks at the clock cost as much as a phase call itself.
const sampled = 16

// counts are what an instance has counted since it was last in the pool.
// Nobody else looks at them, so they need no lock.
type counts struct {
	calls   [abi.NumPhases]uint32
	errors  [abi.NumPhases]uint32
	time    [abi.NumPhases]time.Duration // of the calls whose time was taken
	cpu     time.Duration                // of calls that took more than a slice
	counter uint32
	dirty   bool
}

func (c *counts) begin(phase abi.Phase) time.Time {
	c.calls[phase]++
	c.dirty = true
	c.counter++
	if c.counter%sampled != 1 {
		return time.Time{}
	}
	return time.Now()
}

func (c *counts) end(phase abi.Phase, start time.Time) {
	if !start.IsZero() {
		c.time[phase] += time.Since(start)
	}
}

// figures are a plugin's totals, kept under its pool's lock.
type figures struct {
	calls  [abi.NumPhases]uint64
	errors [abi.NumPhases]uint64
	time   [abi.NumPhases]time.Duration
	cpu    time.Duration
}

// add takes over what an instance has counted.
func (f *figures) add(i *Instance) {
	c := &i.counts
	if !c.dirty {
		return
	}
	for p := range abi.NumPhases {
		if c.calls[p] != 0 {
			f.calls[p] += uint64(c.calls[p])
			f.errors[p] += uint64(c.errors[p])
			f.time[p] += c.time[p]
			c.calls[p], c.errors[p], c.time[p] = 0, 0, 0
		}
	}
	f.cpu += c.cpu
	c.cpu, c.dirty = 0, false
}

// register puts the plugin's figures among the server's metrics. After a
// reload the plugin of the same name takes its series over.
func (f *figures) register(p *Plugin) {
	r, name := p.options.Registry, p.options.Name
	labels := []string{"plugin", "phase"}
	calls := r.Must(metric.Counter, "phasm_plugin_calls_total", "Phase calls of plugins.", labels)
	faults := r.Must(metric.Counter, "phasm_plugin_errors_total", "Phase calls that ended in a fault.", labels)
	seconds := r.Must(metric.Counter, "phasm_plugin_seconds_total",
		"Time spent in phase calls, estimated from every 16th call of an instance.", labels)
	for phase := range abi.NumPhases {
		if !p.phases.Has(phase) {
			continue
		}
		read := func(value func() float64) func() float64 {
			return func() (v float64) {
				p.pool.Locked(func() { v = value() })
				return v
			}
		}
		calls.Func(read(func() float64 { return float64(f.calls[phase]) }), name, phase.String())
		faults.Func(read(func() float64 { return float64(f.errors[phase]) }), name, phase.String())
		seconds.Func(read(func() float64 { return f.time[phase].Seconds() * sampled }), name, phase.String())
	}
	r.Must(metric.Counter, "phasm_plugin_cpu_seconds_total", "Time that guests computed, in calls that took longer than some ten microseconds.", []string{"plugin"}).
		Func(func() (v float64) {
			p.pool.Locked(func() { v = f.cpu.Seconds() })
			return v
		}, name)
	states := r.Must(metric.Gauge, "phasm_plugin_instances", "Instances of plugins by state.", []string{"plugin", "state"})
	states.Func(func() float64 { return float64(p.pool.Stats().Idle) }, name, "idle")
	states.Func(func() float64 { return float64(p.pool.Stats().InUse) }, name, "in_use")
	of := []string{"plugin"}
	counter := func(name, help string, value func(pool.Stats) uint64) {
		r.Must(metric.Counter, name, help, of).Func(func() float64 { return float64(value(p.pool.Stats())) }, p.options.Name)
	}
	counter("phasm_plugin_busy_total", "Exchanges that got no instance in time.", func(s pool.Stats) uint64 { return s.Busy })
	counter("phasm_plugin_instances_made_total", "Instances that were made.", func(s pool.Stats) uint64 { return s.Made })
	counter("phasm_plugin_instances_discarded_total", "Instances that were ended because of a fault, or because they could not be reset.",
		func(s pool.Stats) uint64 { return s.Discarded })
	r.Must(metric.Gauge, "phasm_plugin_waiting", "Exchanges that wait for an instance.", of).
		Func(func() float64 { return float64(p.pool.Stats().Waiting) }, name)
	r.Must(metric.Gauge, "phasm_plugin_quarantined", "1 while the plugin is in quarantine.", of).
		Func(func() float64 { return min(1, float64(p.quarantine.until.Load())) }, name)
	r.Must(metric.Counter, "phasm_plugin_quarantines_total", "Times that the plugin was put in quarantine.", of).
		Func(func() float64 { return float64(p.quarantine.total.Load()) }, name)
	p.timers.register(r, name)
	if p.phases.Has(abi.Message) {
		p.messages.register(r, name)
	}
}
