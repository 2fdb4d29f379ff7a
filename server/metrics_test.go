package server

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// probeConfig has fewer plugins than walkConfig: they take time to load.
const probeConfig = `
[plugins.a]
source = "probe"
config = {name = "a"}
[plugins.mark]
source = "probe"
config = {name = "mark", filter = "mark"}
[routes.all]
match = "/all"
access = ["a"]
content = "a"
log = ["a"]
[routes.marked]
match = "/marked"
content = "a"
body_filter = ["mark"]
[routes.fixed]
match = "/fixed"
body_filter = ["mark"]
respond = {body = "fixed"}
`

// samples are a metric's series as they stand in /metrics now, by their labels.
func (s *testServer) samples(name string) map[string]float64 {
	s.t.Helper()
	found := map[string]float64{}
	for line := range strings.Lines(s.adminGet("/metrics")) {
		i := strings.LastIndexByte(line, ' ')
		labels, ok := strings.CutPrefix(line[:max(i, 0)], name)
		if !ok || labels != "" && labels[0] != '{' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		if err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		found[labels] = value
	}
	return found
}

// wantSamples waits until a metric has exactly these series.
func (s *testServer) wantSamples(name string, want map[string]float64) {
	s.t.Helper()
	var got map[string]float64
	if !eventually(func() bool { got = s.samples(name); return maps.Equal(got, want) }) {
		s.t.Errorf("%s is\n%v, want\n%v", name, got, want)
	}
}

// wantSample waits until one series of a metric has this value.
func (s *testServer) wantSample(name, labels string, want float64) {
	s.t.Helper()
	var got float64
	if !eventually(func() bool { got = s.samples(name)[labels]; return got == want }) {
		s.t.Errorf("%s%s is %v, want %v", name, labels, got, want)
	}
}

// exchangeBytes sends a request and counts what comes back until the
// connection closes.
func (s *testServer) exchangeBytes(request string) float64 {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	c.send(request)
	n, err := io.Copy(io.Discard, c.r)
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(n)
}

func TestRequestMetrics(t *testing.T) {
	s := start(t, fixedConfig)
	var sent, requests = map[string]float64{}, map[string]float64{}
	for _, test := range []struct{ method, target, route, series string }{
		{"GET", "/hello", "hello", `method="GET",code="200"`},
		{"GET", "/hello?again", "hello", `method="GET",code="200"`},
		{"HEAD", "/hello", "hello", `method="HEAD",code="200"`},
		{"POST", "/tea", "teapot", `method="POST",code="418"`},
		{"PUT", "/nothing", "nothing", `method="PUT",code="204"`},
		{"DELETE", "/moved", "moved", `method="DELETE",code="308"`},
		{"BREW", "/tree/x", "", `method="other",code="501"`},
		{"get", "/tree/x", "", `method="other",code="501"`},
		{"PUT", "/tree/x", "tree", `method="PUT",code="200"`},
		{"other", "/tree/x", "", `method="other",code="501"`},
		{"POST", "/hello", "", `method="POST",code="405"`},
		{"GET", "/nowhere", "", `method="GET",code="404"`},
		{"GET", "/\x01", "", `method="other",code="400"`},
	} {
		sent[fmt.Sprintf("{route=%q}", test.route)] += s.exchangeBytes(test.method + " " + test.target + " HTTP/1.1\nHost: a\nConnection: close\n\n")
		requests[fmt.Sprintf("{route=%q,%s}", test.route, test.series)]++
	}
	s.wantSamples("phasm_requests_total", requests)
	s.wantSamples("phasm_response_bytes_total", sent)
	durations := map[string]float64{}
	for labels, n := range requests {
		route, _, _ := strings.Cut(labels, ",")
		durations[route+"}"] += n
	}
	s.wantSamples("phasm_request_duration_seconds_count", durations)
	s.wantSamples("phasm_requests_in_flight", map[string]float64{"": 0})
	s.wantSamples("phasm_connections", map[string]float64{"": 0})
	s.wantSamples("phasm_panics_total", map[string]float64{"": 0})
	s.wantSamples("phasm_connections_refused_total", map[string]float64{"": 0})
}

