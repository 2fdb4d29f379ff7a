//go:build !wasip1

package sdktest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Host is a fake server with the one plugin that the test is part of.
type Host struct {
	fake     *fake
	outer    imports.Host // what was in place before
	before   phases.Table
	closed   bool
	problems func(format string, args ...any) // reports a fault of the plugin
}

// New starts a fake server, with what the plugin's configuration says and
// grants, and runs the plugin's init and init_worker handlers; that one of them
// fails fails the test. When the test ends, exit_worker runs. The plugin's log
// goes to the test's.
func New(t testing.TB, c Config, grants ...Grant) *Host {
	t.Helper()
	h, err := Start(c, grants...)
	if err != nil {
		t.Fatal(err)
	}
	h.problems = func(format string, args ...any) {
		t.Helper()
		t.Errorf(format, args...)
	}
	h.fake.print = func(line LogLine) { t.Log(line) }
	t.Cleanup(h.Close)
	return h
}

// Start is [New] for callers without a test, and for tests of a configuration
// that the plugin refuses: the error holds what was logged. The caller closes
// the host.
func Start(c Config, grants ...Grant) (*Host, error) {
	h := &Host{
		fake:     newFake(c, grants),
		outer:    imports.Current,
		before:   phases.Save(),
		problems: func(format string, args ...any) {},
	}
	imports.Current = h.fake
	for _, p := range []abi.Phase{abi.Init, abi.InitWorker} {
		if action := h.fake.run(p, nil); action != abi.Continue {
			h.restore()
			return nil, errors.New("cannot start the plugin: " + h.fake.lastErrors())
		}
	}
	return h, nil
}

// Close runs the plugin's exit_worker handler and takes the fake away. It also
// forgets handlers that were registered since the host was started, so that a
// test can register some of its own.
func (h *Host) Close() {
	if h.closed {
		return
	}
	h.stopTimers()
	if action := h.fake.run(abi.ExitWorker, nil); action != abi.Continue {
		h.problems("exit_worker failed: %s", h.fake.lastErrors())
	}
	h.restore()
}

func (h *Host) restore() {
	h.closed = true
	phases.Restore(h.before)
	imports.Current = h.outer
}

// Now is the fake's time. It begins at 2026-01-01T00:00:00Z.
func (h *Host) Now() time.Time { return time.Unix(0, h.fake.now).UTC() }

// Advance lets time pass, and runs the plugin's timers that run out meanwhile.
func (h *Host) Advance(d time.Duration) {
	until := h.fake.now + int64(d)
	h.runTimers(until)
	h.fake.now = max(h.fake.now, until)
}

// fake answers the host functions. Each capability has a file of its own.
type fake struct {
	config   map[string]string
	env      map[string]*string // what is granted, nil where it is not set
	refused  map[string]bool    // what has been logged as not granted
	phase    abi.Phase
	exchange *Exchange // nil in the phases that see no request
	now      int64     // nanoseconds since 1970
	requests int       // how many there have been
	logs     []LogLine
	print    func(LogLine)
	metrics  metrics
	timers   timers
	messages messages

	subrequests func(Request) Upstream // answers them, nil: nothing does
	regexes     regexes
	lastUUID    int64
	zones       []*zone // what is granted
	http        httpFake

	redis      []grantedRedis        // sorted by name
	redisReply string                // one that had no room in the plugin's buffer
	upstreams  map[string][]sdk.Peer // what is granted
	handshake  handshake
}

var _ imports.Host = (*fake)(nil)

func newFake(c Config, grants []Grant) *fake {
	f := &fake{
		config:  flatten(c),
		env:     map[string]*string{},
		refused: map[string]bool{},
		now:     time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(),
		print:   func(LogLine) {},
		metrics: metrics{}, regexes: newRegexes(), upstreams: map[string][]sdk.Peer{},
	}
	for _, grant := range grants {
		grant(f)
	}
	return f
}

// run runs the plugin's handler of a phase. Calls may be nested: a flush runs
// the filters while the content handler waits.
func (f *fake) run(p abi.Phase, x *Exchange) abi.Action {
	phase, exchange := f.phase, f.exchange
	f.phase, f.exchange = p, x
	if x == nil {
		defer f.closeHTTP()
	}
	defer func() { f.phase, f.exchange = phase, exchange }()
	return phases.Run(p)
}

// Allows implements imports.Host.
func (f *fake) Allows(function string, in abi.Mask) bool {
	if in.Has(f.phase) {
		return true
	}
	f.disabled(function, "")
	return false
}

// disabled logs that a function was called where it means nothing.
func (f *fake) disabled(function, why string) {
	f.log(LogLine{
		Level: abi.Error, Phase: f.phase, Function: function,
		Message: "API disabled in the context of " + f.phase.String() + why,
	})
}

func (f *fake) lastErrors() string {
	var lines []string
	for _, line := range f.logs {
		if line.Level == abi.Error {
			lines = append(lines, line.Message)
		}
	}
	if len(lines) == 0 {
		return "nothing was logged"
	}
	return strings.Join(lines, "; ")
}

// Results of host functions.
const (
	done        = int32(0)
	notFound    = int32(abi.NotFound)
	wrongPhase  = int32(abi.WrongPhase)
	badArgument = int32(abi.BadArgument)
	noMemory    = int32(abi.NoMemory)
	closed      = int32(abi.Closed)
)

// reply answers a value: nothing is written where the buffer is too small.
func reply(buf []byte, value string) int32 {
	if len(value) <= len(buf) {
		copy(buf, value)
	}
	return int32(len(value))
}

// check is done, or bad argument.
func check(ok bool) int32 {
	if !ok {
		return badArgument
	}
	return done
}
