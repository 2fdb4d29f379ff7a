//go:build !wasip1

package sdktest_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

// record writes down what a script saw.
type record struct{ lines []string }

func (r *record) add(name string, values ...any) {
	r.lines = append(r.lines, name+": "+strings.TrimSuffix(fmt.Sprintln(values...), "\n"))
}

// script is what a plugin does in one phase.
type script func(r *sdk.Request, out *record)

// step is a script in its phase.
type step struct {
	phase abi.Phase
	do    script
}

// onFake runs the steps on the fake.
func onFake(t testing.TB, config map[string]any, r sdktest.Request, steps ...step) []string {
	h := sdktest.New(t, config, grants()...)
	x := h.Begin(r)
	var out record
	for _, s := range steps {
		before := phases.Save()
		phases.Register(s.phase, func() abi.Action {
			s.do(new(sdk.Request), &out)
			return abi.Continue
		})
		x.Run(s.phase)
		phases.Restore(before)
	}
	for _, line := range h.Logs() {
		text := [...]string{"debug", "info", "warn", "error"}[line.Level] + ": " + line.Message
		if line.Function != "" {
			text += " (" + line.Function + ")"
		}
		out.add("log", plain(text))
	}
	return out.lines
}

// plain leaves the reason away for which something is refused: it is for people.
func plain(line string) string {
	for _, prefix := range []string{"error: cannot define metric", "error: cannot compile the regular expression"} {
		if strings.HasPrefix(line, prefix) {
			return prefix
		}
	}
	return line
}

// onReal runs the steps on the server's host functions.
func onReal(t testing.TB, config map[string]any, r sdktest.Request, steps ...step) []string {
	h := newReal(t, config, r)
	outer := imports.Current
	imports.Current = h
	defer func() { imports.Current = outer }()
	var out record
	for _, s := range steps {
		h.call.Phase = s.phase
		s.do(new(sdk.Request), &out)
	}
	for _, line := range h.logs.lines {
		if line != "debug: HTTP request failed" { // for the operator
			out.add("log", plain(line))
		}
	}
	return out.lines
}

// conform runs the steps on both and compares what they saw.
func conform(t *testing.T, config map[string]any, r sdktest.Request, steps ...step) {
	t.Helper()
	fake, real := onFake(t, config, r, steps...), onReal(t, config, r, steps...)
	for i := range max(len(fake), len(real)) {
		var f, s string
		if i < len(fake) {
			f = fake[i]
		}
		if i < len(real) {
			s = real[i]
		}
		if f != s {
			t.Errorf("line %d:\n  fake   %s\n  server %s", i, f, s)
		}
	}
	if len(fake) == 0 {
		t.Error("the steps saw nothing")
	}
}

const httpStream = "\x06\x00\x00\x00stream\x01\x00\x00\x001"