// The histogram's buckets add up, and a request that takes its time is in
// those for it and no other.
func TestDurationHistogram(t *testing.T) {
	s := start(t, probeConfig)
	const name = "phasm_request_duration_seconds"
	begin := time.Now()
	s.get("/all", "Do: a.content:sleep:60")
	s.wantSample(name+"_count", `{route="all"}`, 1)
	sum := s.samples(name + "_sum")[`{route="all"}`]
	if sum < 0.06 || sum > time.Since(begin).Seconds() {
		t.Errorf("60 ms of sleep became %v s", sum)
	}
	var bounds []float64
	buckets := map[float64]float64{}
	for labels, count := range s.samples(name + "_bucket") {
		if _, le, ours := strings.Cut(labels, `{route="all",le="`); ours {
			bound, err := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64)
			if err != nil {
				t.Fatal(err)
			}
			bounds, buckets[bound] = append(bounds, bound), count
		}
	}
	slices.Sort(bounds)
	for _, bound := range bounds {
		want := 0.0
		if sum <= bound {
			want = 1
		}
		if buckets[bound] != want {
			t.Errorf("the bucket up to %v has %v requests, want %v", bound, buckets[bound], want)
		}
	}
	if len(bounds) < 10 || !math.IsInf(bounds[len(bounds)-1], 1) {
		t.Errorf("the buckets are %v", bounds)
	}
}

// What is counted as sent and received is what the connection carried.
func TestByteMetrics(t *testing.T) {
	s := start(t, probeConfig)
	const end = "\nHost: a\nConnection: close\n"
	large := strings.Repeat("x", 70000)
	sent := 0.0
	for _, request := range []string{
		"GET /marked HTTP/1.1\nDo: a.content:writes:100000" + end + "\n",
		"GET /marked HTTP/1.1\nDo: a.content:write:a a.content:flush a.content:write:b" + end + "\n",
		"POST /marked HTTP/1.1\nDo: a.content:body\nContent-Length: 5" + end + "\nhello",
		"POST /marked HTTP/1.1\nDo: a.content:body\nTransfer-Encoding: chunked" + end + "\n2\nhe\n3\nllo\n0\n\n",
		// Read by nobody but the server, which must get to the next request.
		"POST /marked HTTP/1.1\nHost: a\nContent-Length: 70000\n\n" + large + "GET /marked HTTP/1.1" + end + "\n",
	} {
		sent += s.exchangeBytes(request)
	}
	s.wantSample("phasm_response_bytes_total", `{route="marked"}`, sent)
	s.wantSample("phasm_request_body_bytes_total", `{route="marked"}`, 5+5+70000)
	s.exchangeBytes("POST /marked HTTP/1.1\nContent-Length: 70000\nExpect: 100-continue" + end + "\n") // never sent
	s.wantSample("phasm_request_duration_seconds_count", `{route="marked"}`, 7)
	s.wantSample("phasm_request_body_bytes_total", `{route="marked"}`, 5+5+70000)
}

func TestConnectionMetrics(t *testing.T) {
	s := start(t, probeConfig+"[server.limits]\nconnections = 2\n")
	idle, slow := s.dial(), s.dial()
	idle.send("GET /fixed HTTP/1.1\nHost: a\n\n")
	idle.receive("GET")
	slow.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:60000\n\n")
	slow.r.Peek(1)
	s.wantSample("phasm_requests_in_flight", "", 1)
	s.wantSample("phasm_connections", "", 2)
	if third := s.dial(); !third.closed() {
		t.Error("a connection over the limit was served")
	}
	s.wantSample("phasm_connections_refused_total", "", 1)
	slow.Close()
	s.wantSample("phasm_requests_in_flight", "", 0)
	s.wantSample("phasm_connections", "", 1)
	idle.Close()
	s.wantSample("phasm_connections", "", 0)
}

