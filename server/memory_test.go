package server

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/server/config"
)

// memoryConn is a connection in memory that sends the same request as often as
// it is asked to, one a read, and counts the bytes of the responses.
type memoryConn struct {
	request []byte
	left    int
	written int
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.request), nil
}

func (c *memoryConn) Write(p []byte) (int, error)      { c.written += len(p); return len(p), nil }
func (c *memoryConn) Close() error                     { return nil }
func (c *memoryConn) LocalAddr() net.Addr              { return nil }
func (c *memoryConn) RemoteAddr() net.Addr             { return nil }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

const getHello = "GET /hello?a=1 HTTP/1.1\r\nHost: example.com\r\nUser-Agent: wrk\r\nAccept: */*\r\n\r\n"

// loaded is a server without listeners.
func loaded(tb testing.TB, text string) *Server {
	tb.Helper()
	c, err := config.Parse(filepath.Join("testdata", "test.toml"), []byte(text+listenerTables+"[server.limits]\nrequests = 1000000000\n"))
	if err != nil {
		tb.Fatal(err)
	}
	c.Server.Log.Level = "error"
	s, err := New(context.Background(), c, Options{Cache: testCache()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// requestsOf serves n requests over one connection in memory.
func requestsOf(tb testing.TB, s *Server, request string, n int) {
	tb.Helper()
	c := &memoryConn{request: []byte(request), left: n}
	s.ServeConn(c)
	if c.written == 0 || c.left != 0 {
		tb.Fatalf("the connection ended with %d requests left and %d bytes of responses", c.left, c.written)
	}
}

// workloads are the configurations that must serve without allocating.
var workloads = []struct{ name, config string }{
	{"fixed answer", `
[routes.hello]
match = "GET /hello"
respond = {body = "hello\n"}
`},
	{"content plugin", `
[plugins.hello]
source = "../../wasm-examples/hello"
[routes.hello]
match = "GET /hello"
content = "hello"
`},
	{"five phases", `
[plugins.chain]
source = "../../wasm-examples/chain"
[routes.chain]
match = "GET /hello"
rewrite = ["chain"]
access = ["chain"]
content = "chain"
header_filter = ["chain"]
log = ["chain"]
`},
	{"access log", `
[server.access_log]
file = "/dev/null"
[routes.hello]
match = "GET /hello"
respond = {body = "hello\n"}
`},
}

// TestServingAllocatesNothing measures whole connections of two lengths: what
// the longer one allocates more is what its requests allocate.
func TestServingAllocatesNothing(t *testing.T) {
	for _, w := range workloads {
		t.Run(strings.ReplaceAll(w.name, " ", "-"), func(t *testing.T) {
			s := loaded(t, w.config)
			requestsOf(t, s, getHello, 1000)
			const more = 2000
			few := testing.AllocsPerRun(5, func() { requestsOf(t, s, getHello, 100) })
			many := testing.AllocsPerRun(5, func() { requestsOf(t, s, getHello, 100+more) })
			if perRequest := (many - few) / more; perRequest >= 0.01 { // buffers still growing
				t.Errorf("%.3f allocations per request (%v for 100, %v for %d)", perRequest, few, many, 100+more)
			}
		})
	}
}

func BenchmarkServe(b *testing.B) {
	for _, w := range workloads {
		b.Run(strings.ReplaceAll(w.name, " ", "-"), func(b *testing.B) {
			s := loaded(b, w.config)
			requestsOf(b, s, getHello, 1000)
			b.ReportAllocs()
			b.ResetTimer()
			requestsOf(b, s, getHello, b.N)
		})
	}
}

// BenchmarkOverBareFasthttp measures what routing, metrics, time limits and
// phases without plugins add to a fixed answer that fasthttp alone makes, and
// fails where that is more than 400 ns a request. The two take turns, because
// the machine's speed changes while they run.
func BenchmarkOverBareFasthttp(b *testing.B) {
	ours := loaded(b, workloads[0].config)
	bare := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello\n") }}
	const turns, requests = 40, 5000
	perRequest := func(serve func(*memoryConn)) float64 {
		c := &memoryConn{request: []byte(getHello), left: requests}
		begin := time.Now()
		serve(c)
		return float64(time.Since(begin).Nanoseconds()) / requests
	}
	for b.Loop() {
		var withUs, without, added []float64
		for range turns {
			u := perRequest(func(c *memoryConn) { ours.ServeConn(c) })
			f := perRequest(func(c *memoryConn) { bare.ServeConn(c) })
			withUs, without, added = append(withUs, u), append(without, f), append(added, u-f)
		}
		slices.Sort(withUs)
		slices.Sort(without)
		slices.Sort(added)
		median := added[turns/2]
		b.ReportMetric(withUs[turns/2], "ns-phasm")
		b.ReportMetric(without[turns/2], "ns-fasthttp")
		b.ReportMetric(median, "ns-added")
		if median > 400 {
			b.Errorf("phasm adds %.0f ns to a request", median)
		}
	}
}