// TestPhases calls every host function in every phase.
func TestPhases(t *testing.T) {
	buf := make([]byte, 256)
	const number = "\x02\x01\x00\x00\x00\x00\x00\x00\x00"
	type call struct {
		name string
		call func() int32
	}
	calls := []call{
		{"request_method", func() int32 { return imports.RequestMethod(buf) }},
		{"request_set_method", func() int32 { return imports.RequestSetMethod("PUT") }},
		{"request_uri", func() int32 { return imports.RequestURI(buf) }},
		{"request_set_uri", func() int32 { return imports.RequestSetURI("/a") }},
		{"request_path", func() int32 { return imports.RequestPath(buf) }},
		{"request_query", func() int32 { return imports.RequestQuery(buf) }},
		{"request_set_query", func() int32 { return imports.RequestSetQuery("a=1") }},
		{"query_get", func() int32 { return imports.QueryGet("a", 0, buf) }},
		{"query_list", func() int32 { return imports.QueryList(buf) }},
		{"param_get", func() int32 { return imports.ParamGet("id", buf) }},
		{"param_list", func() int32 { return imports.ParamList(buf) }},
		{"variable_get", func() int32 { return imports.VariableGet("scheme", buf) }},
		{"request_header_get", func() int32 { return imports.RequestHeaderGet("Host", buf) }},
		{"request_header_set", func() int32 { return imports.RequestHeaderSet("X-A", "1") }},
		{"request_header_add", func() int32 { return imports.RequestHeaderAdd("X-A", "2") }},
		{"request_header_remove", func() int32 { return imports.RequestHeaderRemove("X-A") }},
		{"request_header_list", func() int32 { return imports.RequestHeaderList(buf) }},
		{"request_body_read", func() int32 { return imports.RequestBodyRead(buf) }},
		{"request_body_set", func() int32 { return imports.RequestBodySet("b") }},
		{"response_status", imports.ResponseStatus},
		{"response_set_status", func() int32 { return imports.ResponseSetStatus(201) }},
		{"response_write", func() int32 { return imports.ResponseWrite("w") }},
		{"response_header_get", func() int32 { return imports.ResponseHeaderGet("X-B", buf) }},
		{"response_header_set", func() int32 { return imports.ResponseHeaderSet("X-B", "1") }},
		{"response_header_add", func() int32 { return imports.ResponseHeaderAdd("X-B", "2") }},
		{"response_header_remove", func() int32 { return imports.ResponseHeaderRemove("X-B") }},
		{"response_header_list", func() int32 { return imports.ResponseHeaderList(buf) }},
		{"response_chunk", func() int32 { return imports.ResponseChunk(buf) }},
		{"response_set_chunk", func() int32 { return imports.ResponseSetChunk("c") }},
		{"response_eof", imports.ResponseEOF},
		{"redirect", func() int32 { return imports.Redirect("/r", 302) }},
		{"exec", func() int32 { return imports.Exec("/e") }},
		{"exit", func() int32 { return imports.Exit(403) }},
		{"ctx_set", func() int32 { return imports.CtxSet("k", "v") }},
		{"ctx_get", func() int32 { return imports.CtxGet("k", buf) }},
		{"ctx_remove", func() int32 { return imports.CtxRemove("k") }},
		{"config_get", func() int32 { return imports.ConfigGet("", buf) }},
		{"env_get", func() int32 { return imports.EnvGet("TOKEN", buf) }},
		{"redis_open", func() int32 { return imports.RedisOpen("cache") }},
		{"redis_do", func() int32 { return imports.RedisDo(0, "", 0, buf) }},
		{"redis_pipeline", func() int32 { return imports.RedisPipeline(0, 0, "", buf) }},
		{"redis_eval", func() int32 { return imports.RedisEval(0, "", 0, "", buf) }},
		{"redis_reply", func() int32 { return imports.RedisReply(buf) }},
		{"redis_subscribe", func() int32 { return imports.RedisSubscribe(0, 0, "") }},
		{"redis_subscribe", func() int32 { return imports.RedisSubscribe(0, 2, "c") }},
		{"redis_subscribe", func() int32 { return imports.RedisSubscribe(9, 1, "c") }},
		{"redis_subscribe", func() int32 { return imports.RedisSubscribe(-1, 0, "c") }},
		{"redis_subscribe", func() int32 { return imports.RedisSubscribe(0, 0, strings.Repeat("c", 1025)) }},
		{"message_missed", imports.MessageMissed},
		{"message_redis", func() int32 { return imports.MessageRedis(buf) }},
		{"message_channel", func() int32 { return imports.MessageChannel(buf) }},
		{"message_pattern", func() int32 { return imports.MessagePattern(buf) }},
		{"message_data", func() int32 { return imports.MessageData(buf) }},
		{"log", func() int32 { return imports.Log(0, "line") }},
		{"sleep", func() int32 { return imports.Sleep(1) }},
		{"subrequest_start", func() int32 { return imports.SubrequestStart("GET", "/a?b", "", "") }},
		{"subrequest_start", func() int32 {
			return imports.SubrequestStart("POST", "/a?b", "\x01\x00\x00\x00a\x01\x00\x00\x00b", "c")
		}},
		{"subrequest_start", func() int32 { return imports.SubrequestStart("GET", "/", "", "c") }},
		{"subrequest_start", func() int32 { return imports.SubrequestStart("G T", "/", "", "") }},
		{"subrequest_start", func() int32 { return imports.SubrequestStart("GET", "a", "", "") }},
		{"subrequest_start", func() int32 { return imports.SubrequestStart("GET", "/", "\x01\x00\x00\x00a", "") }},
		{"subrequest_status", func() int32 { return imports.SubrequestStatus(0) }},
		{"subrequest_status", func() int32 { return imports.SubrequestStatus(2) }},
		{"subrequest_headers", func() int32 { return imports.SubrequestHeaders(0, buf) }},
		{"subrequest_read", func() int32 { return imports.SubrequestRead(0, buf) }},
		{"subrequest_read", func() int32 { return imports.SubrequestRead(0, buf) }},
		{"subrequest_close", func() int32 { return imports.SubrequestClose(0) }},
		{"subrequest_close", func() int32 { return imports.SubrequestClose(0) }},
		{"timer_start", func() int32 { return imports.TimerStart(1e9, 1e6, "t", "") }},
		{"timer_start", func() int32 { return imports.TimerStart(1e9, 1, "t", "") }},
		{"timer_start", func() int32 { return imports.TimerStart(-1, 0, "t", "") }},
		{"timer_start", func() int32 { return imports.TimerStart(0, 0, "", "") }},
		{"timer_cancel", func() int32 { return imports.TimerCancel(1) }},
		{"timer_cancel", func() int32 { return imports.TimerCancel(1) }},
		{"timer_name", func() int32 { return imports.TimerName(buf) }},
		{"timer_data", func() int32 { return imports.TimerData(buf) }},
		{"timer_premature", imports.TimerPremature},
		{"http_request", func() int32 { return imports.HTTPRequest("GET", "http://api.example.com/", "", httpStream, "") }},
		{"http_write", func() int32 { return imports.HTTPWrite(0, "x") }},
		{"http_send", func() int32 { return imports.HTTPSend(0) }},
		{"http_status", func() int32 { return imports.HTTPStatus(0) }},
		{"http_header_get", func() int32 { return imports.HTTPHeaderGet(0, "x-a", buf) }},
		{"http_header_list", func() int32 { return imports.HTTPHeaderList(0, buf) }},
		{"http_read", func() int32 { return imports.HTTPRead(0, buf) }},
		{"http_error", func() int32 { return imports.HTTPError(0, buf) }},
		{"http_close", func() int32 { return imports.HTTPClose(0) }},
		{"http_close again", func() int32 { return imports.HTTPClose(0) }},
		{"http_detach nothing", func() int32 { return imports.HTTPDetach(0) }},
		{"http_request once more", func() int32 { return imports.HTTPRequest("GET", "http://api.example.com/", "", httpStream, "") }},
		{"http_detach early", func() int32 { return imports.HTTPDetach(0) }},
		{"http_send again", func() int32 { return imports.HTTPSend(0) }},
		{"http_detach", func() int32 { return imports.HTTPDetach(0) }},
		{"balancer_peers", func() int32 { return imports.BalancerPeers(buf) }},
		{"balancer_set", func() int32 { return imports.BalancerSet(0) }},
		{"balancer_set_address", func() int32 { return imports.BalancerSetAddress("127.0.0.1:1") }},
		{"balancer_more_tries", func() int32 { return imports.BalancerMoreTries(3) }},
		{"balancer_failure", imports.BalancerFailure},
		{"upstream_peers", func() int32 { return imports.UpstreamPeers("app", buf) }},
		{"upstream_add", func() int32 { return imports.UpstreamAdd("app", "127.0.0.1:2", 3) }},
		{"upstream_remove", func() int32 { return imports.UpstreamRemove("app", "127.0.0.1:2") }},
		{"tls_server_name", func() int32 { return imports.TLSServerName(buf) }},
		{"tls_set_certificate", func() int32 { return imports.TLSSetCertificate("c", "k") }},
		{"metric_define", func() int32 { return imports.MetricDefine(0, "a_total", "A.", "", "") }},
		{"metric_series", func() int32 { return imports.MetricSeries(0, "") }},
		{"metric_add", func() int32 { return imports.MetricAdd(0, 1) }},
		{"metric_set", func() int32 { return imports.MetricSet(0, 1) }},
		{"metric_observe", func() int32 { return imports.MetricObserve(0, 1) }},
		{"regex_compile", func() int32 { return imports.RegexCompile("b(o)", "i") }},
		{"regex_match", func() int32 { return imports.RegexMatch(0, "BODY") }},
		{"regex_find", func() int32 { return imports.RegexFind(0, "body", buf) }},
		{"regex_find_all", func() int32 { return imports.RegexFindAll(0, "body", -1, buf) }},
		{"regex_replace", func() int32 { return imports.RegexReplace(0, "body", "$1", -1, buf) }},
		{"response_replace_chunk", func() int32 { return imports.ResponseReplaceChunk(0, "$1", -1) }},
		{"regex_names", func() int32 { return imports.RegexNames(0, buf) }},
		{"regex_set_compile", func() int32 { return imports.RegexSetCompile("\x02\x00\x00\x00no\x03\x00\x00\x00bod") }},
		{"regex_set_match", func() int32 { return imports.RegexSetMatch(0, "body") }},
		{"hash", func() int32 { return imports.Hash("sha1", "data", buf) }},
		{"hmac", func() int32 { return imports.Hmac("sha1", "key", "data", buf) }},
		{"equal_constant_time", func() int32 { return imports.EqualConstantTime("a", "a") }},
		{"random_bytes", func() int32 { return imports.RandomBytes(buf) }},
		{"uuid", func() int32 { return imports.Uuid(4, buf) }},
		{"base64_encode", func() int32 { return imports.Base64Encode(0, "data", buf) }},
		{"base64_decode", func() int32 { return imports.Base64Decode(0, "ZGF0YQ==", buf) }},
		{"zone_open", func() int32 { return imports.ZoneOpen("zone") }},
		{"zone_set", func() int32 { return imports.ZoneSet(0, 0, "k", "\x01v", 0) }},
		{"zone_get", func() int32 { return imports.ZoneGet(0, "k", 0, buf) }},
		{"zone_incr", func() int32 { return imports.ZoneIncr(0, "n", number, number, 0, buf) }},
		{"zone_cas", func() int32 { return imports.ZoneCas(0, "k", "\x01v", "\x01w", 0) }},
		{"zone_expire", func() int32 { return imports.ZoneExpire(0, "k", 0) }},
		{"zone_push", func() int32 { return imports.ZonePush(0, "l", 0, "\x01v") }},
		{"zone_len", func() int32 { return imports.ZoneLen(0, "l") }},
		{"zone_pop", func() int32 { return imports.ZonePop(0, "l", 0, buf) }},
		{"zone_keys", func() int32 { return imports.ZoneKeys(0, 10, buf) }},
		{"zone_info", func() int32 { return imports.ZoneInfo(0, buf) }},
		{"zone_hold", func() int32 { return imports.ZoneHold(0, "h", 3) }},
		{"zone_delete", func() int32 { return imports.ZoneDelete(0, "k") }},
		{"zone_flush", func() int32 { return imports.ZoneFlush(0, 0, 0) }},
		{"response_flush", imports.ResponseFlush},
		{"response_set_status late", func() int32 { return imports.ResponseSetStatus(201) }},
		{"response_header_set late", func() int32 { return imports.ResponseHeaderSet("X-B", "1") }},
		{"response_header_add late", func() int32 { return imports.ResponseHeaderAdd("X-B", "1") }},
		{"response_header_remove late", func() int32 { return imports.ResponseHeaderRemove("X-B") }},
		{"exit late", func() int32 { return imports.Exit(403) }},
		{"redirect late", func() int32 { return imports.Redirect("/r", 302) }},
		{"exec late", func() int32 { return imports.Exec("/e") }},
	}
	for _, f := range host.Functions() {
		called := slices.ContainsFunc(calls, func(c call) bool { return c.name == f.Name })
		if !called && f.Result != host.Nanoseconds { // what tells the time tells each another
			t.Errorf("%s is not called", f.Name)
		}
	}
	for phase := abi.Init; phase < abi.NumPhases; phase++ {
		t.Run(phase.String(), func(t *testing.T) {
			conform(t, nil, sdktest.Request{Target: "/p?q=1", Body: "body"}, step{phase, func(_ *sdk.Request, out *record) {
				for _, c := range calls {
					out.add(c.name, c.call())
				}
			}})
		})
	}
}

