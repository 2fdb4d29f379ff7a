// Package main is a guest that counts what the SDK allocates.
package main

import (
	"runtime"
	"strconv"

	"phasm/sdk"
)

var (
	hits   = sdk.NewCounter("hits_total", "Hits.", "method", "path")
	size   = sdk.NewGauge("size", "Size.")
	took   = sdk.NewHistogram("took_seconds", "Time taken.", []float64{0.1, 1})
	zone   = sdk.OpenZone("zone")
	count  = sdk.CountLimit{Zone: zone, Limit: 10, Window: 60e9}
	rate   = sdk.RateLimit{Zone: zone, Rate: 1e6, Burst: 1e6}
	single = hits.With("GET", "/single")
	word   = sdk.MustCompile(`(?i)W(OR)D`)
)

func init() {
	sdk.Rewrite(func(r *sdk.Request) sdk.Action {
		report(r, rewrite)
		return sdk.Continue
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		report(r, content)
		return sdk.Final
	})
	sdk.HeaderFilter(func(r *sdk.Request) {
		if n := allocations(func() { headerFilter(r) }); n > 0 {
			r.Response().SetHeader("X-Allocations", strconv.FormatUint(n, 10))
		}
	})
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) {
		n := allocations(func() { bodyFilter(c) })
		c.Set(strconv.AppendUint(nil, n, 10))
	})
}

func main() {}

// report writes the steps that allocate, and how much, into the response.
func report(r *sdk.Request, steps []step) {
	report := ""
	for _, s := range steps {
		if n := allocations(func() { s.do(r) }); n > 0 {
			report += s.name + ": " + strconv.FormatUint(n, 10) + "\n"
		}
	}
	r.Response().WriteString(report)
}

// allocations is how much f allocates in 100 runs, after a first one.
func allocations(f func()) uint64 {
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		f()
	}
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

type step struct {
	name string
	do   func(r *sdk.Request)
}

var (
	value  = []byte("value")
	buffer [1024]byte // for lists: going through one moves a buffer off the stack
)

var rewrite = []step{
	{"method", func(r *sdk.Request) { var b [64]byte; r.AppendMethod(b[:0]); r.SetMethod("PUT") }},
	{"uri", func(r *sdk.Request) { var b [64]byte; r.AppendURI(b[:0]); r.SetURI("/b?c=d") }},
	{"path", func(r *sdk.Request) { var b [64]byte; r.AppendPath(b[:0]) }},
	{"query", func(r *sdk.Request) {
		var b [64]byte
		r.AppendQueryString(b[:0])
		r.AppendQuery(b[:0], "c", 0)
		r.HasQuery("c")
		r.SetQueryString("c=e")
	}},
	{"queries", func(r *sdk.Request) {
		list, _ := r.AppendQueries(buffer[:0])
		for range sdk.Pairs(list) {
		}
	}},
	{"params", func(r *sdk.Request) { var b [64]byte; r.AppendParam(b[:0], "id"); r.AppendParams(b[:0]) }},
	{"body", func(r *sdk.Request) { var b [64]byte; r.SetBody(value); r.Body().Read(b[:]) }},
}

var content = []step{
	{"header", func(r *sdk.Request) {
		var b [64]byte
		r.AppendHeader(b[:0], "x-a")
		r.HasHeader("x-a")
		r.SetHeader("x-a", "b")
		r.SetHeaderBytes("x-a", value)
		r.RemoveHeader("x-b")
	}},
	{"headers", func(r *sdk.Request) {
		list, _ := r.AppendHeaders(buffer[:0])
		for name := range sdk.Pairs(list) {
			if string(name) == "X-A" {
				break
			}
		}
	}},
	{"no header", func(r *sdk.Request) { var b [64]byte; r.AppendHeader(b[:0], "none"); r.Header("none") }},
	{"variable", func(r *sdk.Request) { var b [64]byte; r.AppendVariable(b[:0], "request_id") }},
	{"context", func(r *sdk.Request) {
		var b [64]byte
		r.SetCtx("a", "b")
		r.SetCtxBytes("a", value)
		r.AppendCtx(b[:0], "a")
		r.HasCtx("a")
		r.RemoveCtx("a")
	}},
	{"response", func(r *sdk.Request) {
		var b [64]byte
		w := r.Response()
		w.SetStatus(w.Status())
		w.SetHeader("x-a", "b")
		w.SetHeaderBytes("x-a", value)
		w.AppendHeader(b[:0], "x-a")
		w.RemoveHeader("x-a")
		w.Write(nil)
		w.WriteString("")
	}},
	{"configuration", func(r *sdk.Request) { var b [64]byte; sdk.AppendConfig(b[:0], "key"); sdk.HasConfig("key") }},
	{"log", func(r *sdk.Request) { sdk.Debug("line"); sdk.LogBytes(sdk.LevelDebug, value) }},
	{"time", func(r *sdk.Request) { sdk.Now(); sdk.Sleep(int64(0)); r.StartTime() }},
	{"metrics", func(r *sdk.Request) {
		single.Inc()
		hits.With("GET", "/a").Add(2)
		size.With().Set(1)
		took.With().Observe(0.5)
	}},
	{"regular expressions", func(r *sdk.Request) {
		var b [64]byte
		word.Match("a word")
		word.MatchBytes(value)
		word.AppendReplace(b[:0], "a word", "$1", -1)
	}},
	{"hashes", func(r *sdk.Request) {
		sdk.MD5(value)
		sdk.SHA256(value)
		sdk.SHA512(value)
		sdk.CRC32(value)
		sum := sdk.HMACSHA1(value, value)
		sdk.EqualConstantTime(sum[:], value)
	}},
	{"random", func(r *sdk.Request) { var b [16]byte; sdk.Random(b[:]) }},
	{"base64", func(r *sdk.Request) {
		var b, c [64]byte
		sdk.Base64URL.AppendEncode(b[:0], value)
		sdk.Base64URL.AppendDecode(c[:0], "dmFsdWU=")
	}},
	{"zone", func(r *sdk.Request) {
		var b [64]byte
		zone.Set("text", sdk.Text("value"), sdk.TTL(1e9))
		zone.Append(b[:0], "text")
		zone.CompareAndSwap("text", sdk.Text("value"), sdk.Text("other"), 0)
		zone.IncrFrom("number", 1, 0, sdk.TTL(60e9))
		zone.Get("number")
		zone.TTL("number")
		zone.Delete("text")
		zone.PushLeft("list", sdk.Int(1))
		zone.PopRight("list")
		zone.Len("list")
		zone.Info()
		count.Take("count")
		rate.Take("rate")
	}},
	{"control", func(r *sdk.Request) { r.Exec("/b"); r.Redirect("/c", 302); r.Exit(200) }},
	{"JSON", func(r *sdk.Request) {
		var b [64]byte
		sdk.AppendJSONString(sdk.AppendJSONString(b[:0], value), "text ü")
	}},
}

func headerFilter(r *sdk.Request) {
	list, _ := r.Response().AppendHeaders(buffer[:0])
	for range sdk.Pairs(list) {
	}
}

func bodyFilter(c *sdk.Chunk) {
	var b [64]byte
	c.Append(b[:0])
	c.Len()
	c.EOF()
	c.Set(c.Bytes())
	c.SetString("x")
}
