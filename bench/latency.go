package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"phasm/bench/openloop"
)

// latency is how long answers took, in µs, each from when its request was due.
type latency struct {
	P50, P99 float64
}

func latencyOf(r openloop.Result) latency {
	return latency{float64(r.Percentile(50).Microseconds()), float64(r.Percentile(99).Microseconds())}
}

func (l latency) String() string { return brief(l.P50) + " / " + brief(l.P99) }

// loadPart is how much of the slower server's requests a second both are asked
// for when it is measured how long answers take.
const loadPart = 0.7

// measureLatency asks both servers in turns, at random times, equally often.
// The open-loop client has no TLS.
func (r *row) measureLatency(s *stage, p plan) error {
	if s.workload.TLS {
		return nil
	}
	r.LatencyRate = loadPart * min(r.Phasm.Rate, r.OpenResty.Rate)
	var ours, theirs openloop.Result
	for range p.latencyRounds {
		for _, one := range []struct {
			address string
			all     *openloop.Result
		}{{s.Phasm, &ours}, {s.OpenResty, &theirs}} {
			got, err := askOpen(s, one.address, r.LatencyRate, p.latency)
			if err != nil {
				return err
			}
			one.all.Add(got)
		}
	}
	for name, got := range map[string]openloop.Result{"phasm": ours, "OpenResty": theirs} {
		if bad := unexpected(got); bad != "" && r.Void == "" {
			r.Void = name + ": " + bad
		}
	}
	r.PhasmLatency, r.OpenRestyLatency = latencyOf(ours), latencyOf(theirs)
	return nil
}

// unexpected is why an open-loop client's results do not count.
func unexpected(r openloop.Result) string {
	if r.Wrong+r.Lost == 0 {
		return ""
	}
	return fmt.Sprintf("of %d requests %d had another status and %d no answer", len(r.Times)+r.Lost, r.Wrong, r.Lost)
}

// askOpen sends a workload's requests at random times, so many a second, or at
// rate 0 as fast as answers come.
func askOpen(s *stage, address string, rate float64, period time.Duration) (got openloop.Result, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends, with its core
		if err = pin(s.client); err != nil {
			return
		}
		var load *openloop.Load
		if load, err = openloop.New(openloop.Options{
			Address: address, Connections: connections, Requests: s.workload.requests(), Status: s.workload.Status,
		}); err != nil {
			return
		}
		defer load.Close()
		got, err = load.Run(rate, period)
	}()
	<-done
	return got, err
}

// requests are the workload's as they go over the wire.
func (w *workload) requests() (all [][]byte) {
	for n := range max(1, w.Keys) {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", w.Method, w.path(n))
		for _, h := range w.Headers {
			b.WriteString(h + "\r\n")
		}
		if w.Body != "" {
			b.WriteString("Content-Length: " + strconv.Itoa(len(w.Body)) + "\r\n")
		}
		b.WriteString("\r\n" + w.Body)
		all = append(all, []byte(b.String()))
	}
	return all
}
