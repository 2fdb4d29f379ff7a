package main

import (
	"fmt"
	"syscall"
	"time"

	"phasm/bench/openloop"
)

// reloads is what becomes of requests for hello while the server is told every
// second to load its configuration anew.
type reloads struct {
	Rate             float64 // requests a second
	Reloads          int     // of each server
	Phasm, OpenResty latency
	PhasmLost        int // requests whose connection was closed instead of an answer
	OpenRestyLost    int
}

// measureReloads tells the servers with a signal, as nginx -s reload does.
func measureReloads(hello *workload, b binaries, p plan) (*reloads, error) {
	r := &reloads{Rate: specialRate}
	s, err := newStage(hello, b, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, one := range []struct {
		server  *process
		address string
		took    *latency
		lost    *int
	}{{s.phasm, s.Phasm, &r.Phasm, &r.PhasmLost}, {s.openresty, s.OpenResty, &r.OpenResty, &r.OpenRestyLost}} {
		if err := warm(s, one.address, p.warm); err != nil {
			return nil, err
		}
		var got openloop.Result
		done := make(chan error)
		go func() {
			var err error
			got, err = askOpen(s, one.address, r.Rate, p.special)
			done <- err
		}()
		if r.Reloads, err = signalUntil(done, one.server); err != nil {
			return nil, err
		}
		if got.Wrong > 0 {
			return nil, fmt.Errorf("%s: %d answers with another status", one.address, got.Wrong)
		}
		*one.took, *one.lost = latencyOf(got), got.Lost
	}
	return r, nil
}

// signalUntil tells a server every second to reload, until something is done,
// and answers how often.
func signalUntil(done <-chan error, server *process) (n int, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return n, err
		case <-tick.C:
			n++
			server.command.Process.Signal(syscall.SIGHUP) // had it ended, requests would fail
		}
	}
}
