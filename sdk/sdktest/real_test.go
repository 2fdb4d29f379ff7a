//go:build !wasip1

package sdktest_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/zone"
	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/sdktest"
)

// real answers the SDK from the server's own host functions, through a
// module's memory, so that tests can hold the fake against them.
type real struct {
	call   host.Call
	module api.Module
	logs   *logs
}

var _ imports.Host = (*real)(nil)

// granted is what both the fake and the server's host functions grant.
var granted = host.Grants{
	Env: []string{"TOKEN", "EMPTY", "UNSET"},
	LookupEnv: func(name string) (string, bool) {
		value, set := map[string]string{"TOKEN": "secret", "EMPTY": "", "HIDDEN": "hidden"}[name]
		return value, set
	},
	HTTP: []string{"api.example.com", "https://*.example.org:8443"}, HTTPSender: sender{},
}

// grants is granted for the fake.
func grants() (all []sdktest.Grant) {
	for _, name := range granted.Env {
		if value, set := granted.LookupEnv(name); set {
			all = append(all, sdktest.Env(name, value))
		} else {
			all = append(all, sdktest.EnvUnset(name))
		}
	}
	for _, host := range granted.HTTP {
		all = append(all, sdktest.HTTP(host, answerTo))
	}
	return append(all, sdktest.UpstreamPeers("app", sdk.Peer{Name: "127.0.0.1:1"}), sdktest.Zone("zone", zone.MinSize), sdktest.ReadZone("read", map[string]string{"k": "v"}))
}

// newReal sets the server's host functions up for one exchange.
func newReal(t testing.TB, config map[string]any, r sdktest.Request) *real {
	t.Helper()
	// A module that exports 4 MiB of memory and nothing else.
	wasm := []byte("\x00asm\x01\x00\x00\x00" + "\x05\x03\x01\x00\x40" + "\x07\x0a\x01\x06memory\x02\x00")
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { runtime.Close(ctx) })
	module, err := runtime.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := &logs{}
	granted := granted
	read := zone.New(1 << 20)
	read.Set(ctx, zone.Set, []byte("k"), zone.TextOf([]byte("v")), 0)
	granted.Zones = []host.Zone{{Name: "zone", Store: zone.New(zone.MinSize), Write: true}, {Name: "read", Store: read}}
	granted.Upstreams = map[string]host.Upstream{"app": &peers{[]host.Peer{{Name: "127.0.0.1:1", Address: "127.0.0.1:1", Weight: 1, State: "up"}}}}
	x := exchangeOf(t, r)
	h := &real{module: module, logs: l, call: host.Call{
		Context:  ctx,
		Plugin:   host.NewPlugin("NAME", config, granted, slog.New(l), metric.NewRegistry()),
		Exchange: x,
	}}
	h.call.Handshake = noHandshake{}
	h.call.Plugin.Timers = &setTimers{set: map[int32]bool{}}
	return h
}

// stateOf is what the server knows of a TLS connection, which is little.
func stateOf(r sdktest.Request) *tls.ConnectionState {
	if !r.TLS {
		return nil
	}
	return &tls.ConnectionState{Version: tls.VersionTLS13, ServerName: r.SSL["ssl_server_name"]}
}

// exchangeOf is the request as the server would have parsed it.
func exchangeOf(t testing.TB, r sdktest.Request) *host.Exchange {
	t.Helper()
	target := cmp.Or(r.Target, "/")
	r = sdktest.New(t, nil).Begin(r).Request() // with the defaults filled in
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s %s\r\nHost: %s\r\n", r.Method, target, r.Protocol, r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			fmt.Fprintf(&raw, "%s: %s\r\n", name, v)
		}
	}
	raw.WriteString("\r\n")
	x := &host.Exchange{
		Request: &fasthttp.Request{}, Response: &fasthttp.Response{}, Params: params(nil),
		Epoch: time.Now(), RemoteAddr: netip.MustParseAddrPort(r.RemoteAddr),
		LocalAddr: netip.MustParseAddrPort("127.0.0.1:8080"), TLS: stateOf(r), Route: r.Route,
		Connection: 1, Requests: 1,
	}
	if err := x.Request.Header.Read(bufio.NewReader(&raw)); err != nil {
		t.Fatalf("cannot parse %q: %v", target, err)
	}
	if target[0] == '/' {
		x.SetURI([]byte(target))
	}
	x.Response.Header.SetNoDefaultContentType(true)
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		x.Params = append(x.Params.(params), [2]string{name, r.Params[name]})
	}
	x.Balancer = balancer(r.Peers)
	x.Wire = &wire{x: x, body: r.Body, gone: r.ClientGone}
	return x
}

