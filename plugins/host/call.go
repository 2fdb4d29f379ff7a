package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/metric"
	"phasm/sdk/abi"
)

// Plugin is what host functions know of a plugin, the same for all of its
// instances.
type Plugin struct {
	Name    string
	Config  Config
	Log     *slog.Logger // carries the plugin's name
	Metrics *Metrics
	Timers  Timers // set before a phase runs that may start one

	Messages Messages // likewise, for one that may subscribe

	environment environment
	redis       []redisServer
	refusals    refusals
	regexes     *regexes
	uuids       uuids
	zones       []Zone
	http        httpGrants
	upstreams   map[string]Upstream
}

// NewPlugin makes the host's side of a plugin.
func NewPlugin(name string, config map[string]any, grants Grants, log *slog.Logger, registry *metric.Registry) *Plugin {
	log = log.With("plugin", name)
	return &Plugin{
		Name:        name,
		Config:      newConfig(config),
		Log:         log,
		Metrics:     newMetrics(name, registry),
		environment: newEnvironment(grants),
		redis:       newRedisServers(grants),
		refusals:    refusals{plugin: name, log: log, logged: map[string]bool{}},
		regexes:     newRegexes(),
		zones:       grants.Zones,
		http:        newHTTPGrants(grants),
		upstreams:   grants.Upstreams,
	}
}

// Call is the context that host functions run in: which plugin's instance
// calls, in which phase, for which exchange. Each instance has one and reuses
// it, because a context made per call would cost two allocations.
//
// It is the context.Context handed to wazero, which hands it on to the host
// functions as it is. An instance runs one exchange at a time, so a Call is
// never used by two goroutines.
type Call struct {
	context.Context
	Plugin    *Plugin
	Exchange  *Exchange // nil in the phases that see no request
	Phase     abi.Phase
	Timer     TimerRun   // in the timer phase
	Message   MessageRun // in the message phase
	Handshake Handshake  // in the tls_certificate phase
	BodyRead  int64      // how far this plugin has read the request's body
	Failure   string     // the last error that the guest logged in this call, outside of a request

	// MostMemory is what the guest's memory may grow to, in bytes.
	MostMemory uint64
	// Budget is what a call may take.
	Budget Budget
	// Until is the call's deadline: host functions wait no longer, and answer
	// abi.Timeout. It is zero until somebody asks for the time, or where nothing
	// bounds the call.
	Until time.Time
	// Blocked is how long host functions have waited in this call so far: time
	// that is not the guest's.
	Blocked time.Duration
	clocked bool      // Until and Blocked are this call's
	calls   uint      // of host functions
	waiting time.Time // when the wait began that goes on

	subrequests []openSubrequest
	scratch     []byte     // for what zones answer
	http        *httpCalls // nil until the guest sends a request

	redis  redisState
	memory api.Memory // of the calling module, valid during a host call

	matching matching
	hashing  hashing
	draft    []byte // an answer that is being made, see replyDraft
}

// Call runs the host function for wazero: it implements api.GoModuleFunction.
func (f *Function) Call(ctx context.Context, mod api.Module, stack []uint64) {
	c := ctx.(*Call)
	c.Called()
	if !f.Phases.Has(c.Phase) {
		c.Plugin.Log.Error("API disabled in the context of "+c.Phase.String(), "function", f.Name)
		fail(stack, abi.WrongPhase)
		if f.Result == Nanoseconds {
			stack[0] = api.EncodeI64(int64(abi.WrongPhase))
		}
		return
	}
	c.memory = mod.Memory()
	f.call(c, stack)
}

// End ends what the guest has begun and what does not outlive an exchange: the
// server calls it when the exchange is over, and after init, init_worker and
// exit_worker.
func (c *Call) End() {
	c.closeSubrequests()
	c.closeHTTP()
}

// fail answers an error.
func fail(stack []uint64, e abi.Errno) { stack[0] = api.EncodeI32(int32(e)) }

// answer answers a length, a count or a number.
func answer(stack []uint64, n int) { stack[0] = api.EncodeI32(int32(n)) }

// done answers 0, or bad argument where ok is false.
func done(stack []uint64, ok bool) {
	if !ok {
		fail(stack, abi.BadArgument)
		return
	}
	stack[0] = 0
}

// view is the guest's memory between ptr and ptr+length. It is valid until
// the guest runs again.
func (c *Call) view(ptr, length uint64) ([]byte, bool) {
	c.before(int(uint32(length)))
	return c.memory.Read(uint32(ptr), uint32(length))
}

// reply copies value into the guest's buffer and answers its length. Where
// the buffer is too small it copies nothing.
func (c *Call) reply(stack []uint64, value []byte, ptr, capacity uint64) {
	buf, ok := c.memory.Read(uint32(ptr), uint32(capacity))
	if !ok || len(value) > maxReply {
		fail(stack, abi.BadArgument)
		return
	}
	c.before(len(value))
	if len(value) <= len(buf) {
		copy(buf, value)
	}
	answer(stack, len(value))
}

// maxReply keeps a length from turning into an error code.
const maxReply = 1<<31 - 1

// replyText is reply for a string.
func (c *Call) replyText(stack []uint64, value string, ptr, capacity uint64) {
	c.reply(stack, bytesOf(value), ptr, capacity)
}