var targets = []string{
	"/", "/a", "/a/", "/a/b?c=d", "/a//b///c", "/a/./b", "/a/../b", "/../a", "/a/b/..", "/a/..", "/a/.", "/..",
	"/%61%62", "/a%2Fb", "/a%2f..%2fb", "/%2e%2e/a", "/a%", "/a%4", "/a%zz", "/a+b", "/%00", "/a;b=c", "/ä",
	"/...", "/a.b/..c/d..", "/a/b/../../c/./d//", "/?", "/?a", "/?a=", "/?=a", "/?a=1&a=2&b=3", "/?a=%20+%2B&%61=x",
	"/?a=1&&b=2", "/?&", "/?a=b=c", "/?a%3Db=c", "/?x=%", "/?x=%4", "/a?b?c", "/?a&b", "/?a=1;b=2", "/x?=&a",
}

// readTarget reads everything that comes from the request target.
func readTarget(r *sdk.Request, out *record) {
	out.add("uri", r.URI())
	out.add("path", r.Path())
	out.add("query", r.QueryString())
	for name, value := range r.Queries() {
		out.add("argument", fmt.Sprintf("%q %q", name, value))
	}
	for _, name := range []string{"a", "b", "x", "", "a=b"} {
		out.add("get", name, r.HasQuery(name), fmt.Sprintf("%q %q", r.Query(name), r.QueryValues(name)))
		out.add("variable", fmt.Sprintf("%q", r.Variable("arg_"+name)))
	}
	for _, name := range []string{"uri", "args", "request_uri"} {
		out.add(name, r.Variable(name))
	}
}

