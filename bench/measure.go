package main

import (
	"slices"
	"time"
)

// sample is what one server has done in one round.
type sample struct {
	Rate float64 // requests a second
	CPU  float64 // µs of the server's for each
	P50  float64 // µs, as wrk saw it
	P99  float64
}

// row is a workload's results.
type row struct {
	Name   string
	Title  string
	Target float64 `json:",omitempty"`
	Plugin bool    `json:",omitempty"` // there is one
	InC    bool    `json:",omitempty"`
	Void   string  `json:",omitempty"` // why it does not count

	Phasm, OpenResty             sample  // medians, with as much load as there is time for
	PhasmMemory, OpenRestyMemory int     // bytes, after the load
	Ratio, RatioLeast, RatioMost float64 // OpenResty's CPU for each request over phasm's: the median of the rounds
	RateRatio                    float64 // phasm's requests a second over OpenResty's: likewise
	PhasmRounds, OpenRestyRounds []sample

	LatencyRate                    float64 `json:",omitempty"` // requests a second for
	PhasmLatency, OpenRestyLatency latency
}

func newRow(w *workload) row {
	return row{Name: w.Name, Title: w.Title, Target: w.Target, Plugin: w.Plugin, InC: w.InC}
}

// plan is how long is measured.
type plan struct {
	rounds int
	warm   time.Duration
	period time.Duration

	latencyRounds int
	latency       time.Duration // of a round
	special       time.Duration // beside the hog, and while there are reloads
}

// measure drives both servers in turns.
func measure(s *stage, p plan) (r row, err error) {
	r = newRow(s.workload)
	one := func(name string, server *process, address string) (sample, error) {
		got, bad, err := turn(s, server, address, p.period)
		if bad != "" && r.Void == "" {
			r.Void = name + ": " + bad
		}
		return got, err
	}
	for _, address := range []string{s.Phasm, s.OpenResty} {
		if err := warm(s, address, p.warm); err != nil {
			return r, err
		}
	}
	for range p.rounds {
		ours, err := one("phasm", s.phasm, s.Phasm)
		if err != nil {
			return r, err
		}
		theirs, err := one("OpenResty", s.openresty, s.OpenResty)
		if err != nil {
			return r, err
		}
		r.PhasmRounds, r.OpenRestyRounds = append(r.PhasmRounds, ours), append(r.OpenRestyRounds, theirs)
	}
	r.PhasmMemory, r.OpenRestyMemory = s.phasm.resident(), s.openresty.resident()
	if r.sum(); r.Void != "" {
		return r, nil
	}
	return r, r.measureLatency(s, p)
}

// warm asks a server for some time and looks at nothing. wrk, which counts in
// whole seconds, does it only where it must.
func warm(s *stage, address string, period time.Duration) (err error) {
	if s.workload.TLS {
		_, err = drive(s, address, period)
	} else {
		_, err = askOpen(s, address, 0, period)
	}
	return err
}

// turn drives one server for some time. bad says why that does not count.
func turn(s *stage, server *process, address string, period time.Duration) (got sample, bad string, err error) {
	before := server.cpu()
	l, err := drive(s, address, period)
	if err != nil {
		return sample{}, "", err
	}
	n := float64(max(1, l.requests))
	return sample{
		Rate: n / l.seconds, CPU: float64((server.cpu() - before).Microseconds()) / n,
		P50: float64(l.p50.Microseconds()), P99: float64(l.p99.Microseconds()),
	}, l.bad(s.workload), nil
}

// sum makes the medians and ratios of the rounds.
func (r *row) sum() {
	r.Phasm, r.OpenResty = medians(r.PhasmRounds), medians(r.OpenRestyRounds)
	var ratios, rates []float64
	for i, ours := range r.PhasmRounds {
		if ours.CPU == 0 || r.OpenRestyRounds[i].CPU == 0 {
			r.Void = "a server had no CPU time to speak of: the machine does something else"
			return
		}
		ratios = append(ratios, r.OpenRestyRounds[i].CPU/ours.CPU)
		rates = append(rates, ours.Rate/r.OpenRestyRounds[i].Rate)
	}
	r.Ratio, r.RateRatio = median(ratios), median(rates)
	r.RatioLeast, r.RatioMost = slices.Min(ratios), slices.Max(ratios)
}

func medians(rounds []sample) sample {
	of := func(f func(sample) float64) float64 {
		var all []float64
		for _, s := range rounds {
			all = append(all, f(s))
		}
		return median(all)
	}
	return sample{
		Rate: of(func(s sample) float64 { return s.Rate }), CPU: of(func(s sample) float64 { return s.CPU }),
		P50: of(func(s sample) float64 { return s.P50 }), P99: of(func(s sample) float64 { return s.P99 }),
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
