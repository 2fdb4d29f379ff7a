package plugins

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/pool"
	"phasm/sdk/abi"
)

// exchange is one that a plugin may run for, below which flush is the wire.
func exchange(flush func() error) *host.Exchange {
	return &host.Exchange{Request: &fasthttp.Request{}, Response: &fasthttp.Response{}, Wire: wire{flush: flush}}
}

// wire is a connection whose flush is the test's.
type wire struct {
	host.Wire
	flush func() error
}

func (w wire) Flush(time.Time) error { return w.flush() }

func (wire) StepAside() {}

func (wire) HeadSent() bool { return false }

func (wire) ClientGone() bool { return false }

// ReadBody reads a body of "body".
func (wire) ReadBody(p []byte, offset int64, _ bool, _ time.Time) (int, error) {
	return copy(p, "body"[offset:]), nil
}

// count adds one to the number at an address.
func count(address int32) []byte {
	return join(wt.I32Const(address), wt.I32Const(address), wt.I32Load, wt.I32Const(1), wt.I32Add, wt.I32Store)
}

// store keeps what a call answers at an address.
func store(address int32, call ...[]byte) []byte {
	return join(wt.I32Const(address), join(call...), wt.I32Store)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// at is the number at an address of an instance's memory.
func at(t *testing.T, i *Instance, address uint32) int32 {
	t.Helper()
	n, ok := i.module.Memory().ReadUint32Le(address)
	if !ok {
		t.Fatalf("%d is outside of the memory", address)
	}
	return int32(n)
}

func TestRunCallsOnlyPhasesInTheMask(t *testing.T) {
	handled := abi.Content.Mask() | abi.InitWorker.Mask()
	m := wt.Plugin()
	m.Phase("phasm_phases", answers(int32(handled|1<<20))) // a phase of a later version, too
	for phase := range abi.NumPhases {
		m.Phase(phase.Export(), count(int32(phase)*4), answers(1))
	}
	p, _ := load(t, m)
	if p.Phases() != handled {
		t.Errorf("phases are %v, want %v", p.Phases(), handled)
	}
	i := acquire(t, p)
	for phase := range abi.NumPhases {
		action, err := i.Run(exchange(nil), phase)
		if err != nil {
			t.Fatal(err)
		}
		if called := at(t, i, uint32(phase)*4) == 1; called != handled.Has(phase) || (action == abi.Final) != called {
			t.Errorf("%s: called is %v, action is %v", phase, called, action)
		}
	}
}

func TestRunWithoutMaskCallsAllExports(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_log", answers(0))
	m.Phase("on_init", count(0), answers(0))
	p, _ := load(t, m)
	if want := abi.Log.Mask() | abi.Init.Mask(); p.Phases() != want {
		t.Errorf("phases are %v, want %v", p.Phases(), want)
	}
	if n := at(t, acquire(t, p), 0); n != 1 {
		t.Errorf("init has run %d times", n)
	}
}

func TestRunActions(t *testing.T) {
	for answer, want := range map[int32]string{
		0: "", 1: "",
		2:             `plugin "p" failed in content: it answered 2, which is neither 0 (go on) nor 1 (final)`,
		-1:            `plugin "p" failed in content: it answered -1, which is neither 0 (go on) nor 1 (final)`,
		math.MinInt32: `plugin "p" failed in content: it answered -2147483648, which is neither 0 (go on) nor 1 (final)`,
	} {
		m := wt.Plugin()
		m.Phase("on_content", answers(answer))
		p, _ := load(t, m)
		i := acquire(t, p)
		action, err := i.Run(exchange(nil), abi.Content)
		switch {
		case want == "" && (err != nil || action != abi.Action(answer) || i.Broken()):
			t.Errorf("%d: action is %d, error %v, broken is %v", answer, action, err, i.Broken())
		case want != "" && (err == nil || err.Error() != want || !i.Broken()):
			t.Errorf("%d: error is %v, want %s; broken is %v", answer, err, want, i.Broken())
		}
	}
}

func TestInstancesShareNothing(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_content", count(0), answers(0))
	p, _ := load(t, m)
	a, b := acquire(t, p), acquire(t, p)
	for range 3 {
		a.Run(exchange(nil), abi.Content)
	}
	b.Run(exchange(nil), abi.Content)
	if at(t, a, 0) != 3 || at(t, b, 0) != 1 {
		t.Errorf("counted %d and %d, want 3 and 1", at(t, a, 0), at(t, b, 0))
	}
}

func TestInstanceKeepsItsMemoryAndForgetsTheExchange(t *testing.T) {
	m := wt.Plugin()
	read := m.Import("phasm", "request_body_read", wt.Sig("i32 i32", "i32"))
	m.Phase("on_content", count(0), store(4, wt.I32Const(64), wt.I32Const(3), wt.Call(read)), answers(0))
	p, _ := load(t, m)
	for n := int32(1); n <= 3; n++ {
		i, err := p.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		i.Begin()
		for _, want := range []int32{3, 1} {
			if _, err := i.Run(exchange(nil), abi.Content); err != nil || at(t, i, 4) != want {
				t.Errorf("exchange %d: read %d bytes of the body, want %d (%v)", n, at(t, i, 4), want, err)
			}
		}
		if calls := at(t, i, 0); calls != 2*n {
			t.Errorf("exchange %d: %d calls in memory", n, calls)
		}
		p.Release(i)
	}
}

func TestReleaseDiscardsBrokenInstances(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_access", wt.Unreachable)
	m.Phase("on_content", count(0), answers(0))
	p, _ := load(t, m, func(o *Options) { o.Instances = 1 })
	broken, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	broken.Run(exchange(nil), abi.Content)
	if _, err := broken.Run(exchange(nil), abi.Access); err == nil || !broken.Broken() {
		t.Fatalf("error is %v, broken is %v", err, broken.Broken())
	}
	p.Release(broken)
	if !broken.module.IsClosed() {
		t.Error("the broken instance is not closed")
	}
	if i := acquire(t, p); i == broken || at(t, i, 0) != 0 || i.Broken() {
		t.Error("the next instance is not a new one")
	}
	if !(*Instance)(nil).Broken() {
		t.Error("no instance counts as a sound one")
	}
}

func TestAcquireIsBusyAfterTheWait(t *testing.T) {
	p, _ := load(t, goodPlugin(), func(o *Options) { o.Instances, o.Wait = 1, time.Millisecond })
	first, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	if i, err := p.Acquire(); !errors.Is(err, pool.ErrBusy) || i != nil {
		t.Errorf("got %v, %v", i, err)
	}
	p.Release(first)
	if i := acquire(t, p); i != first {
		t.Error("the instance that came back is not used again")
	}
}

// What an instance needs must stay until it comes back.
func TestAnInstanceInUseOutlivesThePlugin(t *testing.T) {
	p, _ := load(t, goodPlugin())
	i, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := i.Run(exchange(nil), abi.Content); err != nil {
		t.Error(err)
	}
	if _, err := p.Acquire(); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	p.Release(i)
	<-p.pool.Drained()
	p.Close()
}

func TestRunWorker(t *testing.T) {
	m := wt.Plugin()
	m.Phase("on_init_worker", count(0), answers(0))
	m.Phase("on_exit_worker", wt.Unreachable)
	p, _ := load(t, m, func(o *Options) { o.Instances = 1 })
	if err := p.RunWorker(abi.InitWorker); err != nil {
		t.Error(err)
	}
	if i, err := p.Acquire(); err != nil || at(t, i, 0) != 1 {
		t.Errorf("init_worker has not run (%v)", err)
	} else {
		if err := p.RunWorker(abi.InitWorker); err == nil || err.Error() != `plugin "p": cannot run init_worker: all are in use` {
			t.Errorf("without an instance the error is %v", err)
		}
		p.Release(i)
	}
	want := `plugin "p" failed in exit_worker: wasm error: unreachable in .on_exit_worker() i32`
	if err := p.RunWorker(abi.ExitWorker); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	good, _ := load(t, goodPlugin())
	if err := good.RunWorker(abi.InitWorker); err != nil {
		t.Errorf("a plugin that does not handle it: %v", err)
	}
}

func TestMemoryStaysWithinItsLimit(t *testing.T) {
	m := wt.Plugin()
	m.Memory(1, 1000)
	m.Phase("on_content",
		store(0, wt.I32Const(1), wt.MemoryGrow), store(4, wt.I32Const(1), wt.MemoryGrow),
		store(8, wt.I32Const(65536), wt.MemoryGrow), store(12, wt.I32Const(-1), wt.MemoryGrow), wt.I32Const(0))
	p, _ := load(t, m, func(o *Options) { o.Memory = 2*pageSize + 1 })
	i := acquire(t, p)
	if _, err := i.Run(exchange(nil), abi.Content); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int32{1, -1, -1, -1} {
		if got := at(t, i, uint32(n)*4); got != want {
			t.Errorf("growth %d answers %d, want %d", n, got, want)
		}
	}
	if size := i.module.Memory().Size(); size != 2*pageSize || i.call.MostMemory != 2*pageSize {
		t.Errorf("the memory has %d bytes, host functions hear of %d", size, i.call.MostMemory)
	}
}

func TestLoadUsesTheCache(t *testing.T) {
	cache := t.TempDir()
	for range 2 {
		p, _ := load(t, goodPlugin(), func(o *Options) { o.Cache = cache })
		if _, err := acquire(t, p).Run(exchange(nil), abi.Content); err != nil {
			t.Error(err)
		}
	}
}

// A cache that cannot be used costs time, and a line in the log.
func TestLoadWithoutTheCache(t *testing.T) {
	broken, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	load(t, goodPlugin(), func(o *Options) { o.Cache = broken })
	entries, err := filepath.Glob(filepath.Join(broken, "code", "*", "*"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("the cache has %q, %v", entries, err)
	}
	for _, name := range []string{entries[0], file} {
		if err := os.WriteFile(name, []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, cache := range []string{broken, file} {
		p, log := load(t, goodPlugin(), func(o *Options) { o.Cache = cache })
		if _, err := acquire(t, p).Run(exchange(nil), abi.Content); err != nil {
			t.Error(err)
		}
		if lines := log.all(t); lines[0]["level"] != "WARN" || lines[0]["msg"] != "compiled code is not kept for the next start" || lines[0]["error"] == "" {
			t.Errorf("the log has %v", lines)
		}
	}
}
