// Package abi holds the numbers that the host and its guests share: the
// phases, what a phase call may answer, error codes, log levels and metric
// kinds. It imports nothing, so that a guest pays nothing for it.
//
// The functions that a guest may import are listed in plugins/host/table.go
// and described for every language in sdk/ABI.md.
package abi

// Version is the version of the interface between host and guest. A guest
// that exports phasm_abi_version must answer this number; a guest without
// that export is taken to speak it.
const Version = 1

// Names of the parts of a module that the host looks for.
const (
	Module         = "phasm"             // the module name of every host function
	ExportVersion  = "phasm_abi_version" // () -> i32, optional: must be Version
	ExportPhases   = "phasm_phases"      // () -> i32, optional: the Mask of phases really handled
	ExportMemory   = "memory"            // required
	ExportInit     = "_initialize"       // optional, called once before any phase
	exportOfPhases = "on_"
)

// Phase is a step in the life of a request or of a plugin.
type Phase uint8

// Phases. The first three and Timer belong to the plugin's own life and see no
// request; neither do Message and TLSCertificate.
const (
	Init           Phase = iota // an instance has been made: prepare its memory
	InitWorker                  // once per loaded configuration, after every plugin has been initialised
	ExitWorker                  // once per loaded configuration, after its last request
	Rewrite                     // change the request, or answer it early
	Access                      // decide who may go on
	Content                     // make the response
	HeaderFilter                // change the response's status and headers
	BodyFilter                  // change the response's body, chunk by chunk
	Log                         // the client has the whole response
	Timer                       // a timer has run out
	Message                     // something was published that the plugin is subscribed to
	Balancer                    // choose the peer of an upstream for the next try
	TLSCertificate              // supply the certificate for a name
	NumPhases
)

var phaseNames = [NumPhases]string{
	"init", "init_worker", "exit_worker",
	"rewrite", "access", "content", "header_filter", "body_filter", "log", "timer", "message", "balancer",
	"tls_certificate",
}

// String is the phase's name in configuration, logs and metrics.
func (p Phase) String() string {
	if p >= NumPhases {
		return "unknown"
	}
	return phaseNames[p]
}

// Export is the name of the function that a guest exports to handle the
// phase: () -> i32, the result an Action.
func (p Phase) Export() string { return exportOfPhases + p.String() }

// Mask is a set of phases.
type Mask uint32

// Mask is the set of p alone.
func (p Phase) Mask() Mask { return 1 << p }

// Has tells whether p is in the set.
func (m Mask) Has(p Phase) bool { return m&p.Mask() != 0 }

// Sets of phases that belong together.
const (
	AllPhases     Mask = 1<<NumPhases - 1
	RequestPhases Mask = AllPhases &^ (1<<Init | 1<<InitWorker | 1<<ExitWorker | 1<<Timer | 1<<Message | 1<<TLSCertificate)
	// BeforeContent are the phases in which the request may still be changed.
	BeforeContent Mask = 1<<Rewrite | 1<<Access
	// BodyPhases are the phases that may read the request's body and write the response's.
	BodyPhases Mask = BeforeContent | 1<<Content
	// HeaderPhases are the phases in which the response's head may be changed.
	HeaderPhases Mask = BodyPhases | 1<<HeaderFilter
)

// Action is what a phase function returns.
type Action int32

// Actions. Any other value is a fault of the plugin.
const (
	Continue Action = 0 // go on with the next plugin or phase
	Final    Action = 1 // the response is final: go straight to header_filter
)

// Errno is a negative result of a host function.
type Errno int32

// Errors of host functions.
const (
	NotFound    Errno = -1  // no such header, key, parameter, …
	WrongPhase  Errno = -2  // the function has no meaning in this phase
	NotGranted  Errno = -3  // the configuration does not grant this to the plugin
	BadArgument Errno = -4  // a pointer outside memory, a malformed value
	NoMemory    Errno = -5  // a limit on size or number was reached
	Timeout     Errno = -6  // the call's deadline passed
	Closed      Errno = -7  // the client has gone, or the thing is closed
	Busy        Errno = -8  // try again later
	IO          Errno = -9  // reading or writing failed
	Exists      Errno = -10 // there is such a key, or another value
	NotNumber   Errno = -11 // the value is none that can be added to
	NotList     Errno = -12 // the value is no list
	IsList      Errno = -13 // the value is a list
)

var errnoTexts = [...]string{
	"not found", "wrong phase", "not granted", "bad argument", "no memory",
	"timeout", "closed", "busy", "I/O error",
	"exists", "not a number", "value not a list", "value is a list",
}

// Error is the error's text.
func (e Errno) Error() string {
	if i := int(-e) - 1; i >= 0 && i < len(errnoTexts) {
		return errnoTexts[i]
	}
	return "unknown error"
}

// Level is the severity of a log line.
type Level int32

// Levels, the least severe first.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// MetricKind tells how a metric is updated.
type MetricKind int32

// Metric kinds, as in Prometheus.
const (
	Counter   MetricKind = iota // only grows
	Gauge                       // goes up and down
	Histogram                   // counts observations in buckets
)

// Encodings of base64 (RFC 4648).
const (
	Base64       = iota // the standard alphabet, with padding
	Base64Raw           // without padding
	Base64URL           // the alphabet for URLs and file names, with padding
	Base64RawURL        // without padding
)

// String lists the phases of the set.
func (m Mask) String() string {
	names := ""
	for p := range NumPhases {
		if m.Has(p) {
			if names != "" {
				names += ", "
			}
			names += p.String()
		}
	}
	return names
}

// ValueKind is the first byte of a zone's value.
type ValueKind byte

// Kinds of values in zones.
const (
	ValueText  ValueKind = 1 // then any bytes
	ValueInt   ValueKind = 2 // then an int64, little-endian
	ValueFloat ValueKind = 3 // then an IEEE 754 double, little-endian
	ValueBool  ValueKind = 4 // then 0 or 1

	// ValueStale is added to the kind of what has expired.
	ValueStale ValueKind = 0x80
)

// ZoneMode says what zone_set does where the key exists or where it does not,
// and whether it may evict.
type ZoneMode int32

// Modes of zone_set.
const (
	ZoneSet     ZoneMode = iota // always; evicts what was not used for longest where there is no room
	ZoneSafeSet                 // always; never evicts what has not expired: no memory
	ZoneAdd                     // where there is no such key: exists
	ZoneSafeAdd                 // both
	ZoneReplace                 // where there is such a key: not found
)

// Parameters of zone functions.
const (
	ZoneStale   int32 = 1 // zone_get also finds what has expired
	ZoneLeft    int32 = 0 // the ends of a list
	ZoneRight   int32 = 1
	ZoneAll     int32 = 0 // what zone_flush deletes
	ZoneExpired int32 = 1
)