func TestTargets(t *testing.T) {
	for _, target := range targets {
		t.Run(target, func(t *testing.T) {
			conform(t, nil, sdktest.Request{Target: target}, step{abi.Log, readTarget})
			conform(t, nil, sdktest.Request{Target: "/before?x=y"}, step{abi.Rewrite, func(r *sdk.Request, out *record) {
				out.add("set", r.SetURI(target))
				readTarget(r, out)
				path, query, _ := strings.Cut(target, "?")
				out.add("set path", r.SetURI(path))
				out.add("set query", r.SetQueryString(query))
				readTarget(r, out)
			}})
		})
	}
}

func FuzzTarget(f *testing.F) {
	for _, target := range targets {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		// What is a host and a scheme to fasthttp the server refuses before.
		if strings.Contains(target, "//") || !strings.HasPrefix(target, "/") {
			t.Skip()
		}
		conform(t, nil, sdktest.Request{}, step{abi.Rewrite, func(r *sdk.Request, out *record) {
			out.add("set", r.SetURI(target))
			readTarget(r, out)
		}})
	})
}

func TestRefusals(t *testing.T) {
	texts := []string{"", "a", "A-b", "a b", "a\r\nb", "a\x00", "ä", "/a", "/a b", "/a#b", "a\tb", "a:b", "\x7f", "//h/p"}
	numbers := []int{math.MinInt, -1, 0, 100, 199, 200, 204, 299, 301, 302, 304, 305, 307, 308, 309, 404, 599, 600, 1 << 32, 1<<32 + 200}
	conform(t, nil, sdktest.Request{}, step{abi.Rewrite, func(r *sdk.Request, out *record) {
		w := r.Response()
		for _, text := range texts {
			out.add("method", r.SetMethod(text))
			out.add("uri", r.SetURI(text))
			out.add("query", r.SetQueryString(text))
			out.add("header name", r.SetHeader(text, "v"), r.AddHeader(text, "v"), w.SetHeader(text, "v"), w.AddHeader(text, "v"))
			out.add("header value", r.SetHeader("X-A", text), r.AddHeader("X-A", text), w.SetHeader("X-A", text), w.AddHeader("X-A", text))
			out.add("remove", r.RemoveHeader(text), w.RemoveHeader(text))
			out.add("variable", fmt.Sprintf("%q", r.Variable(text)))
			out.add("exec", imports.Exec(text))
			out.add("redirect", imports.Redirect(text, 302))
		}
		for _, n := range numbers {
			out.add("status", w.SetStatus(n), w.Status())
			_, err := r.AppendQuery(nil, "a", n)
			out.add("index", err)
			out.add("exit", r.Exit(n), w.Status())
			out.add("redirect", r.Redirect("/a", n), w.Status())
		}
		for _, n := range []int{1 << 10, 1<<10 + 1, 64<<10 - 1, 64 << 10, 256 << 10} {
			long := strings.Repeat("x", n)
			out.add("long", n, r.SetMethod(long), r.SetURI("/"+long), r.SetQueryString(long), imports.Exec("/"+long), imports.Redirect("/"+long, 302))
			out.add("long name", r.SetHeader(long, ""), r.RemoveHeader(long), r.HasHeader(long), w.HasHeader(long), r.Variable(long) == "")
			out.add("long value", r.SetHeader("X-Long", long), w.SetHeader("X-Long", long), w.SetHeader("Content-Length", long))
		}
		for _, n := range []int32{-1, 0, 1, 2, 3, 4} {
			out.add("log", imports.Log(n, fmt.Sprint("line ", n)))
		}
		out.add("log", imports.Log(1, strings.Repeat("x", 9000)))
		out.add("log", imports.Log(1, "not \xff UTF-8"))
		out.add("sleep", imports.Sleep(-1), imports.Sleep(0))
		out.add("read nothing", imports.RequestBodyRead(nil))
		_, err := w.WriteString(strings.Repeat("x", 1<<20))
		out.add("write", err)
		_, err = w.WriteString("x")
		out.add("write more", err)
		out.add("ctx", r.SetCtx("k", strings.Repeat("x", 64<<10-1)), r.SetCtx("k", strings.Repeat("x", 64<<10)), r.SetCtx("", ""), r.SetCtx("l", ""))
	}})
}