// wire is the connection of an exchange that was never received.
type wire struct {
	x        *host.Exchange
	body     string
	headSent bool
	gone     bool
}

func (w *wire) ReadBody(p []byte, offset int64, _ bool, _ time.Time) (int, error) {
	if offset >= int64(len(w.body)) {
		return 0, io.EOF
	}
	return copy(p, w.body[offset:]), nil
}

func (w *wire) SetBody(body []byte) { w.body = string(body) }
func (*wire) StepAside()            {}

func (w *wire) HeadSent() bool   { return w.headSent }
func (w *wire) ClientGone() bool { return w.gone }

func (w *wire) Flush(time.Time) error {
	if w.gone {
		return errors.New("the client has gone")
	}
	w.headSent = true
	w.x.Response.ResetBody()
	return nil
}

type params [][2]string

func (p params) Len() int           { return len(p) }
func (p params) Name(i int) string  { return p[i][0] }
func (p params) Value(i int) []byte { return []byte(p[i][1]) }
func (p params) Get(name string) ([]byte, bool) {
	for _, param := range p {
		if param[0] == name {
			return []byte(param[1]), true
		}
	}
	return nil, false
}

// logs keeps log lines as the fake shows them.
type logs struct{ lines []string }

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }
func (l *logs) Handle(_ context.Context, r slog.Record) error {
	line := strings.ToLower(r.Level.String()) + ": " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "function" {
			line += " (" + a.Value.String() + ")"
		}
		return true
	})
	l.lines = append(l.lines, line)
	return nil
}

// do calls a host function: a string is a text or a list, bytes are a buffer.
func (h *real) do(name string, args ...any) uint64 {
	f, memory := host.Find(name), h.module.Memory()
	var stack []uint64
	var buffers []func()
	next := uint32(16)
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			memory.WriteString(next, v)
			stack = append(stack, uint64(next), uint64(len(v)))
			next += uint32(len(v)) + 1
		case []byte:
			at := next
			buffers = append(buffers, func() {
				b, _ := memory.Read(at, uint32(len(v)))
				copy(v, b)
			})
			memory.Write(at, v)
			stack = append(stack, uint64(at), uint64(len(v)))
			next += uint32(len(v)) + 1
		case int32:
			stack = append(stack, api.EncodeI32(v))
		case int64:
			stack = append(stack, api.EncodeI64(v))
		case float64:
			stack = append(stack, api.EncodeF64(v))
		}
	}
	if len(stack) == 0 {
		stack = make([]uint64, 1)
	}
	f.Call(&h.call, h.module, stack)
	for _, read := range buffers {
		read()
	}
	return stack[0]
}

func (h *real) i32(name string, args ...any) int32 { return api.DecodeI32(h.do(name, args...)) }

// Allows implements imports.Host: the host functions check for themselves.
func (h *real) Allows(string, abi.Mask) bool { return true }

