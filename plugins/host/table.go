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

	balancing = 1 << abi.Balancer

	// init prepares a memory that others begin with, and after exit_worker
	// nothing runs.
	maySetTimers   = abi.AllPhases &^ (1<<abi.Init | 1<<abi.ExitWorker)
	mayChangePeers = maySetTimers
)

var table = []Function{
	// request.go
	{"request_method", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The request's method.", requestMethod},
	{"request_set_method", []Param{text("method")}, Status, abi.BeforeContent, NoGrant,
		"Changes the method. It must be a token (RFC 9110, section 5.6.2). The route stays.", requestSetMethod},
	{"request_uri", []Param{buffer("buf")}, Length, inRequest, NoGrant,
		"The request target: request_path, escaped where it must be, and the query as it came.", requestURI},
	{"request_set_uri", []Param{text("uri")}, Status, abi.BeforeContent, NoGrant,
		"Changes path and query; the path gets its canonical form. The URI begins with '/' and has at most 64 KiB. The route stays: exec chooses it anew.", requestSetURI},
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
		"When the request's first byte arrived, in nanoseconds since 1970.", requestStart},

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
	{"response_replace_chunk", []Param{number("regex"), text("template"), number("max")}, Number, abi.BodyFilter.Mask(), NoGrant,
		"Replaces the matches in the chunk, at most max (all, where max is negative), as regex_replace does in a text, without the chunk passing through the guest, and answers how many they were. More than 16 MiB are no memory, and the chunk stays as it is.", responseReplaceChunk},
	{"response_set_chunk", []Param{text("bytes")}, Status, abi.BodyFilter.Mask(), NoGrant,
		"Replaces the chunk; an empty one is dropped.", responseSetChunk},
	{"response_eof", nil, Number, abi.BodyFilter.Mask(), NoGrant,
		"1 if this chunk is the last, else 0. The last call comes exactly once.", responseEOF},

	// control.go
	{"exit", []Param{number("status")}, Status, upToContent | balancing, NoGrant,
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

	// subrequest.go
	{"subrequest_start", []Param{text("method"), text("uri"), list("headers"), text("body")}, Number, upToContent, NoGrant,
		"Begins a subrequest and answers its number at once: several run side by side. It is a request to the server itself, through routing and all phases but log, with a context of its own and the headers of this request, except for those that frame its body or concern its connection; headers, a list name, value, name, value, …, replace those of their names. The client's address is this request's. The path and query begin with '/' and have at most 64 KiB. At most 32 may be open at once, nested 10 deep; then no memory. Closed in a subrequest that nobody waits for any more. Those that are open when the request ends are closed.", subrequestStart},
	{"subrequest_status", []Param{number("subrequest")}, Number, upToContent, NoGrant,
		"Waits for a subrequest's response and answers its status. Its body is at most 8 MiB; then no memory. Answers timeout when the call has lasted as long as it may, closed when the client has gone.", subrequestStatus},
	{"subrequest_headers", []Param{number("subrequest"), buffer("buf")}, Length, upToContent, NoGrant,
		"The response's headers as a list name, value, name, value, …. Waits as subrequest_status does.", subrequestHeaders},
	{"subrequest_read", []Param{number("subrequest"), buffer("buf")}, Count, upToContent, NoGrant,
		"Reads on in the response's body. Waits as subrequest_status does.", subrequestRead},
	{"subrequest_close", []Param{number("subrequest")}, Status, upToContent, NoGrant,
		"Closes a subrequest. One that still runs is told that its client has gone; the exchange does not end before it.", subrequestClose},

	// timer.go
	{"timer_start", []Param{{"delay", Int64}, {"interval", Int64}, text("name"), text("data")}, Number, maySetTimers, NoGrant,
		"Starts a timer and answers its number: it runs the plugin's timer phase, on an instance that serves no exchange, once after delay nanoseconds and, where interval is not 0, every interval nanoseconds from then on, a millisecond at least. A run that takes longer leaves the runs out that would have begun meanwhile. The name, up to 128 bytes, tells the plugin's timers apart; the data, up to 64 KiB, is for the plugin. No memory where the plugin has 1024 timers, closed once the server stops or has another configuration.", timerStart},
	{"timer_cancel", []Param{number("timer")}, Status, maySetTimers, NoGrant,
		"Ends a timer that the plugin has started. A run that has begun goes on.", timerCancel},
	{"timer_name", []Param{buffer("buf")}, Length, abi.Timer.Mask(), NoGrant,
		"The name of the timer that has run out.", timerName},
	{"timer_data", []Param{buffer("buf")}, Length, abi.Timer.Mask(), NoGrant,
		"The data of the timer that has run out.", timerData},
	{"timer_premature", nil, Number, abi.Timer.Mask(), NoGrant,
		"1 if the timer runs before its time, and for the last time, because the server stops or has another configuration; else 0.", timerPremature},
	// http.go
	{"http_request", []Param{text("method"), text("url"), list("headers"), list("options"), text("body")}, Number, everywhere, HTTP,
		"Begins to send an HTTP request and answers its handle, at once: several may be on their way, at most 64 of an instance, then no memory; busy while too many of those that it has closed are still coming to their end. Headers and options are lists name, value, name, value, …. The URL is absolute, its host granted. Headers that belong to the connection or frame the message, and Host, have no effect. A body has at most 64 KiB; longer ones are streamed. Options, numbers in decimal, times in milliseconds: connect_timeout (5000), tls_timeout (5000), header_timeout (30000, from the request's last byte to the response's first), timeout (60000, for all of it), redirects (0: how many are followed, at most 10, each to a granted host; Authorization and Cookie go to the first one's host and port only), decompress (0; 1: ask for gzip and undo it), response_limit (0: none; the most bytes of a response's body), stream (0; 1: the body follows by http_write and is ended by http_send), length (how long it will be then; chunked where it is not given). What is open when the exchange ends is closed.", httpRequest},
	{"http_write", []Param{number("handle"), text("bytes")}, Status, everywhere, NoGrant,
		"Adds to a streamed request's body, waiting for the other side where it must. Answers closed where the other side has answered and reads no more of it.", httpWrite},
	{"http_send", []Param{number("handle")}, Status, everywhere, NoGrant,
		"Ends a streamed request's body.", httpSend},
	{"http_status", []Param{number("handle")}, Number, everywhere, NoGrant,
		"Waits for the response's head and answers its status. It answers timeout when one of the request's times, or the call's, is over, closed when the client has gone, not granted for a redirect, or an address that a name leads to, that is not granted, and I/O error for the rest, as http_header_get, http_header_list, http_read and http_write do.", httpStatus},
	{"http_header_get", []Param{number("handle"), text("name"), buffer("buf")}, Length, everywhere, NoGrant,
		"The first value of a header of the response, for whose head it waits; names are compared without regard to case.", httpHeaderGet},
	{"http_header_list", []Param{number("handle"), buffer("buf")}, Length, everywhere, NoGrant,
		"All headers of the response, for whose head it waits, as a list name, value, name, value, …, sorted by name.", httpHeaderList},
	{"http_read", []Param{number("handle"), buffer("buf")}, Count, everywhere, NoGrant,
		"Reads on in the response's body, waiting for it where it must. A body over response_limit is no memory.", httpRead},
	{"http_error", []Param{number("handle"), buffer("buf")}, Length, everywhere, NoGrant,
		"Why the request has failed, for people; empty where it has not.", httpError},
	{"http_detach", []Param{number("handle")}, Status, everywhere, NoGrant,
		"Lets a request whose body has been ended go on by itself when the exchange is over, within its time, and frees its handle: nobody hears of the answer, whose body is dropped, and cut off after 4 MiB. At most 64 of a plugin's requests are on their way like that; then busy, and nothing changes. Those that are on their way when the server ends are cut off.", httpDetach},
	{"http_close", []Param{number("handle")}, Status, everywhere, NoGrant,
		"Ends a request, wherever it is, and frees its handle, whose number a later one gets.", httpClose},
	// redis.go
	{"redis_open", []Param{text("name")}, Number, everywhere, Redis,
		"The handle of a Redis server, by its name in the configuration: the same in every instance. Not granted where the configuration does not give it to the plugin. Opens no connection.", redisOpen},
	{"redis_do", []Param{number("redis"), list("args"), {"ttl", Int64}, buffer("buf")}, Length, everywhere, NoGrant,
		"Runs a command, the name first, and answers its reply: a type byte as in RESP3, then for ':' an i64, for ',' a double, for '#' a byte 0 or 1, for '_' nothing, for '$' (string), '-' (error), '(' (big number) and '=' (verbatim) a u32 length and the text, for '*' (array) and '~' (set) a u32 count and the elements, for '%' (map) a u32 count of pairs and key, value, …; all little-endian. A ttl greater than 0, in nanoseconds, allows an answer that the server has kept for no longer and that Redis has not called outdated since; the command must read one key, its first argument, and one with more than one argument behind it is always sent. Where the reply is larger than the buffer the command has run and the reply waits for redis_reply. Answers timeout after the Redis server's timeout or at the call's deadline, closed when the client has gone, I/O error when the connection is lost: the command may have run then. A command that may block has a connection of its own and waits until the call's deadline; busy where 64 do already. Replies larger than 16 MiB, or than the plugin's memory may be, are no memory. Commands that change the connection are not granted.", redisDo},
	{"redis_pipeline", []Param{number("redis"), number("transaction"), list("commands"), buffer("buf")}, Length, everywhere, NoGrant,
		"Runs up to 1000 commands, each item a list of its own, in one round trip and answers an array of their replies as redis_do does. With transaction 1 they run between MULTI and EXEC, and the reply is that of EXEC.", redisPipeline},
	{"redis_eval", []Param{number("redis"), text("script"), number("keys"), list("args"), buffer("buf")}, Length, everywhere, NoGrant,
		"Runs a Lua script, by its digest where the Redis server knows it. The first keys of args are the script's KEYS, the others its ARGV. The configuration must grant the command EVAL by name. Answers as redis_do does.", redisEval},
	{"redis_reply", []Param{buffer("buf")}, Length, everywhere, NoGrant,
		"The reply that was larger than the buffer of the last redis_do, redis_pipeline or redis_eval of this call, or nothing where none waits. Once it has fit it is gone.", redisReply},

	// message.go
	{"redis_subscribe", []Param{number("redis"), number("pattern"), text("channel")}, Status, maySetTimers, NoGrant,
		"Subscribes the plugin to a channel of a Redis server, or with pattern 1 to all whose names match it, and comes back at once: what is published there from then on runs the plugin's message phase, one message after the other, on an instance that serves no exchange. Redis being away is no error: the subscription stands as soon as it can, and again after the connection was lost. Again with the same it does nothing. A channel's name has 1 to 1024 bytes. The configuration must grant SUBSCRIBE or PSUBSCRIBE, and the prefix of its keys is that of channels, too. No memory where the plugin has 1024 subscriptions, closed once the server stops or has another configuration.", redisSubscribe},
	{"message_missed", nil, Number, abi.Message.Mask(), NoGrant,
		"1 where the call is about no message, but says that messages may have been missed until now: because subscriptions stand for the first time, or again, or because the plugin was too slow. Else 0.", messageMissed},
	{"message_redis", []Param{buffer("buf")}, Length, abi.Message.Mask(), NoGrant,
		"The name of the Redis server that the message comes from.", messageRedis},
	{"message_channel", []Param{buffer("buf")}, Length, abi.Message.Mask(), NoGrant,
		"The channel that the message was published to.", messageChannel},
	{"message_pattern", []Param{buffer("buf")}, Length, abi.Message.Mask(), NoGrant,
		"The pattern that the channel matches, empty where the plugin is subscribed to the channel itself.", messagePattern},
	{"message_data", []Param{buffer("buf")}, Length, abi.Message.Mask(), NoGrant,
		"What was published.", messageData},
	// balancer.go
	{"balancer_peers", []Param{buffer("buf")}, Length, balancing, NoGrant,
		"The upstream's peers as a list of six items each: its address as the configuration has it, the address to connect to, weight, requests that it is serving, its state (up, down, draining, unhealthy, failed), and whether this request has tried it (0 or 1). Their order is that of their indices, and stays as it is in this call; peers that are added meanwhile follow.", balancerPeers},
	{"balancer_set", []Param{number("index")}, Status, balancing, NoGrant,
		"Chooses the peer for this try, whatever its health. Bad argument where there is no such index, busy for a peer that the operator has taken out, or that has as many requests as it may. Where nothing is chosen the upstream's own balance decides.", balancerSet},
	{"balancer_set_address", []Param{text("address")}, Status, balancing, NoGrant,
		"As balancer_set, by one of the peer's two addresses; not found where the upstream has no such peer.", balancerSetAddress},
	{"balancer_more_tries", []Param{number("tries")}, Status, balancing, NoGrant,
		"Lets the request have that many tries more than the configuration gives it, at most 100, should this one fail. The last call counts.", balancerMoreTries},
	{"balancer_failure", nil, Number, balancing, NoGrant,
		"What became of the try before: 0 where the peer has not answered, else the status of an answer with which the request goes on to another peer. Not found at the first try.", balancerFailure},

	// upstream.go
	{"upstream_peers", []Param{text("upstream"), buffer("buf")}, Length, mayChangePeers, Upstreams,
		"The peers of an upstream that the plugin is granted, as balancer_peers has them, none of them tried.", upstreamPeers},
	{"upstream_add", []Param{text("upstream"), text("address"), number("weight")}, Status, mayChangePeers, Upstreams,
		"Adds a peer to an upstream, without a reload: an IP address and a port, or unix: and a path; a weight from 1 to 65535. It survives reloads, and not the process. Exists where the upstream has the peer, no memory where it has 1024, busy while it is being changed otherwise.", upstreamAdd},
	{"upstream_remove", []Param{text("upstream"), text("address")}, Status, mayChangePeers, Upstreams,
		"Removes a peer from an upstream by its address as the configuration, or upstream_add, has it; what it is serving goes on. Not found where the upstream has no such peer, busy while it is being changed otherwise.", upstreamRemove},

	// handshake.go
	{"tls_server_name", []Param{buffer("buf")}, Length, abi.TLSCertificate.Mask(), NoGrant,
		"The name that the client asks for in its handshake (SNI), in lower case.", tlsServerName},
	{"tls_set_certificate", []Param{text("cert"), text("key")}, Status, abi.TLSCertificate.Mask(), NoGrant,
		"Gives the certificate for the name, followed by those that lead to the authority, and its private key, both in PEM form and of at most 256 KiB. The last call counts. It is used for the name for five minutes, then the phase runs again. Bad argument where they are no certificate and its key. Where none is given the listener's first certificate is used, or the handshake fails.", tlsSetCertificate},

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

	// regex.go
	{"regex_compile", []Param{text("pattern"), text("flags")}, Number, everywhere, NoGrant,
		"Compiles a regular expression in RE2's syntax, as Go's package regexp has it, and answers its number, which is good in all instances of the plugin; again with the same pattern and flags it answers the same number. Flags are the letters i, m, s and U, as in (?i). A pattern that is malformed or too large (8 KiB of text, 10,000 instructions, 100,000 instructions times groups) is a bad argument, and the log says why. A plugin has at most 1000, of 1 MiB of text and 500,000 instructions in all; then no memory.", regexCompile},
	{"regex_match", []Param{number("regex"), text("text")}, Number, everywhere, NoGrant,
		"1 if the text matches anywhere, else 0.", regexMatch},
	{"regex_find", []Param{number("regex"), text("text"), buffer("buf")}, Length, everywhere, NoGrant,
		"The first match: where it and each of its groups begin and end, as little-endian i32 pairs, -1 for a group that took no part. Not found where nothing matches.", regexFind},
	{"regex_find_all", []Param{number("regex"), text("text"), number("max"), buffer("buf")}, Length, everywhere, NoGrant,
		"All matches that do not overlap, at most max (all, where max is negative), one after the other as regex_find has them. More than 16 MiB are no memory. Where the buffer is too small the next call searches again.", regexFindAll},
	{"regex_replace", []Param{number("regex"), text("text"), text("template"), number("max"), buffer("buf")}, Length, everywhere, NoGrant,
		"The text with its matches, at most max (all, where max is negative), replaced by the template: in it $1, ${1} and ${name} stand for groups, $0 for the match and $$ for a dollar; other dollars and groups that do not exist are a bad argument. More than 16 MiB are no memory. Where the buffer is too small the next call replaces again.", regexReplace},
	{"regex_names", []Param{number("regex"), buffer("buf")}, Length, everywhere, NoGrant,
		"The names of the groups as a list, empty for one without a name. The first item is the whole match.", regexNames},

	// regex_set.go
	{"regex_set_compile", []Param{list("patterns")}, Number, everywhere, NoGrant,
		"Compiles a set of at most 1000 regular expressions, each as regex_compile does without flags, and answers the set's number, which is good in all instances of the plugin; again with the same patterns it answers the same number. The sets and their expressions count among the plugin's 1000. A set has at most 256 KiB of text and 50,000 instructions; more, or a malformed pattern, is a bad argument, and the log says why.", regexSetCompile},
	{"regex_set_match", []Param{number("set"), text("text")}, Number, everywhere, NoGrant,
		"The place, from 0, of the set's first expression that matches the text anywhere: first in the order of the set, not of the text. Not found where none does. The text is read once, however many there are.", regexSetMatch},

	// hash.go
	{"hash", []Param{text("algorithm"), text("data"), buffer("buf")}, Length, everywhere, NoGrant,
		"The hash of the data, as bytes: md5, sha1, sha256, sha384, sha512, or crc32 (that of IEEE 802.3, big-endian).", hashSum},
	{"hmac", []Param{text("algorithm"), text("key"), text("data"), buffer("buf")}, Length, everywhere, NoGrant,
		"The HMAC (RFC 2104) of the data, with one of the algorithms of hash but crc32.", hashHMAC},
	{"equal_constant_time", []Param{text("a"), text("b")}, Number, everywhere, NoGrant,
		"1 if both are equal, else 0, in a time that depends on nothing but their lengths; different lengths are told at once.", hashEqual},

	// encode.go
	{"base64_encode", []Param{number("encoding"), text("data"), buffer("buf")}, Length, everywhere, NoGrant,
		"The data in base64 (RFC 4648): encoding 0 is the standard alphabet with padding, 1 without, 2 the one for URLs with padding, 3 without.", base64Encode},
	{"base64_decode", []Param{number("encoding"), text("data"), buffer("buf")}, Length, everywhere, NoGrant,
		"What base64 stands for; anything that base64_encode does not write is a bad argument.", base64Decode},

	// random.go
	{"random_bytes", []Param{buffer("buf")}, Count, everywhere, NoGrant,
		"Fills the buffer with random bytes fit for keys. No two instances get the same, also where they begin with the same memory.", randomBytes},
	{"uuid", []Param{number("version"), buffer("buf")}, Length, everywhere, NoGrant,
		"A new UUID (RFC 9562) as text: version 4 is random, version 7 sorts by time, and within the plugin strictly.", randomUUID},
	// zone.go
	{"zone_open", []Param{text("name")}, Number, everywhere, Zones,
		"The number of a zone, by which the functions below know it: it stays the same as long as the plugin is loaded. Not granted where the configuration does not give the plugin the zone. A key has 1 byte to 64 KiB. A value is one byte for its kind and then: 1 any bytes, 2 an int64 and 3 a double, 8 bytes little-endian, 4 one byte, 0 or 1. A time to live is in nanoseconds, rounded up to milliseconds; 0 is forever.", zoneOpen},
	{"zone_get", []Param{number("zone"), text("key"), number("flags"), buffer("buf")}, Length, everywhere, NoGrant,
		"The value of a key. With flag 1 also one that has expired and is still there: 0x80 is added to its kind. A list is an error.", zoneGet},
	{"zone_set", []Param{number("zone"), number("mode"), text("key"), text("value"), {"ttl", Int64}}, Number, everywhere, NoGrant,
		"Sets a key: mode 0 always, 1 always but without evicting anything (no memory), 2 where there is no such key (exists), 3 both, 4 where there is such a key (not found). Answers 1 where entries had to be evicted that had not expired, else 0.", zoneSet},
	{"zone_incr", []Param{number("zone"), text("key"), text("delta"), text("init"), {"ttl", Int64}, buffer("buf")}, Length, everywhere, NoGrant,
		"Adds to a number and answers the sum, an int64 where both are and it does not overflow, else a double. A key that is missing begins at init and lives for ttl, or is not found where init is empty. Where the buffer has less than 9 bytes nothing is done.", zoneIncr},
	{"zone_cas", []Param{number("zone"), text("key"), text("old"), text("new"), {"ttl", Int64}}, Status, everywhere, NoGrant,
		"Sets a key where its value is old: where it is another exists, where the key is missing not found. An empty old is for a key that is missing, an empty new deletes.", zoneCas},
	{"zone_delete", []Param{number("zone"), text("key")}, Status, everywhere, NoGrant,
		"Deletes a key; that there was none is no error.", zoneDelete},
	{"zone_ttl", []Param{number("zone"), text("key")}, Nanoseconds, everywhere, NoGrant,
		"How long a key has to live, 0 forever, or a negative error.", zoneTTL},
	{"zone_expire", []Param{number("zone"), text("key"), {"ttl", Int64}}, Status, everywhere, NoGrant,
		"Sets how long a key has to live.", zoneExpire},
	{"zone_push", []Param{number("zone"), text("key"), number("end"), text("value")}, Number, everywhere, NoGrant,
		"Adds to a list, on its left (0) or right (1), and answers its length. It makes the list where the key is missing. It never evicts what has not expired.", zonePush},
	{"zone_pop", []Param{number("zone"), text("key"), number("end"), buffer("buf")}, Length, everywhere, NoGrant,
		"Takes an element from a list. Where the buffer is too small it stays.", zonePop},
	{"zone_len", []Param{number("zone"), text("key")}, Number, everywhere, NoGrant,
		"The length of a list, 0 where the key is missing.", zoneLen},
	{"zone_flush", []Param{number("zone"), number("what"), number("max")}, Number, everywhere, NoGrant,
		"Deletes all keys (what 0), or those that have expired (1), then at most max where max is not 0. Answers how many.", zoneFlush},
	{"zone_keys", []Param{number("zone"), number("max"), buffer("buf")}, Length, everywhere, NoGrant,
		"At most max keys as a list, in no order; max is 1 to 65536.", zoneKeys},
	{"zone_info", []Param{number("zone"), buffer("buf")}, Length, everywhere, NoGrant,
		"The zone's capacity, what is free of it, both in bytes, and the number of keys: three 8-byte integers, little-endian.", zoneInfo},
	{"zone_hold", []Param{number("zone"), text("key"), number("max")}, Number, inRequest, NoGrant,
		"Counts the exchange under a key until it ends: the server takes it off again, whatever happens. Answers the count, this one included, or busy where there are max already. An exchange holds at most 64 counts; then no memory.", zoneHold},
}
