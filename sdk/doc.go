// Package sdk is what a phasm plugin written in Go is made of: it registers
// the plugin's handlers and lets them see and change the request, the
// response, and what the server offers beside them.
//
// A plugin is a main package that registers one function for each phase it
// takes part in:
//
//	package main
//
//	import "phasm/sdk"
//
//	func init() { sdk.Content(hello) }
//
//	func main() {}
//
//	func hello(r *sdk.Request) sdk.Action {
//		r.Response().SetHeader("Content-Type", "text/plain")
//		r.Response().WriteString("hi\n")
//		return sdk.Final
//	}
//
// phasm builds it with the stock toolchain:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared
//
// # Where to find what
//
//   - phases.go: [Init], [InitWorker], [ExitWorker], [Rewrite], [Access],
//     [Content], [HeaderFilter], [BodyFilter] and [Log] register handlers
//   - request.go, request_header.go, request_body.go, variable.go: [Request]
//   - args.go: [Args], the arguments of queries and forms
//   - response.go, response_header.go: [Response]
//   - response_chunk.go: [Chunk], the body filter's view of the response
//   - control.go: Exit, Redirect and Exec end a request early
//   - ctx.go: values that the plugins of one exchange share
//   - subrequest.go: [Subrequest], a request to the server itself
//   - timer.go: [OnTimer], [After] and [Every] run something later
//   - balancer.go: [Balancer] registers what chooses an upstream's peer, by [Choice]
//   - tls_certificate.go: [TLSCertificate] registers what supplies certificates
//   - upstream.go: [Upstream], whose peers come and go while requests are served
//   - zone.go, zone_value.go, zone_list.go: [Zone], what plugins share
//   - limit.go, lock.go: rates, connections and locks over a zone
//   - redis.go, redis_reply.go: [OpenRedis], [Script], [Reply]
//   - message.go: [OnMessage], [OnMissed] and [Redis.Subscribe] receive what is
//     published in Redis
//   - config.go, env.go, log.go, time.go, metric.go: what has nothing to do
//     with a request and works in every phase
//   - regex.go, regex_set.go, hash.go, encode.go, random.go: what the server does
//     faster or better than a guest can by itself, in every phase
//   - http.go: [Get], [Fetch], [FetchAll] and [Send] send requests to other servers
//
// What stands in brackets, as (ngx.exit), does in OpenResty what the function
// does here. Package sdktest runs a plugin in an ordinary go test, without
// WebAssembly.
//
// # Strings and bytes
//
// What answers a string makes a new one and never fails: a header that is not
// there is empty. Beside each stands a function Append… that adds to a slice
// of the caller's, allocates only where that is too small, and answers
// [ErrNotFound] for what is not there. Functions that take a string or bytes
// never keep them.
//
// # Errors
//
// What can fail answers one of the errors listed at [ErrNotFound], to be
// compared with errors.Is. Calling a function in a phase where it means
// nothing is [ErrWrongPhase], and a line in the server's log; each function's
// comment names its phases where there are limits. A panic ends the exchange
// with 500 and the instance with it.
//
// # Configuration
//
// A plugin's configuration is its table config in the configuration file. Keys
// are dotted paths into it, such as "limits.burst". It never changes during an
// instance's life: read it once, in the handler of [Init].
//
// # Grants
//
// What reaches beyond the requests, such as [Env] and [OpenZone], works only where the
// configuration grants it, by name, in [plugins.NAME.grants]. All else is
// [ErrNotGranted], and a line in the server's log that says what to add.
//
// # Metrics
//
// Metrics are declared as package variables and show up among the server's
// own, with the label plugin ahead of theirs:
//
//	var hits = sdk.NewCounter("hits_total", "Requests that were counted.", "method")
//
//	hits.With(r.Method()).Inc()
//
// The server learns of them in the init phase; a definition that it refuses
// fails the plugin. Names are lower-case letters, digits and underscores.
// Those of counters, and only those, end in _total; names that begin with
// phasm_, go_ or process_ are the server's. A metric has at most 10 labels and
// 1000 series, which all instances share.
//
// Updates work in all phases. They answer errors that most callers may ignore:
// [ErrBadArgument] for a number that does not fit, [ErrNoMemory] for a series
// over the limit, [ErrNotFound] before the init phase.
//
// # Instances and memory
//
// The server runs many instances of a plugin, each with a memory of its own,
// which begins as a copy of what Init has left.
// An instance serves one exchange at a time, from its first phase to log, so
// package variables carry state from phase to phase; afterwards it serves
// other exchanges with whatever its variables then hold, or, where the
// configuration says isolation = "request", with what they held after init.
// There is one thread: nothing here may be used by several goroutines at once.
//
// A call may compute for limits.cpu and last for limits.wall, waiting included.
// One that goes on is stopped: the exchange fails, and the instance with it.
//
// While the content handler is inside [Response.Write], [Response.WriteString]
// or [Response.Flush], the server may run the plugin's own header and body
// filters.
//
// # Size
//
// A guest carries the Go runtime (1.9 MB) and whatever it imports: package
// time adds 0.3 MB, fmt 0.7 MB, encoding/json 1.2 MB. This package adds little
// and imports none of those, which is why durations here are generic and times
// are nanoseconds.
package sdk