func (h *real) RequestMethod(b []byte) int32       { return h.i32("request_method", b) }
func (h *real) RequestSetMethod(s string) int32    { return h.i32("request_set_method", s) }
func (h *real) RequestURI(b []byte) int32          { return h.i32("request_uri", b) }
func (h *real) RequestSetURI(s string) int32       { return h.i32("request_set_uri", s) }
func (h *real) RequestPath(b []byte) int32         { return h.i32("request_path", b) }
func (h *real) RequestQuery(b []byte) int32        { return h.i32("request_query", b) }
func (h *real) RequestSetQuery(s string) int32     { return h.i32("request_set_query", s) }
func (h *real) QueryList(b []byte) int32           { return h.i32("query_list", b) }
func (h *real) ParamGet(s string, b []byte) int32  { return h.i32("param_get", s, b) }
func (h *real) ParamList(b []byte) int32           { return h.i32("param_list", b) }
func (h *real) RequestStart() int64                { return int64(h.do("request_start")) }
func (h *real) RequestHeaderRemove(s string) int32 { return h.i32("request_header_remove", s) }
func (h *real) RequestHeaderList(b []byte) int32   { return h.i32("request_header_list", b) }
func (h *real) RequestBodyRead(b []byte) int32     { return h.i32("request_body_read", b) }
func (h *real) RequestBodySet(s string) int32      { return h.i32("request_body_set", s) }
func (h *real) ResponseStatus() int32              { return h.i32("response_status") }
func (h *real) ResponseSetStatus(n int32) int32    { return h.i32("response_set_status", n) }
func (h *real) ResponseWrite(s string) int32       { return h.i32("response_write", s) }
func (h *real) ResponseFlush() int32               { return h.i32("response_flush") }
func (h *real) ResponseHeaderRemove(s string) int32 {
	return h.i32("response_header_remove", s)
}
func (h *real) ResponseHeaderList(b []byte) int32 { return h.i32("response_header_list", b) }
func (h *real) ResponseChunk(b []byte) int32      { return h.i32("response_chunk", b) }
func (h *real) ResponseReplaceChunk(n int32, template string, limit int32) int32 {
	return h.i32("response_replace_chunk", n, template, limit)
}
func (h *real) ResponseSetChunk(s string) int32  { return h.i32("response_set_chunk", s) }
func (h *real) ResponseEOF() int32               { return h.i32("response_eof") }
func (h *real) Exit(n int32) int32               { return h.i32("exit", n) }
func (h *real) Redirect(s string, n int32) int32 { return h.i32("redirect", s, n) }
func (h *real) Exec(s string) int32              { return h.i32("exec", s) }
func (h *real) CtxGet(s string, b []byte) int32  { return h.i32("ctx_get", s, b) }
func (h *real) CtxSet(k, v string) int32         { return h.i32("ctx_set", k, v) }
func (h *real) CtxRemove(s string) int32         { return h.i32("ctx_remove", s) }
func (h *real) Now() int64                       { return int64(h.do("now")) }
func (h *real) Sleep(n int64) int32              { return h.i32("sleep", n) }
func (h *real) Log(n int32, s string) int32      { return h.i32("log", n, s) }
func (h *real) QueryGet(s string, i int32, b []byte) int32 {
	return h.i32("query_get", s, i, b)
}
func (h *real) VariableGet(s string, b []byte) int32 { return h.i32("variable_get", s, b) }
func (h *real) ConfigGet(s string, b []byte) int32   { return h.i32("config_get", s, b) }
func (h *real) RedisOpen(s string) int32             { return h.i32("redis_open", s) }
func (h *real) RedisReply(b []byte) int32            { return h.i32("redis_reply", b) }
func (h *real) RedisDo(redis int32, args string, ttl int64, b []byte) int32 {
	return h.i32("redis_do", redis, args, ttl, b)
}
func (h *real) RedisPipeline(redis, transaction int32, commands string, b []byte) int32 {
	return h.i32("redis_pipeline", redis, transaction, commands, b)
}
func (h *real) RedisEval(redis int32, script string, keys int32, args string, b []byte) int32 {
	return h.i32("redis_eval", redis, script, keys, args, b)
}
func (h *real) EnvGet(s string, b []byte) int32 { return h.i32("env_get", s, b) }
func (h *real) RequestHeaderGet(s string, b []byte) int32 {
	return h.i32("request_header_get", s, b)
}
func (h *real) RequestHeaderSet(k, v string) int32 { return h.i32("request_header_set", k, v) }
func (h *real) RequestHeaderAdd(k, v string) int32 { return h.i32("request_header_add", k, v) }
func (h *real) ResponseHeaderGet(s string, b []byte) int32 {
	return h.i32("response_header_get", s, b)
}
func (h *real) ResponseHeaderSet(k, v string) int32 { return h.i32("response_header_set", k, v) }
func (h *real) ResponseHeaderAdd(k, v string) int32 { return h.i32("response_header_add", k, v) }
func (h *real) MetricDefine(kind int32, name, help, labels, buckets string) int32 {
	return h.i32("metric_define", kind, name, help, labels, buckets)
}
func (h *real) MetricSeries(n int32, s string) int32   { return h.i32("metric_series", n, s) }
func (h *real) MetricAdd(n int32, v float64) int32     { return h.i32("metric_add", n, v) }
func (h *real) MetricSet(n int32, v float64) int32     { return h.i32("metric_set", n, v) }
func (h *real) MetricObserve(n int32, v float64) int32 { return h.i32("metric_observe", n, v) }
func (h *real) RedisSubscribe(redis, pattern int32, channel string) int32 {
	return h.i32("redis_subscribe", redis, pattern, channel)
}

