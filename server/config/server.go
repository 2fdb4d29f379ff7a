package config

// Server is the [server] table: what concerns every listener and route.
type Server struct {
	// Workers is the number of cores that run Go code (GOMAXPROCS).
	// Default 0: every core.
	Workers int `toml:"workers" default:"0" min:"0"`

	// TrustedProxies are the addresses and networks of the proxies in front of
	// phasm, as in "10.0.0.0/8": what they say of the client in X-Forwarded-For, and
	// in a PROXY header, is believed. Default none.
	TrustedProxies []string `toml:"trusted_proxies"`
	// Underscores is whether header names may have underscores; else such
	// headers are dropped, as nginx does. Default false.
	Underscores bool `toml:"underscores_in_headers"`

	// Timeouts bound how long a connection may take over what.
	Timeouts Timeouts `toml:"timeouts"`

	// Limits bound what one connection or request may use.
	Limits Limits `toml:"limits"`

	// Log is the server's own log, which plugins write to as well.
	Log Log `toml:"log"`

	// AccessLog has a line for each request.
	AccessLog AccessLog `toml:"access_log"`

	// Phases are the plugins that run for every request, each phase's before
	// the route's own.
	Phases Phases `toml:"phases"`
}

// Timeouts is the [server.timeouts] table.
type Timeouts struct {
	// Header is the longest time from a request's first byte to the end of
	// its header. Default 10s.
	Header Duration `toml:"header" default:"10s" min:"1ms"`

	// Body is the longest gap between two reads of a request's body. See
	// MinimumRate as well. Default 60s.
	Body Duration `toml:"body" default:"60s" min:"1ms"`

	// Idle is how long a connection may wait for its next request.
	// Default 65s.
	Idle Duration `toml:"idle" default:"65s" min:"1ms"`

	// Write is the longest time a response may take to send, or 1 MiB of it where
	// it is larger. Default 60s.
	Write Duration `toml:"write" default:"60s" min:"1ms"`

	// Shutdown is how long running exchanges may take to end once the server
	// stops; 0s cuts them off. Default 30s.
	Shutdown Duration `toml:"shutdown" default:"30s"`
}

// Limits is the [server.limits] table.
type Limits struct {
	// Connections is the largest number of connections open at once, all
	// listeners together. Default 10240.
	Connections int `toml:"connections" default:"10240" min:"1"`

	// ConnectionsPerAddress is the largest number of them from one address, or
	// from one IPv6 network of 64 bits. A reload changes it for connections
	// opened later. Default 0: as many as there may be together, because a proxy
	// in front has one address.
	ConnectionsPerAddress int `toml:"connections_per_address" default:"0" min:"0"`

	// HeaderSize is the largest header of a request, request line included. A
	// reload changes it for connections opened later. Default 16KiB.
	HeaderSize Size `toml:"header_size" default:"16KiB" min:"1B"`

	// Headers is the largest number of header lines in a request. Default 100.
	Headers int `toml:"headers" default:"100" min:"1"`

	// Body is the largest body of a request. Default 10MiB.
	Body Size `toml:"body" default:"10MiB" min:"1B"`

	// MinimumRate is how many bytes of a request's body must come in a second, on
	// average: server.timeouts.body for the whole and one second more for each that
	// many. Only the time that is spent waiting for the client counts. 0 leaves it
	// at the timeout between two reads. Default 240B: slower than any link that is
	// in use (IIS and Kestrel ask for as much).
	MinimumRate Size `toml:"minimum_rate" default:"240B"`

	// Requests is the largest number of requests on one connection, which is
	// then closed. Default 10000.
	Requests int `toml:"requests" default:"10000" min:"1"`

	// Memory is the most that the memories of all plugins' instances may have
	// together. Default 0: three quarters of what the machine has, or the
	// container around phasm.
	Memory Size `toml:"memory" default:"0"`
}

// Log is the [server.log] table.
type Log struct {
	// Level is the least important level written: debug, info, warn or error.
	// Default info.
	Level string `toml:"level" default:"info" choices:"debug|info|warn|error"`

	// Format of a line: text or json. Default text.
	Format string `toml:"format" default:"text" choices:"text|json"`

	// File is the path of the log, or "stdout". Default empty: standard error.
	File string `toml:"file" file:"log"`
}

// AccessLog is the [server.access_log] table.
type AccessLog struct {
	// File is the path of the access log, or "stdout". Default empty: off.
	File string `toml:"file" file:"log"`

	// Format of a line: json, or combined as Apache and nginx write it.
	// Default json.
	Format string `toml:"format" default:"json" choices:"json|combined"`

	// Buffer is how much may wait to be written. Default 1MiB.
	Buffer Size `toml:"buffer" default:"1MiB" min:"1B"`
}

// Phases lists the plugins of each phase by name, in the order they run.
// Content is not among them: a route has one answer. All default to none.
type Phases struct {
	// Rewrite runs first, and may change what is asked for.
	Rewrite []string `toml:"rewrite" ref:"plugin"`

	// Access decides whether the request is served.
	Access []string `toml:"access" ref:"plugin"`

	// HeaderFilter sees the response's header before it is sent.
	HeaderFilter []string `toml:"header_filter" ref:"plugin"`

	// BodyFilter sees each chunk of the response's body.
	BodyFilter []string `toml:"body_filter" ref:"plugin"`

	// Log runs once the client has the response.
	Log []string `toml:"log" ref:"plugin"`
}