func TestEnv(t *testing.T) {
	names := []string{"TOKEN", "EMPTY", "UNSET", "HIDDEN", "token", "TOKEN=secret", "", "=", "\x00", "a\nb\xff", "HIDDEN", strings.Repeat("x", 1000)}
	conform(t, nil, sdktest.Request{}, step{abi.Init, func(_ *sdk.Request, out *record) {
		for _, name := range names {
			value, err := sdk.Env(name)
			out.add("env", fmt.Sprintf("%.20q %q", name, value), err)
		}
		out.add("length", imports.EnvGet("TOKEN", nil), imports.EnvGet("TOKEN", make([]byte, 5)))
	}}, step{abi.Log, func(_ *sdk.Request, out *record) {
		for i := range 100 {
			out.add("refused", imports.EnvGet(fmt.Sprint("NAME", i), nil))
		}
	}})
}

func TestHTTP(t *testing.T) {
	list := func(items ...string) string {
		var b []byte
		for _, item := range items {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(item))), item...)
		}
		return string(b)
	}
	conform(t, nil, sdktest.Request{}, step{abi.Init, func(_ *sdk.Request, out *record) {
		for _, url := range []string{
			"http://api.example.com/", "https://api.example.com", "http://API.example.com.:80/x?y", "https://api.example.com:80/", "http://api.example.com:8080/",
			"https://a.example.org:8443/", "https://a.b.example.org:8443/", "http://a.example.org:8443/", "https://example.org:8443/", "https://a.example.org/", "https://1.2.3.4:8443/",
			"http://[::1]:8080/", "http://127.0.0.1/", "http://127.0.0.1./", "http://u@api.example.com/", "http://api.example.com/#f", "http://api.example.com:0/", "http://api.example.com:/", "http://api.example.com:x/",
			"ftp://api.example.com/", "api.example.com", "", "http:api.example.com", "http:///x", "http://a b/", "http://api.example.com/ä", "http://api.example.com/%zz", "http://" + strings.Repeat("x", 64) + "/",
			"http://api.example.com/" + strings.Repeat("x", 16<<10), "http://HIDDEN/", "http://HIDDEN/again", "http://[::1%25eth0]/", "http://..//",
		} {
			handle := imports.HTTPRequest("GET", url, "", "", "")
			out.add("url", fmt.Sprintf("%.40q", url), handle, imports.HTTPClose(0))
		}
		for _, method := range []string{"", "get", "PATCH", "G T", "CONNECT", "G\r\n", strings.Repeat("G", 64), strings.Repeat("G", 65)} {
			out.add("method", method, imports.HTTPRequest(method, "http://api.example.com/", "", "", ""), imports.HTTPClose(0))
		}
		for _, headers := range []string{
			list("a"), list("a", "b"), list("a", "b\r\n"), list("a ", "b"), list("", "b"), list("a", strings.Repeat("x", 64<<10)), list("a", strings.Repeat("x", 60<<10)),
			list(strings.Repeat("x", 1025), ""), "x", strings.Repeat("\x00", 64<<10), strings.Repeat("\x00", 64<<10+4), strings.Repeat(list("a", "b"), 1000), strings.Repeat(list("a", "b"), 1001),
		} {
			out.add("headers", fmt.Sprintf("%.40q", headers), imports.HTTPRequest("GET", "http://api.example.com/", headers, "", ""), imports.HTTPClose(0))
		}
		for _, name := range []string{"connect_timeout", "tls_timeout", "header_timeout", "timeout", "redirects", "decompress", "response_limit", "stream", "length", "nothing", ""} {
			for _, value := range []string{"", "0", "1", "2", "10", "11", "30000", "30001", "3600000", "3600001", "-1", "1s", "9223372036854775807", "9223372036854775808"} {
				out.add("option", name, value, imports.HTTPRequest("GET", "http://api.example.com/", "", list(name, value), ""), imports.HTTPClose(0))
			}
			out.add("twice", name, imports.HTTPRequest("GET", "http://api.example.com/", "", list(name, "1", name, "1"), ""))
		}
		out.add("body", imports.HTTPRequest("PUT", "http://api.example.com/", "", "", strings.Repeat("x", 64<<10)), imports.HTTPRequest("PUT", "http://api.example.com/", "", "", strings.Repeat("x", 64<<10+1)),
			imports.HTTPRequest("PUT", "http://api.example.com/", "", httpStream, "x"), imports.HTTPClose(0))
	}}, step{abi.Access, func(_ *sdk.Request, out *record) {
		for _, r := range []*sdk.HTTPRequest{
			{URL: "http://api.example.com/"}, {Method: "PUT", URL: "http://api.example.com/", Body: []byte("small")},
			{Method: "PUT", URL: "http://api.example.com/", Body: []byte(strings.Repeat("x", 100<<10))},
			{Method: "PUT", URL: "http://api.example.com/", BodyFrom: strings.NewReader("read"), BodyLength: 4},
			{Method: "PUT", URL: "http://api.example.com/", BodyFrom: strings.NewReader("read")},
			{Method: "PUT", URL: "http://api.example.com/", BodyFrom: strings.NewReader("too long"), BodyLength: 4},
			{URL: "http://api.example.com/", Timeout: 1, ConnectTimeout: 5e9, Redirects: 3, Decompress: true, ResponseLimit: 1000},
			{URL: "http://api.example.com/", Redirects: 11}, {URL: "http://other.example/"},
		} {
			resp, err := sdk.Fetch(r)
			out.add("fetch", err)
			if err != nil {
				continue
			}
			out.add("header", resp.Status, resp.Header("x-a"), resp.Header("none"))
			for name, value := range resp.Headers() {
				out.add("headers", name, value)
			}
			body, err := resp.Bytes(1 << 20)
			out.add("response", string(body), err, resp.Close())
			_, err = resp.Read(make([]byte, 1))
			out.add("closed", err)
		}
		results := sdk.FetchAll(&sdk.HTTPRequest{URL: "http://api.example.com/"}, &sdk.HTTPRequest{URL: "http://other.example/"}, &sdk.HTTPRequest{URL: "https://a.example.org:8443/"})
		for _, result := range results {
			out.add("all", result.Response != nil, result.Err)
		}
		for range 66 {
			_, err := sdk.Get("http://api.example.com/")
			out.add("many", err)
		}
	}})
}

