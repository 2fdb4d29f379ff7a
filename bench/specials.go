package main

import (
	"fmt"
	"os"
)

// idleConnections are how many connections wait, in turns.
var idleConnections = []int{1000, 10_000}

// runSpecials measures around hello what is no workload with the usual figures.
// Where one of them fails the others are still worth having.
func (r *results) runSpecials(hello *workload, b binaries, p plan) {
	try := func(what string, measure func() error) {
		fmt.Fprintf(os.Stderr, "      %s …\n", what)
		if err := measure(); err != nil {
			r.Failed = append(r.Failed, what+": "+err.Error())
		}
	}
	try("hello beside other servers", func() (err error) {
		r.Peers, err = comparePeers(hello, b, p)
		return err
	})
	for _, n := range idleConnections {
		try(fmt.Sprintf("%d idle connections", n), func() error {
			row, err := measureIdle(hello, b, n)
			if err == nil {
				r.Idle = append(r.Idle, row)
			}
			return err
		})
	}
	try("hello beside a plugin that computes", func() (err error) {
		r.Hog, err = measureHog(b, p)
		return err
	})
	try("a reload every second", func() (err error) {
		r.Reload, err = measureReloads(hello, b, p)
		return err
	})
}
