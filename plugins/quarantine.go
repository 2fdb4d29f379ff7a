package plugins

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrQuarantined is the error of Acquire while a plugin that keeps failing is
// left alone.
var ErrQuarantined = errors.New("it has failed again and again and is in quarantine")

// A plugin goes into quarantine when its last exchanges have all failed: one
// that fails for some requests only must not let their senders take it away
// from the others. Each quarantine is twice as long as the one before. Once it
// is over a single exchange tries whether the plugin is well again.
const (
	faultsInARow    = 20
	firstQuarantine = 100 * time.Millisecond
	lastQuarantine  = 30 * time.Second
)

// quarantine keeps a plugin that fails from being tried for every request. It
// is safe for concurrent use and costs a plugin that is well two loads.
type quarantine struct {
	row   atomic.Int32 // faults since the last exchange that went well
	until atomic.Int64 // when it ends, in nanoseconds since 1970; 0: there is none
	trial atomic.Bool  // an exchange has been admitted to try

	mu    sync.Mutex
	times int // how many there were since the last exchange that went well
	total atomic.Uint64
}

// admit tells whether an exchange may have an instance.
func (q *quarantine) admit() bool {
	until := q.until.Load()
	if until == 0 {
		return true
	}
	now := time.Now().UnixNano()
	// One tries; the others wait for what comes of it, as long again.
	if now < until || !q.until.CompareAndSwap(until, now+int64(firstQuarantine)) {
		return false
	}
	q.trial.Store(true)
	return true
}

// served notes an exchange that went well.
func (q *quarantine) served() {
	if q.row.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.row.Store(0)
	q.until.Store(0)
	q.trial.Store(false)
	q.times = 0
}

// fault notes an exchange that failed. It answers how long the quarantine is
// that begins with it, 0 where none does.
func (q *quarantine) fault() time.Duration {
	if q.row.Add(1) < faultsInARow {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if inQuarantine := q.until.Load() != 0; inQuarantine && !q.trial.CompareAndSwap(true, false) {
		return 0 // the exchange was on its way before
	}
	length := min(lastQuarantine, firstQuarantine<<min(q.times, 20))
	q.times++
	q.total.Add(1)
	q.until.Store(time.Now().Add(length).UnixNano())
	return length
}

// faulted notes a fault and logs where it leads to a quarantine.
func (p *Plugin) faulted() {
	if length := p.quarantine.fault(); length > 0 {
		p.options.Log.Error("the plugin keeps failing: it is left alone for a while", "plugin", p.options.Name, "quarantine", length.String())
	}
}