func TestHeaders(t *testing.T) {
	request := sdktest.Request{
		Host: "Example.COM:8080", RemoteAddr: "[::ffff:192.0.2.9]:4444", TLS: true, Route: "api", SSL: map[string]string{"ssl_server_name": "example.com", "ssl_protocol": "TLSv1.3"},
		Header: http.Header{
			"Accept": {"a", "b, c"}, "X-One": {"1"}, "User-Agent": {"tester"}, "Content-Type": {"text/html"},
			"Cookie": {"a=1; b=2; c=3"},
		},
		Params: map[string]string{"id": "7", "rest": "a/b"},
	}
	list := func(r *sdk.Request, out *record) {
		var lines []string
		for name, value := range r.Headers() {
			lines = append(lines, name+"="+value)
		}
		for name, value := range r.Response().Headers() {
			lines = append(lines, name+"="+value)
		}
		slices.Sort(lines) // the server names its own first
		out.add("headers", lines)
	}
	conform(t, nil, request, step{abi.Access, func(r *sdk.Request, out *record) {
		list(r, out)
		w := r.Response()
		for _, name := range []string{"accept", "ACCEPT", "x-one", "host", "content-type", "Cookie", "X-None"} {
			out.add(name, r.HasHeader(name), r.Header(name), r.HeaderValues(name))
		}
		for _, name := range []string{"host", "remote_addr", "remote_port", "scheme", "route", "server_protocol", "server_port", "ssl_server_name", "ssl_protocol", "ssl_client_s_dn",
			"server_addr", "status", "request_method", "connection", "connection_requests", "bytes_sent", "body_bytes_sent",
			"http_x_one", "http_accept", "http_host", "cookie_a", "cookie_b", "cookie_c", "cookie_d", "http_none", "nothing", "http_"} {
			b, err := r.AppendVariable(nil, name)
			out.add(name, string(b), err)
		}
		for name, value := range r.Params() {
			out.add("param", name, value, r.Param(name))
		}
		out.add("param", r.Param("none"))
		out.add("set", r.SetHeader("x-one", "2"), r.SetHeader("accept", "x"), r.HeaderValues("accept"), r.SetHeader("x-new", "n"), r.SetHeader("host", "h.example"))
		out.add("add", r.AddHeader("x-one", "3"), r.AddHeader("user-agent", "other"), r.AddHeader("content-type", "text/css"))
		out.add("remove", r.RemoveHeader("X-NEW"), r.RemoveHeader("x-none"), r.RemoveHeader("content-length"))
		out.add("framing", r.SetHeader("content-length", "7"), r.AddHeader("transfer-encoding", "gzip"), r.HasHeader("content-length"), r.HasHeader("transfer-encoding"))
		out.add("values", r.HeaderValues("x-one"), r.Header("user-agent"), r.Host())
		list(r, out)
		out.add("response", w.SetHeader("x-b", "1"), w.AddHeader("x-b", "2"), w.SetHeader("content-length", "7"), w.AddHeader("Transfer-Encoding", "gzip"))
		out.add("more", w.SetHeader("server", "s"), w.AddHeader("content-type", "text/x"), w.AddHeader("set-cookie", "a=1; Path=/"), w.SetHeader("date", "today"))
		out.add("values", w.HeaderValues("X-B"), w.Header("Content-Length"), w.Header("server"), w.HasHeader("x-none"), w.HasHeader("date"))
		out.add("sent", r.Variable("sent_http_x_b"), r.Variable("sent_http_content_type"))
		list(r, out)
		out.add("cookies", w.AddHeader("Set-Cookie", "b=2"), w.HeaderValues("set-cookie"))
		out.add("cookies", w.Header("Set-Cookie"), w.SetHeader("Set-Cookie", "c=3"), w.HeaderValues("set-cookie"))
		out.add("remove", w.RemoveHeader("x-b"), w.RemoveHeader("Set-Cookie"), w.RemoveHeader("content-type"))
		list(r, out)
	}})
}

