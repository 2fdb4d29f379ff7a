package host

//go:generate go run ./gen

import (
	"phasm/sdk/abi"
)

// Kind tells what one parameter or result of a host function carries. In the
// module's signature a pointer, a length and a 32-bit number are i32, a 64-bit
// number and a float's bits are i64.
type Kind uint8

// Kinds of parameters.
const (
	Text   Kind = iota // (pointer, length): UTF-8 or any bytes, read by the host
	List               // (pointer, length): strings, each a little-endian u32 length and its bytes
	Buffer             // (pointer, capacity): written by the host
	Int32              // i32
	Int64              // i64
	Float              // i64: the bits of an IEEE 754 double
)

// Kinds of results.
const (
	// Length: i32, the length of the answer. Where it is larger than the
	// Buffer's capacity nothing was written: call again with a bigger buffer.
	// Negative: an abi.Errno.
	Length Kind = iota + 16
	// Count: i32, how many bytes were written to the Buffer, 0 at the end.
	// Negative: an abi.Errno.
	Count
	// Status: i32, 0, or an abi.Errno.
	Status
	// Number: i32, not negative, or an abi.Errno.
	Number
	// Nanoseconds: i64.
	Nanoseconds
)

// Param is a parameter of a host function.
type Param struct {
	Name string
	Kind Kind
}

// Function is one host function: its place in the table is the only place
// where it is declared. The registration with wazero, the check of a module's
// imports and grants, the phase check of each call, sdk/ABI.md and the SDK's
// import files all come from here.
type Function struct {
	Name   string
	Params []Param
	Result Kind
	Phases abi.Mask // where a call has a meaning; elsewhere it answers abi.WrongPhase
	Grant  Grant    // what a plugin must have been given to import it
	Doc    string   // one sentence or a few, for ABI.md and the SDK

	call func(*Call, []uint64)
}

// Functions is the list of all host functions, in the order of ABI.md. The
// caller must not change what it points to.
func Functions() []Function { return table }

func text(name string) Param   { return Param{name, Text} }
func list(name string) Param   { return Param{name, List} }
func buffer(name string) Param { return Param{name, Buffer} }
func number(name string) Param { return Param{name, Int32} }

const (
	everywhere  = abi.AllPhases
	inRequest   = abi.RequestPhases
	beforeSent  = abi.HeaderPhases
	upToContent = abi.BodyPhases
)

