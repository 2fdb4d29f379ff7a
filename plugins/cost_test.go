//go:build !race

package plugins

import (
	"testing"
	"time"

	"phasm/sdk/abi"
)

// What a phase call and a host call cost on top of the guest's own work.
const (
	maxPhaseCall = 60 * time.Nanosecond
	maxHostCall  = 120 * time.Nanosecond
)

func TestCost(t *testing.T) {
	p, _ := load(t, benchmarkPlugin())
	i, x := acquire(t, p), exchange(nil)
	run := func(phase abi.Phase) time.Duration { return fastest(func() { i.Run(x, phase) }) }
	wazero := fastest(func() { i.functions[abi.Content].CallWithStack(&i.call, i.stack[:]) })
	cost := run(abi.Content)
	t.Logf("an empty phase call: %v, by wazero alone %v", cost, wazero)
	if cost > maxPhaseCall {
		t.Errorf("an empty phase call takes %v, at most %v", cost, maxPhaseCall)
	}
	loop := run(abi.Rewrite)
	for name, phase := range map[string]abi.Phase{
		"request_method": abi.Access, "response_status": abi.HeaderFilter, "ctx_get": abi.Log,
	} {
		cost := (run(phase) - loop) / hostCalls
		t.Logf("%s: %v", name, cost)
		if cost > maxHostCall {
			t.Errorf("%s takes %v, at most %v", name, cost, maxHostCall)
		}
	}
}

// fastest is the time of one run of f, the least of those taken in a while:
// what else the machine does only adds to it.
func fastest(f func()) time.Duration {
	const runs, while = 200, 150 * time.Millisecond
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