func TestRest(t *testing.T) {
	config := map[string]any{
		"text": "a \"b\"", "int": 5, "float": 1.5, "yes": true, "list": []any{"a", 1, []any{}},
		"table": map[string]any{"x": "y", "deep": map[string]any{"z": 1e21}}, "empty": map[string]any{},
		"time": time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC), "nan": math.NaN(), "inf": []any{math.Inf(-1)}, "a.b": 1, "a": map[string]any{"b": 2},
		"tables": []map[string]any{{"x": 1}},
	}
	conform(t, config, sdktest.Request{Body: "0123456789", ClientGone: true},
		step{abi.Init, func(_ *sdk.Request, out *record) {
			for _, key := range []string{"", "text", "int", "float", "yes", "list", "table", "table.x", "table.deep.z", "empty", "none", "table.",
				"time", "nan", "inf", "a", "a.b", "tables"} {
				b, err := sdk.AppendConfig(nil, key)
				out.add("config "+key, string(b), err)
			}
			defineMetrics(out)
		}},
		step{abi.Rewrite, func(r *sdk.Request, out *record) {
			b := make([]byte, 4)
			n, err := r.Body().Read(b)
			out.add("read", string(b[:n]), err)
			for _, key := range []string{"a", "a.b", "", "leer"} {
				out.add("ctx", r.SetCtx(key, "value of "+key), r.Ctx(key))
			}
			out.add("ctx", r.SetCtx("empty", ""))
		}},
		step{abi.Content, func(r *sdk.Request, out *record) {
			b, err := r.AppendBody(nil, 100)
			out.add("rest", string(b), err)
			b, err = r.AppendBody(nil, 100)
			out.add("nothing left", string(b), err)
			b, err = r.AppendCtx(nil, "empty")
			out.add("ctx", string(b), err)
			out.add("ctx", r.RemoveCtx("a"), r.Ctx("a"), r.Ctx("a.b"), r.RemoveCtx("none"))
			out.add("gone", sdk.Sleep(time.Millisecond), r.Response().Flush())
		}},
		step{abi.Log, func(r *sdk.Request, out *record) { out.add("sleep", sdk.Sleep(time.Millisecond)) }},
	)
	conform(t, nil, sdktest.Request{Body: "0123456789"}, step{abi.Access, func(r *sdk.Request, out *record) {
		b, err := r.AppendBody(nil, 4)
		out.add("limit", string(b), err)
		out.add("set", r.SetBodyString("another body of more bytes"))
		b, err = r.BodyBytes(100)
		out.add("after set", string(b), err)
	}})
}