var table = []Function{
	// request.go
	{"request_method", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The request's method.", requestMethod},
	{"request_set_method", []Param{text("method")}, Status, abi.BeforeContent, NoGrant,
		"Changes the method. It must be a token (RFC 9110, section 5.6.2). The route stays.", requestSetMethod},
	{"request_uri", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The request target, path and query, undecoded.", requestURI},
	{"request_set_uri", []Param{text("uri")}, Status, abi.BeforeContent, NoGrant,
		"Changes path and query. The URI begins with '/' and has at most 64 KiB. The route stays: exec chooses it anew.", requestSetURI},
	{"request_path", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The path in canonical form: percent-decoded, dot segments removed, slashes merged.", requestPath},
	{"request_query", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The query string, undecoded, without the question mark.", requestQuery},
	{"request_set_query", []Param{text("query")}, Status, abi.BeforeContent, NoGrant,
		"Changes the query string, given undecoded and without the question mark.", requestSetQuery},
	{"query_get", []Param{text("name"), number("index"), buffer("buf")}, Length, inRequest, NoGrant,
		"The decoded value of a query argument; index counts the arguments of that name from 0.", queryGet},
	{"query_list", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"All query arguments, decoded, as a list name, value, name, value, ….", queryList},
	{"param_get", []Param{text("name"), buffer("buf")}, Length, inRequest, NoGrant,
		"The value of a path parameter of the route's pattern.", paramGet},
	{"param_list", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"All path parameters as a list name, value, name, value, ….", paramList},
	{"request_start", nil, Nanoseconds, inRequest, NoGrant,
		"When the request's first line arrived, in nanoseconds since 1970.", requestStart},

	// variable.go
	{"variable_get", []Param{text("name"), buffer("buf")}, Length, inRequest, NoGrant,
		"A variable by its name, as in nginx: " + VariableNames() + ".", variableGet},

	// request_header.go
	{"request_header_get", []Param{text("name"), buffer("buf")}, Length, inRequest, NoGrant,
		"The first value of a request header; names are compared without regard to case.", requestHeaderGet},
	{"request_header_set", []Param{text("name"), text("value")}, Status, upToContent, NoGrant,
		"Replaces all values of a request header with one. Content-Length and Transfer-Encoding are the server's: setting or removing them has no effect. What guests write into the headers of an exchange, names and values and 128 bytes for each, is at most 256 KiB; then no memory.", requestHeaderSet},
	{"request_header_add", []Param{text("name"), text("value")}, Status, upToContent, NoGrant,
		"Adds a value to a request header.", requestHeaderAdd},
	{"request_header_remove", []Param{text("name")}, Status, upToContent, NoGrant,
		"Removes all values of a request header; that there were none is no error.", requestHeaderRemove},
	{"request_header_list", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"All request headers as a list name, value, name, value, ….", requestHeaderList},

	// request_body.go
	{"request_body_read", []Param{buffer("buf")}, Count, upToContent, NoGrant,
		"Reads on in the request's body, waiting for the client where it must. Each plugin reads from the start: what was read before content is kept for the others, up to the body limit. Answers timeout when the client takes too long, or when the call has lasted as long as it may.", requestBodyRead},
	{"request_body_set", []Param{text("body")}, Status, abi.BeforeContent, NoGrant,
		"Replaces the request's body for everybody who reads it from now on.", requestBodySet},

	// response.go
	{"response_status", nil, Number, inRequest, NoGrant,
		"The response's status code; 200 where nobody has set it.", responseStatus},
	{"response_set_status", []Param{number("status")}, Status, beforeSent, NoGrant,
		"Sets the status code, 200 to 599.", responseSetStatus},
	{"response_write", []Param{text("bytes")}, Status, upToContent, NoGrant,
		"Adds bytes to the response's body.", responseWrite},
	{"response_flush", nil, Status, abi.Content.Mask(), NoGrant,
		"Sends the headers and what has been written so far. The response goes on chunked. Answers closed when the client has gone, and timeout when the call has lasted as long as it may.", responseFlush},

	// response_header.go
	{"response_header_get", []Param{text("name"), buffer("buf")}, Length, inRequest, NoGrant,
		"The first value of a response header; names are compared without regard to case.", responseHeaderGet},
	{"response_header_set", []Param{text("name"), text("value")}, Status, beforeSent, NoGrant,
		"Replaces all values of a response header with one. Content-Length and Transfer-Encoding are the server's: setting or removing them has no effect.", responseHeaderSet},
	{"response_header_add", []Param{text("name"), text("value")}, Status, beforeSent, NoGrant,
		"Adds a value to a response header.", responseHeaderAdd},
	{"response_header_remove", []Param{text("name")}, Status, beforeSent, NoGrant,
		"Removes all values of a response header; that there were none is no error.", responseHeaderRemove},
	{"response_header_list", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"All response headers as a list name, value, name, value, ….", responseHeaderList},

	// response_chunk.go
	{"response_chunk", []Param{buffer("buf")}, Length, abi.BodyFilter.Mask(), NoGrant,
		"The chunk of the response's body that this call is about; it may be empty.", responseChunk},
	{"response_set_chunk", []Param{text("bytes")}, Status, abi.BodyFilter.Mask(), NoGrant,
		"Replaces the chunk; an empty one is dropped.", responseSetChunk},
	{"response_eof", nil, Number, abi.BodyFilter.Mask(), NoGrant,
		"1 if this chunk is the last, else 0. The last call comes exactly once.", responseEOF},

	// control.go
	{"exit", []Param{number("status")}, Status, upToContent, NoGrant,
		"Ends the request with this status, 200 to 599, once the phase function has returned. Without a body of its own an error status gets a short text.", controlExit},
	{"redirect", []Param{text("uri"), number("status")}, Status, upToContent, NoGrant,
		"Ends the request with a redirect, status 301, 302, 303, 307 or 308, once the phase function has returned.", controlRedirect},
	{"exec", []Param{text("uri")}, Status, upToContent, NoGrant,
		"Internal redirect: once the phase function has returned, the request starts again at routing with this path and query, at most 10 times. The context survives; what was written is dropped.", controlExec},

	// ctx.go
	{"ctx_get", []Param{text("key"), buffer("buf")}, Length, inRequest, NoGrant,
		"A value of the exchange's context, which all plugins of the exchange share.", ctxGet},
	{"ctx_set", []Param{text("key"), text("value")}, Status, inRequest, NoGrant,
		"Sets a value of the exchange's context. Keys and values together hold at most 64 KiB.", ctxSet},
	{"ctx_remove", []Param{text("key")}, Status, inRequest, NoGrant,
		"Removes a value from the exchange's context.", ctxRemove},

	// config.go
	{"config_get", []Param{text("key"), buffer("buf")}, Length, everywhere, NoGrant,
		"A value of the plugin's configuration by its dotted key: text as it is, numbers and booleans as text, tables and arrays as JSON. The empty key is the whole table.", configGet},

	// env.go
	{"env_get", []Param{text("name"), buffer("buf")}, Length, everywhere, Env,
		"The value that an environment variable had when the plugin was loaded; not found where it was not set, not granted where the configuration does not name it.", envGet},

	// log.go
	{"log", []Param{number("level"), text("message")}, Status, everywhere, NoGrant,
		"Writes a line to the server's log: level 0 debug, 1 info, 2 warn, 3 error.", logMessage},

	// time.go
	{"now", nil, Nanoseconds, everywhere, NoGrant,
		"The time of day in nanoseconds since 1970.", timeNow},
	{"sleep", []Param{{"nanoseconds", Int64}}, Status, everywhere, NoGrant,
		"Blocks this request, and no other, for a time. Ends early with closed when the client has gone, and with timeout when the call has lasted as long as it may.", timeSleep},

	// redis.go
	{"redis_open", []Param{text("name")}, Number, everywhere, Redis,
		"The handle of a Redis server, by its name in the configuration: the same in every instance. Not granted where the configuration does not give it to the plugin. Opens no connection.", redisOpen},
	{"redis_do", []Param{number("redis"), list("args"), {"ttl", Int64}, buffer("buf")}, Length, everywhere, NoGrant,
		"Runs a command, the name first, and answers its reply: a type byte as in RESP3, then for ':' an i64, for ',' a double, for '#' a byte 0 or 1, for '_' nothing, for '$' (string), '-' (error), '(' (big number) and '=' (verbatim) a u32 length and the text, for '*' (array) and '~' (set) a u32 count and the elements, for '%' (map) a u32 count of pairs and key, value, …; all little-endian. A ttl greater than 0, in nanoseconds, allows an answer that the server has kept for no longer and that Redis has not called outdated since; the command must read one key, its first argument. Where the reply is larger than the buffer the command has run and the reply waits for redis_reply. Answers timeout after the Redis server's timeout or at the call's deadline, closed when the client has gone, I/O error when the connection is lost: the command may have run then. Commands that block or that change the connection are not granted.", redisDo},
	{"redis_pipeline", []Param{number("redis"), number("transaction"), list("commands"), buffer("buf")}, Length, everywhere, NoGrant,
		"Runs up to 1000 commands, each item a list of its own, in one round trip and answers an array of their replies as redis_do does. With transaction 1 they run between MULTI and EXEC, and the reply is that of EXEC.", redisPipeline},
	{"redis_eval", []Param{number("redis"), text("script"), number("keys"), list("args"), buffer("buf")}, Length, everywhere, NoGrant,
		"Runs a Lua script, by its digest where the Redis server knows it. The first keys of args are the script's KEYS, the others its ARGV. The configuration must grant the command EVAL by name. Answers as redis_do does.", redisEval},
	{"redis_reply", []Param{buffer("buf")}, Length, everywhere, NoGrant,
		"The reply that was larger than the buffer of the last redis_do, redis_pipeline or redis_eval of this call, or nothing where none waits. Once it has fit it is gone.", redisReply},

	// metric.go
	{"metric_define", []Param{number("kind"), text("name"), text("help"), list("labels"), text("buckets")}, Number, everywhere, NoGrant,
		"Defines a metric of the plugin (kind 0 counter, 1 gauge, 2 histogram) and answers its id; again with the same definition it answers the same id. A histogram's buckets are little-endian doubles, growing; none means the default ones.", metricDefine},
	{"metric_series", []Param{number("metric"), list("values")}, Number, everywhere, NoGrant,
		"The id of the metric's series with these label values. A metric holds at most 1000 series; then no memory.", metricSeries},
	{"metric_add", []Param{number("series"), {"value", Float}}, Status, everywhere, NoGrant,
		"Adds to a counter (not a negative number) or a gauge.", metricAdd},
	{"metric_set", []Param{number("series"), {"value", Float}}, Status, everywhere, NoGrant,
		"Sets a gauge.", metricSet},
	{"metric_observe", []Param{number("series"), {"value", Float}}, Status, everywhere, NoGrant,
		"Counts an observation in a histogram.", metricObserve},
}