// noHandshake is one for no name, as outside of sdktest.Host.Certificate.
type noHandshake struct{}

func (noHandshake) ServerName() string { return "" }

func (noHandshake) SetCertificate(cert, key []byte) abi.Errno {
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return abi.BadArgument
	}
	return 0
}

func (h *real) TLSServerName(b []byte) int32 { return h.i32("tls_server_name", b) }
func (h *real) TLSSetCertificate(cert, key string) int32 {
	return h.i32("tls_set_certificate", cert, key)
}

func (h *real) MessageMissed() int32          { return h.i32("message_missed") }
func (h *real) MessageRedis(b []byte) int32   { return h.i32("message_redis", b) }
func (h *real) MessageChannel(b []byte) int32 { return h.i32("message_channel", b) }
func (h *real) MessagePattern(b []byte) int32 { return h.i32("message_pattern", b) }
func (h *real) MessageData(b []byte) int32    { return h.i32("message_data", b) }
func (h *real) TimerStart(delay, interval int64, name, data string) int32 {
	return h.i32("timer_start", delay, interval, name, data)
}
func (h *real) TimerCancel(n int32) int32 { return h.i32("timer_cancel", n) }
func (h *real) TimerName(b []byte) int32  { return h.i32("timer_name", b) }
func (h *real) TimerData(b []byte) int32  { return h.i32("timer_data", b) }
func (h *real) TimerPremature() int32     { return h.i32("timer_premature") }

func (h *real) SubrequestStart(method, uri, headers, body string) int32 {
	return h.i32("subrequest_start", method, uri, headers, body)
}
func (h *real) SubrequestStatus(n int32) int32 { return h.i32("subrequest_status", n) }
func (h *real) SubrequestHeaders(n int32, b []byte) int32 {
	return h.i32("subrequest_headers", n, b)
}
func (h *real) SubrequestRead(n int32, b []byte) int32 { return h.i32("subrequest_read", n, b) }
func (h *real) SubrequestClose(n int32) int32          { return h.i32("subrequest_close", n) }
func (h *real) RegexCompile(p, f string) int32         { return h.i32("regex_compile", p, f) }
func (h *real) RegexMatch(n int32, s string) int32     { return h.i32("regex_match", n, s) }
func (h *real) RegexSetCompile(list string) int32      { return h.i32("regex_set_compile", list) }
func (h *real) RegexSetMatch(n int32, s string) int32  { return h.i32("regex_set_match", n, s) }
func (h *real) RegexNames(n int32, b []byte) int32     { return h.i32("regex_names", n, b) }
func (h *real) RegexFind(n int32, s string, b []byte) int32 {
	return h.i32("regex_find", n, s, b)
}
func (h *real) RegexFindAll(n int32, s string, limit int32, b []byte) int32 {
	return h.i32("regex_find_all", n, s, limit, b)
}
func (h *real) RegexReplace(n int32, s, template string, limit int32, b []byte) int32 {
	return h.i32("regex_replace", n, s, template, limit, b)
}
func (h *real) Hash(a, s string, b []byte) int32    { return h.i32("hash", a, s, b) }
func (h *real) Hmac(a, k, s string, b []byte) int32 { return h.i32("hmac", a, k, s, b) }
func (h *real) EqualConstantTime(a, b string) int32 { return h.i32("equal_constant_time", a, b) }
func (h *real) RandomBytes(b []byte) int32          { return h.i32("random_bytes", b) }
func (h *real) Uuid(n int32, b []byte) int32        { return h.i32("uuid", n, b) }
func (h *real) Base64Encode(n int32, s string, b []byte) int32 {
	return h.i32("base64_encode", n, s, b)
}
func (h *real) Base64Decode(n int32, s string, b []byte) int32 {
	return h.i32("base64_decode", n, s, b)
}