// defineMetrics tries good and bad definitions.
func defineMetrics(out *record) {
	list := func(items ...string) string {
		var b []byte
		for _, item := range items {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(item))), item...)
		}
		return string(b)
	}
	floats := func(values ...float64) string {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return string(b)
	}
	before := len(out.lines)
	for _, d := range []struct {
		kind                        int32
		name, help, labels, buckets string
	}{
		{0, "a_total", "A.", "", ""}, {0, "a_total", "A.", "", ""}, {0, "a_total", "B.", "", ""}, {0, "a_total", "A.", list("x"), ""},
		{1, "b", "B.", list("x", "y"), floats(1)}, {2, "c", "C.", list("x"), floats(1, 2)}, {2, "d", "D.", "", ""},
		{0, "a", "A.", "", ""}, {1, "b_total", "B.", "", ""}, {2, "c_count", "C.", "", ""}, {1, "phasm_x", "X.", "", ""},
		{1, "X", "X.", "", ""}, {1, "", "X.", "", ""}, {1, "x-y", "X.", "", ""}, {1, "x", "", "", ""}, {3, "x", "X.", "", ""}, {-1, "x", "X.", "", ""},
		{1, "x", "X.", list("le"), ""}, {1, "x", "X.", list("plugin"), ""}, {1, "x", "X.", list("quantile"), ""}, {1, "x", "X.", list("a", "a"), ""}, {1, "x", "X.", list("A"), ""},
		{1, "x", "X.", "\x01\x00\x00", ""}, {1, "x", "X.", "\x09\x00\x00\x00a", ""}, {1, "x", "X.", list(strings.Split("abcdefghijk", "")...), ""},
		{2, "x", "X.", "", "1234567"}, {2, "x", "X.", "", floats(2, 1)}, {2, "x", "X.", "", floats(math.NaN())}, {2, "x", "X.", "", floats(math.Inf(1))},
		{2, "x", "X.", "", floats(make([]float64, 51)...)}, {1, strings.Repeat("x", 129), "X.", "", ""}, {1, "x", "X.", list(strings.Repeat("x", 16<<10)), ""}, {1, "x", "\xff", "", ""},
	} {
		out.add("define", d.name, imports.MetricDefine(d.kind, d.name, d.help, d.labels, d.buckets))
	}
	for _, s := range []struct {
		id     int32
		values string
	}{{0, ""}, {0, ""}, {1, list("p", "q")}, {1, list("p")}, {2, list("p")}, {3, ""}, {4, ""}, {-1, ""}, {0, list("x")}, {1, "\x01"}} {
		out.add("series", imports.MetricSeries(s.id, s.values))
	}
	for id := int32(-1); id < 6; id++ {
		for _, v := range []float64{1, -1, math.NaN(), math.Inf(1)} {
			out.add("update", id, v, imports.MetricAdd(id, v), imports.MetricSet(id, v), imports.MetricObserve(id, v))
		}
	}
	for i := range 1001 {
		if n := imports.MetricSeries(2, list(fmt.Sprint(i))); n < 0 {
			out.add("full", i, n)
		}
	}
	if len(out.lines) == before {
		panic("BUG: nothing was tried")
	}
}
