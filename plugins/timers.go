package plugins

import (
	"errors"
	"slices"
	"sync"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/pool"
	"phasm/sdk/abi"
)

// Bounds of a plugin's timers (lua_max_pending_timers, lua_max_running_timers).
const (
	maxTimers        = 1024
	maxRunningTimers = 256
)

// prematureTime is how long the timers of a plugin that ends may take to begin
// their last run.
const prematureTime = 5 * time.Second

// timers are those of one plugin in one generation. It implements host.Timers.
type timers struct {
	plugin *Plugin
	most   int // how many may run at once: half of the instances are for requests

	mu      sync.Mutex
	all     map[int32]*timer // those that wait are among them
	waiting []*timer         // whose time has come while as many run as may
	last    int32
	closed  bool
	runners int
	running sync.WaitGroup // these
	figures timerFigures
}

// timerFigures are what metrics tell.
type timerFigures struct{ running, dropped int }

type timer struct {
	number   int32
	run      host.TimerRun
	interval time.Duration // 0: it runs once
	due      time.Time
	clock    *time.Timer
}

func newTimers(p *Plugin) *timers {
	return &timers{plugin: p, most: max(1, min(maxRunningTimers, p.options.Instances/2)), all: map[int32]*timer{}}
}

// Start implements host.Timers.
func (t *timers) Start(delay, interval time.Duration, name, data string) (int32, abi.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return 0, abi.Closed
	case len(t.all) == maxTimers:
		return 0, abi.NoMemory
	}
	one := &timer{number: t.free(), interval: interval, due: time.Now().Add(delay)}
	one.run.Name, one.run.Data = name, data
	t.all[one.number] = one
	one.clock = time.AfterFunc(delay, func() { t.fire(one) })
	return one.number, 0
}

// free is a number that no timer has.
func (t *timers) free() int32 {
	for {
		if t.last++; t.last <= 0 {
			t.last = 1
		}
		if t.all[t.last] == nil {
			return t.last
		}
	}
}

// Cancel implements host.Timers.
func (t *timers) Cancel(number int32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.all[number]
	if one == nil {
		return false
	}
	one.clock.Stop()
	delete(t.all, number)
	t.waiting = slices.DeleteFunc(t.waiting, func(other *timer) bool { return other == one })
	return true
}

// fire runs a timer whose time has come, or lets it wait for one that ends.
func (t *timers) fire(one *timer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.all[one.number] != one {
		return
	}
	t.waiting = append(t.waiting, one)
	if t.runners < t.most {
		t.runners++
		t.running.Go(t.serve)
	}
}

// serve runs timers until none waits.
func (t *timers) serve() {
	for one := t.next(); one != nil; one = t.next() {
		t.call(one.run)
		if one.interval != 0 {
			t.again(one)
		}
	}
}

// next is the timer that has waited longest. Where there is none the runner that
// asks for it ends.
func (t *timers) next() *timer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.waiting = nil
		t.runners--
		return nil
	}
	one := t.waiting[0]
	t.waiting[0] = nil
	t.waiting = t.waiting[1:]
	if one.interval == 0 {
		delete(t.all, one.number)
	}
	return one
}

// again sets a timer for its next run that has not been missed.
func (t *timers) again(one *timer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.all[one.number] != one {
		return
	}
	late := time.Since(one.due)
	one.due = one.due.Add(late - late%one.interval + one.interval)
	one.clock.Reset(time.Until(one.due))
}

// call runs the timer phase once.
func (t *timers) call(run host.TimerRun) {
	p := t.plugin
	i, err := p.Acquire()
	if err != nil {
		t.dropped(run, err)
		return
	}
	t.count(1)
	i.Begin()
	i.call.Timer = run
	_, err = i.Run(nil, abi.Timer)
	i.call.Timer = host.TimerRun{}
	t.count(-1)
	if err != nil {
		p.options.Log.Error(err.Error(), "timer", run.Name)
	}
	p.Release(i)
}

func (t *timers) count(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figures.running += n
}

// dropped notes a run that came to nothing.
func (t *timers) dropped(run host.TimerRun, err error) {
	t.mu.Lock()
	t.figures.dropped++
	t.mu.Unlock()
	if errors.Is(err, ErrQuarantined) { // its beginning has been logged
		return
	}
	if errors.Is(err, pool.ErrClosed) {
		err = errors.New("the plugin has ended")
	}
	t.plugin.options.Log.Error("a timer could not run", "plugin", t.plugin.options.Name, "timer", run.Name, "error", err)
}

// stop ends the timers: all that are set run once more at once, prematurely,
// and none can be started. It returns when all have run.
func (t *timers) stop() {
	left := t.close()
	t.running.Wait()
	slots := make(chan struct{}, t.most)
	deadline := time.After(prematureTime)
	for _, one := range left {
		one.run.Premature = true
		select {
		case slots <- struct{}{}:
		case <-deadline:
			deadline = closedTime
			t.dropped(one.run, errors.New("those before it took too long"))
			continue
		}
		t.running.Go(func() {
			t.call(one.run)
			<-slots
		})
	}
	t.running.Wait()
}

// close lets no timer run any more and answers those that were set.
func (t *timers) close() map[int32]*timer {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	left := t.all
	t.all, t.waiting = nil, nil
	for _, one := range left {
		one.clock.Stop()
	}
	return left
}

// register puts the timers' figures among the server's metrics.
func (t *timers) register(r *metric.Registry, plugin string) {
	read := func(value func() int) func() float64 {
		return func() float64 {
			t.mu.Lock()
			defer t.mu.Unlock()
			return float64(value())
		}
	}
	states := r.Must(metric.Gauge, "phasm_plugin_timers", "Timers of plugins by state: those that are set, an interval's while it runs as well, and the runs.", []string{"plugin", "state"})
	states.Func(read(func() int { return len(t.all) }), plugin, "set")
	states.Func(read(func() int { return t.figures.running }), plugin, "running")
	r.Must(metric.Counter, "phasm_plugin_timers_dropped_total", "Runs of timers that came to nothing: no instance, quarantine, the end.", []string{"plugin"}).
		Func(read(func() int { return t.figures.dropped }), plugin)
}

// closedTime is a deadline that has passed.
var closedTime = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()