func TestPluginCallMetrics(t *testing.T) {
	s := start(t, `
[plugins.a]
source = "probe"
config = {name = "a"}
limits = {instances = 1, wait = "10ms"}
[plugins.patient]
source = "probe"
config = {name = "patient"}
limits = {instances = 1, wait = "60s"}
[routes.a]
match = "/a"
access = ["a"]
content = "a"
log = ["a"]
[routes.patient]
match = "/patient"
content = "patient"
`)
	figures := func(plugin, name string) map[string]float64 {
		found := map[string]float64{}
		for labels, value := range s.samples("phasm_plugin_" + name) {
			if label, ours := strings.CutPrefix(labels, `{plugin="`+plugin+`",`); ours && value != 0 {
				_, label, _ = strings.Cut(label, `"`)
				found[strings.TrimSuffix(label, `"}`)] = value
			}
		}
		return found
	}
	expect := func(plugin, name string, want map[string]float64) {
		t.Helper()
		var got map[string]float64
		if !eventually(func() bool { got = figures(plugin, name); return maps.Equal(got, want) }) {
			t.Errorf("%s of %s are %v, want %v", name, plugin, got, want)
		}
	}

	c := s.dial()
	for range 3 {
		c.send("GET /a HTTP/1.1\nHost: a\n\n")
		c.receive("GET")
	}
	expect("a", "calls_total", map[string]float64{"init": 1, "init_worker": 1, "access": 3, "content": 3, "log": 3})
	expect("a", "errors_total", map[string]float64{})
	expect("a", "instances", map[string]float64{"idle": 1})
	if seconds := figures("a", "seconds_total"); seconds["init"] <= 0 {
		t.Errorf("no time was spent: %v", seconds)
	}

	// A fault costs the instance; another takes its place in the background.
	for _, phase := range []string{"access", "content", "log"} {
		c.send("GET /a HTTP/1.1\nHost: a\nDo: a." + phase + ":panic\n\n")
		c.receive("GET")
		expect("a", "instances", map[string]float64{"idle": 1})
	}
	s.wantSamples("phasm_plugin_instances_discarded_total", map[string]float64{`{plugin="a"}`: 3, `{plugin="patient"}`: 0})
	expect("a", "calls_total", map[string]float64{"init": 1, "init_worker": 1, "access": 6, "content": 5, "log": 4})
	expect("a", "errors_total", map[string]float64{"access": 1, "content": 1, "log": 1})

	// One exchange has the instance, another gives up, a third waits.
	slow := s.dial()
	slow.send("GET /a HTTP/1.1\nHost: a\nDo: a.content:flush a.content:sleep:60000\n\n")
	slow.r.Peek(1)
	expect("a", "instances", map[string]float64{"in_use": 1})
	if r := s.do("GET", "/a"); r.StatusCode != 503 {
		t.Errorf("got %d without an instance", r.StatusCode)
	}
	s.wantSamples("phasm_plugin_busy_total", map[string]float64{`{plugin="a"}`: 1, `{plugin="patient"}`: 0})
	slow.Close()
	expect("a", "instances", map[string]float64{"idle": 1})

	slow, waiting := s.dial(), s.dial()
	slow.send("GET /patient HTTP/1.1\nHost: a\nDo: patient.content:flush patient.content:sleep:60000\n\n")
	slow.r.Peek(1)
	waiting.send("GET /patient HTTP/1.1\nHost: a\nDo: patient.content:write:done\n\n")
	s.wantSamples("phasm_plugin_waiting", map[string]float64{`{plugin="a"}`: 0, `{plugin="patient"}`: 1})
	slow.Close()
	if r := waiting.receive("GET"); r.body != "done" {
		t.Errorf("got %q after the wait", r.body)
	}
	s.wantSamples("phasm_plugin_waiting", map[string]float64{`{plugin="a"}`: 0, `{plugin="patient"}`: 0})
}

const guestConfig = `
[plugins.guest]
source = "metrics"
[routes.guest]
match = "/guest"
content = "guest"
`

