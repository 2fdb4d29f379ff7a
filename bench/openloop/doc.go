// Package openloop asks an HTTP server as people do who know nothing of each
// other: at random times, whether or not earlier answers have come. How long an
// answer takes counts from when its request was due, so one that had to wait for
// another shows that (a client that asks again only when it has its answer asks a
// slow server less, and leaves out just the times that were bad).
package openloop

import (
	"slices"
	"time"
)

// Options are what is asked, and how.
type Options struct {
	Address     string
	Connections int
	Requests    [][]byte // as they go over the wire; each time one of them, at random
	Status      int      // of every answer that is as it should be
}

// Result is what has come of it.
type Result struct {
	Times []time.Duration // of the answers, each from when its request was due
	Wrong int             // answers with another status
	Lost  int             // requests without an answer, because the server closed the connection
}

// Percentile is the time that p percent of the answers have not exceeded.
func (r Result) Percentile(p int) time.Duration {
	if len(r.Times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Times))
	return sorted[(len(sorted)-1)*p/100].Round(time.Microsecond)
}

// Add puts the results of another run to these.
func (r *Result) Add(more Result) {
	r.Times = append(r.Times, more.Times...)
	r.Wrong, r.Lost = r.Wrong+more.Wrong, r.Lost+more.Lost
}
