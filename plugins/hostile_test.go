package plugins

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// The tests in the files hostile_*_test.go are what a plugin may try against
// the server that runs it. Each of them demands that the plugin fails, in time
// and with an error that says why, and that nothing else does.

// shortCPU is what a call may compute in most of these tests, so that they are
// soon over.
const shortCPU = 5 * time.Millisecond

// late is when a guest that has no more than some milliseconds must have been
// stopped, however busy the machine is. That it is stopped to the millisecond
// is measured elsewhere.
const late = 5 * time.Second

const (
	outOfCPU   = "it computed for more than 5ms, its limit (cpu in [plugins.p.limits])"
	outOfStack = "its call stack grew beyond 8 MiB"
)

func withShortCPU(o *Options) { o.CPU = shortCPU }

// endless is a loop that never ends.
func endless(body ...[]byte) []byte { return wt.Loop(join(body...), wt.Br(0)) }

// quiet is an exchange whose wire swallows what is flushed.
func quiet() (x *host.Exchange) {
	x = exchange(func() error {
		x.Response.ResetBody()
		return nil
	})
	return x
}

// runOnce runs a phase on an instance that it takes and gives back.
func runOnce(t testing.TB, p *Plugin, phase abi.Phase) error {
	t.Helper()
	i, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release(i)
	i.Begin()
	_, err = i.Run(quiet(), phase)
	return err
}

// wantStopped runs a phase that must be stopped in time, for this reason.
func wantStopped(t testing.TB, p *Plugin, phase abi.Phase, reason string) {
	t.Helper()
	begin := time.Now()
	err := runOnce(t, p, phase)
	if took := time.Since(begin); took > late {
		t.Errorf("it ran for %v", took)
	}
	wantFault(t, err, phase, reason)
}

// wantFault checks that an error is the fault of a phase for this reason.
func wantFault(t testing.TB, err error, phase abi.Phase, reason string) {
	t.Helper()
	var fault *Fault
	if want := `plugin "p" failed in ` + phase.String() + ": " + reason; !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is\n%v\nwant\n%v", err, want)
	}
}

// wantWell checks that the plugin still serves: it has to handle log.
func wantWell(t testing.TB, p *Plugin) {
	t.Helper()
	if err := runOnce(t, p, abi.Log); err != nil {
		t.Errorf("afterwards the plugin fails: %v", err)
	}
}

// soon tells whether a condition holds before long.
func soon(holds func() bool) bool {
	for deadline := time.Now().Add(late); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// wantNothingLeft checks, once the test's plugins are closed, that as many
// goroutines run as now and about as much memory is in use.
func wantNothingLeft(t *testing.T) {
	t.Helper()
	goroutines, size := runtime.NumGoroutine(), residentSize(t)
	t.Cleanup(func() {
		if !soon(func() bool { return runtime.NumGoroutine() <= goroutines }) {
			stacks := make([]byte, 64<<10)
			t.Errorf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
		const margin = 48 << 20 // of what the allocator keeps
		if !soon(func() bool { return residentSize(t) < size+margin }) {
			t.Errorf("%d MiB in use before, %d after", size>>20, residentSize(t)>>20)
		}
	})
}
