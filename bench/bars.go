package main

import (
	"fmt"
	"strings"
)

// What phasm has to reach beside the targets of its workloads.
const (
	leastMean     = 1.4      // times OpenResty's requests per CPU second, in the geometric mean
	mostOverFloor = 1.5      // times the CPU time of the floor for hello
	leastHTTPWasm = 3        // times the requests per CPU second of the other host of WASM
	mostIdleBytes = 16 << 10 // of memory for each of many idle connections
	manyIdle      = 10_000
)

// bar is something to reach.
type bar struct {
	what      string
	got, want float64
	atMost    bool
	void      bool
}

func (b bar) held() bool {
	if b.atMost {
		return b.got <= b.want
	}
	return b.got >= b.want && !b.void
}

// bars are all that have been measured.
func (r *results) bars() (all []bar) {
	plugins := 0
	for _, row := range r.Rows {
		if row.Target > 0 {
			all = append(all, bar{what: row.Title, got: row.Ratio, want: row.Target, void: row.Void != ""})
		}
		if row.Plugin {
			plugins++
		}
	}
	if plugins > 1 {
		all = append(all, bar{what: "geometric mean", got: r.mean(), want: leastMean})
	}
	for _, p := range r.Peers {
		switch p.Name {
		case "floor":
			all = append(all, bar{what: "hello, times the floor's CPU time", got: 1 / p.Ratio, want: mostOverFloor, atMost: true})
		case "httpwasm":
			all = append(all, bar{what: "hello against http-wasm's host", got: p.Ratio, want: leastHTTPWasm})
		}
	}
	for _, i := range r.Idle {
		if i.Connections >= manyIdle {
			all = append(all, bar{what: "bytes for an idle connection", got: float64(i.Phasm), want: mostIdleBytes, atMost: true})
		}
	}
	return all
}

// missed lists the bars that have not been reached.
func (r *results) missed() (all []string) {
	for _, b := range r.bars() {
		switch {
		case b.held():
		case b.void:
			all = append(all, b.what+": void")
		case b.atMost:
			all = append(all, fmt.Sprintf("%s: %.2f, at most %.2f", b.what, b.got, b.want))
		default:
			all = append(all, fmt.Sprintf("%s: %.2f, at least %.2f", b.what, b.got, b.want))
		}
	}
	return all
}

// barsReport says which were reached, in a few lines.
func (r *results) barsReport() string {
	missed := r.missed()
	n := len(r.bars())
	lines := append([]string{fmt.Sprintf("%d of %d bars are held.", n-len(missed), n)}, missed...)
	return strings.Join(lines, "\n  missed: ")
}