func (h *real) ZoneOpen(s string) int32 { return h.i32("zone_open", s) }
func (h *real) ZoneGet(n int32, k string, flags int32, b []byte) int32 {
	return h.i32("zone_get", n, k, flags, b)
}
func (h *real) ZoneSet(n, mode int32, k, v string, ttl int64) int32 {
	return h.i32("zone_set", n, mode, k, v, ttl)
}
func (h *real) ZoneIncr(n int32, k, delta, init string, ttl int64, b []byte) int32 {
	return h.i32("zone_incr", n, k, delta, init, ttl, b)
}
func (h *real) ZoneCas(n int32, k, old, new string, ttl int64) int32 {
	return h.i32("zone_cas", n, k, old, new, ttl)
}
func (h *real) ZoneDelete(n int32, k string) int32            { return h.i32("zone_delete", n, k) }
func (h *real) ZoneTtl(n int32, k string) int64               { return int64(h.do("zone_ttl", n, k)) }
func (h *real) ZoneExpire(n int32, k string, ttl int64) int32 { return h.i32("zone_expire", n, k, ttl) }
func (h *real) ZonePush(n int32, k string, end int32, v string) int32 {
	return h.i32("zone_push", n, k, end, v)
}
func (h *real) ZonePop(n int32, k string, end int32, b []byte) int32 {
	return h.i32("zone_pop", n, k, end, b)
}
func (h *real) ZoneLen(n int32, k string) int32           { return h.i32("zone_len", n, k) }
func (h *real) ZoneFlush(n, what, most int32) int32       { return h.i32("zone_flush", n, what, most) }
func (h *real) ZoneKeys(n, most int32, b []byte) int32    { return h.i32("zone_keys", n, most, b) }
func (h *real) ZoneInfo(n int32, b []byte) int32          { return h.i32("zone_info", n, b) }
func (h *real) ZoneHold(n int32, k string, m int32) int32 { return h.i32("zone_hold", n, k, m) }

func (h *real) HTTPRequest(method, url, headers, options, body string) int32 {
	return h.i32("http_request", method, url, headers, options, body)
}
func (h *real) HTTPWrite(n int32, s string) int32 { return h.i32("http_write", n, s) }
func (h *real) HTTPSend(n int32) int32            { return h.i32("http_send", n) }
func (h *real) HTTPStatus(n int32) int32          { return h.i32("http_status", n) }
func (h *real) HTTPHeaderGet(n int32, s string, b []byte) int32 {
	return h.i32("http_header_get", n, s, b)
}
func (h *real) HTTPHeaderList(n int32, b []byte) int32 { return h.i32("http_header_list", n, b) }
func (h *real) HTTPRead(n int32, b []byte) int32       { return h.i32("http_read", n, b) }
func (h *real) HTTPError(n int32, b []byte) int32      { return h.i32("http_error", n, b) }
func (h *real) HTTPClose(n int32) int32                { return h.i32("http_close", n) }
func (h *real) HTTPDetach(n int32) int32               { return h.i32("http_detach", n) }
