//go:build !race

package plugins

import (
	"testing"
	"time"

	"phasm/sdk/abi"
)

// What a phase call and a host call may cost, on a machine where wazero's own
// call costs no more than half and a quarter of that. Where all is slower,
// they may be, too.
const (
	maxPhaseCall = 60 * time.Nanosecond
	maxHostCall  = 120 * time.Nanosecond
)

func TestCost(t *testing.T) {
	p, _ := load(t, benchmarkPlugin())
	i, x := acquire(t, p), exchange(nil)
	i.Run(x, abi.Content) // looks its function up
	run := func(phase abi.Phase) time.Duration { return fastest(func() { i.Run(x, phase) }) }
	check := func(name string, limit time.Duration, times time.Duration, cost func() time.Duration) {
		var costs []time.Duration
		for range 8 { // of which a busy machine may spoil some
			wazero := fastest(func() { i.functions[abi.Content].CallWithStack(&i.call, i.stack[:]) })
			took := cost()
			costs = append(costs, took)
			if took <= max(limit, times*wazero) {
				t.Logf("%s: %v, wazero's own call %v", name, took, wazero)
				return
			}
		}
		t.Errorf("%s takes %v, at most %v", name, costs, limit)
	}
	check("a phase call", maxPhaseCall, 2, func() time.Duration { return run(abi.Content) })
	for name, phase := range map[string]abi.Phase{
		"request_method": abi.Access, "response_status": abi.HeaderFilter, "ctx_get": abi.Log,
	} {
		check(name, maxHostCall, 4, func() time.Duration { return (run(phase) - run(abi.Rewrite)) / hostCalls })
	}
}

// fastest is the time of one run of f, the least of those taken in a while:
// what else the machine does only adds to it.
func fastest(f func()) time.Duration {
	const runs, while = 200, 50 * time.Millisecond
	least := while
	for begin := time.Now(); time.Since(begin) < while; {
		start := time.Now()
		for range runs {
			f()
		}
		least = min(least, time.Since(start)/runs)
	}
	return least
}