// hostile are values for a plugin's label, and how they must be written.
var hostile = []struct{ value, written string }{
	{"", ""},
	{"plain", "plain"},
	{`quo"te`, `quo\"te`},
	{`back\slash\`, `back\\slash\\`},
	{"new\nline\n", `new\nline\n`},
	{`",le="1`, `\",le=\"1`},
	{"\"} 1\n# TYPE guest_seen_total gauge\nguest_seen_total 1", `\"} 1\n# TYPE guest_seen_total gauge\nguest_seen_total 1`},
	{"\x00\x7f\r\t", "\x00\x7f\r\t"},
	{"ünï\u2028", "ünï\u2028"},
	{"\xff|\xc3", "\uFFFD|\uFFFD"},
	{strings.Repeat("x", 255) + "é", strings.Repeat("x", 255) + "\uFFFD"},
	{strings.Repeat("y", 5000), strings.Repeat("y", 256)},
}

func TestPluginsOwnMetrics(t *testing.T) {
	s := start(t, guestConfig)
	seen, last, buckets, sums := map[string]float64{}, map[string]float64{}, map[string]float64{}, map[string]float64{}
	for i, h := range hostile {
		for _, number := range []float64{float64(i), 10.5} {
			if got := s.get("/guest?number=" + strconv.FormatFloat(number, 'g', -1, 64) + "&label=" + url.QueryEscape(h.value)); got != "" {
				t.Errorf("%q: %s", h.value, got)
			}
			labels := `{plugin="guest",label="` + h.written + `"`
			seen[labels+"}"]++
			last[labels+"}"] = number
			sums[labels+"}"] += number
			for bound, le := range map[float64]string{1: "1", 10: "10", math.Inf(1): "+Inf"} {
				if number <= bound {
					buckets[labels+`,le="`+le+`"}`]++
				} else {
					buckets[labels+`,le="`+le+`"}`] += 0
				}
			}
		}
	}
	s.wantSamples("guest_seen_total", seen)
	s.wantSamples("guest_last", last)
	s.wantSamples("guest_sizes_bucket", buckets)
	s.wantSamples("guest_sizes_sum", sums)
	s.wantSamples("guest_sizes_count", seen)
	for _, head := range []string{
		"# HELP guest_seen_total Numbers seen, \"by\" label\\\\\\nand nothing else.\n# TYPE guest_seen_total counter\n",
		"# HELP guest_last The last number.\n# TYPE guest_last gauge\n",
		"# HELP guest_sizes The numbers.\n# TYPE guest_sizes histogram\n",
	} {
		if text := s.adminGet("/metrics"); strings.Count(text, head) != 1 {
			t.Errorf("%q does not stand once in\n%s", head, text)
		}
	}
	if got := s.get("/guest?number=Inf&label=odd"); got == "" {
		t.Error("a histogram takes infinity")
	}
}

// A client that makes up label values fills neither the memory nor /metrics.
func TestPluginsOwnMetricsAreBounded(t *testing.T) {
	s := start(t, guestConfig)
	c := s.dial()
	refused := 0 // those over the 1000 that a metric may have
	for i := range 1010 {
		c.send(fmt.Sprintf("GET /guest?number=1&label=%d HTTP/1.1\nHost: a\n\n", i))
		if r := c.receive("GET"); r.body != "" {
			refused++
		}
	}
	if n := len(s.samples("guest_seen_total")); n != 1000 || refused != 10 {
		t.Errorf("%d series, %d refused", n, refused)
	}
}

// promtool reads what a busy server writes, and finds nothing to complain of.
func TestMetricsPassPromtool(t *testing.T) {
	requireCommand(t, "promtool")
	text, _ := withAccessLog(t, probeConfig+guestConfig)
	s := start(t, text)
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 2 {
		load.Go(func() {
			c := s.dial()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				target := []string{"/all", "/fixed", "/marked", "/nowhere",
					"/guest?number=" + strconv.Itoa(i%20) + "&label=" + url.QueryEscape(hostile[i%len(hostile)].value)}[i%5]
				fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: a\r\nDo: a.content:write:x\r\n\r\n", []string{"GET", "POST", "PUT"}[i%3], target)
				c.receive("GET")
			}
		})
	}
	s.dial().send("GET /\x01 HTTP/1.1\n\n")
	waitFor(t, "all series", func() bool { return len(s.samples("guest_seen_total")) == len(hostile) })
	busy := s.adminGet("/metrics")
	close(stop)
	load.Wait()
	for name, text := range map[string]string{"busy": busy, "at rest": s.adminGet("/metrics")} {
		check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if output, err := check.CombinedOutput(); err != nil || len(output) != 0 {
			t.Errorf("%s: %v\n%s\nabout\n%s", name, err, output, text)
		}
	}
}
