package main

import (
	"strings"
	"testing"
	"time"

	"phasm/sdk/sdktest"
)

// collecting is a server with the plugin and an empty zone.
func collecting(t *testing.T, c sdktest.Config) *sdktest.Host {
	t.Helper()
	clear(keys)
	return sdktest.New(t, c, sdktest.Zone("metrics", 1<<20))
}

func page(t *testing.T, h *sdktest.Host) string {
	t.Helper()
	resp := h.Do(sdktest.Request{Target: "/metrics", Route: "metrics"})
	if resp.Status != 200 || resp.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("got %d %v", resp.Status, resp.Header)
	}
	return resp.Body
}

func TestPage(t *testing.T) {
	h := collecting(t, sdktest.Config{"buckets": []any{0.1, 0.5, 1}})
	for _, r := range []struct {
		method string
		status int
		route  string
		took   time.Duration
	}{
		{"GET", 200, "home", 100 * time.Millisecond}, // a bound belongs to its bucket
		{"GET", 200, "home", 101 * time.Millisecond},
		{"GET", 200, "home", -time.Hour},
		{"POST", 404, "", time.Second},
		{"GETS", 500, "home", time.Minute},
		{"HEAD", 200, "a \"b\\\n", time.Microsecond},
	} {
		if err := count(r.method, r.status, r.route, int64(r.took)); err != nil {
			t.Fatal(err)
		}
	}
	h.Advance(90*time.Second + time.Millisecond)
	const want = `# HELP http_requests_total Total number of HTTP requests
# TYPE http_requests_total counter
http_requests_total{method="GET",status="200",route="home"} 3
http_requests_total{method="HEAD",status="200",route="a \"b\\\n"} 1
http_requests_total{method="POST",status="404",route=""} 1
http_requests_total{method="other",status="500",route="home"} 1
# HELP http_request_duration_seconds HTTP request duration
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{route="",le="0.1"} 0
http_request_duration_seconds_bucket{route="",le="0.5"} 0
http_request_duration_seconds_bucket{route="",le="1"} 1
http_request_duration_seconds_bucket{route="",le="+Inf"} 1
http_request_duration_seconds_sum{route=""} 1
http_request_duration_seconds_count{route=""} 1
http_request_duration_seconds_bucket{route="a \"b\\\n",le="0.1"} 1
http_request_duration_seconds_bucket{route="a \"b\\\n",le="0.5"} 1
http_request_duration_seconds_bucket{route="a \"b\\\n",le="1"} 1
http_request_duration_seconds_bucket{route="a \"b\\\n",le="+Inf"} 1
http_request_duration_seconds_sum{route="a \"b\\\n"} 0.000001
http_request_duration_seconds_count{route="a \"b\\\n"} 1
http_request_duration_seconds_bucket{route="home",le="0.1"} 2
http_request_duration_seconds_bucket{route="home",le="0.5"} 3
http_request_duration_seconds_bucket{route="home",le="1"} 3
http_request_duration_seconds_bucket{route="home",le="+Inf"} 4
http_request_duration_seconds_sum{route="home"} 60.201
http_request_duration_seconds_count{route="home"} 4
# HELP process_uptime_seconds Process uptime
# TYPE process_uptime_seconds gauge
process_uptime_seconds 90
`
	if got := page(t, h); got != want {
		t.Errorf("the page is\n%s\nwant\n%s", got, want)
	}
	if got := page(t, h); !strings.Contains(got, `http_requests_total{method="GET",status="200",route="metrics"} 1`+"\n") {
		t.Errorf("the page before is not counted:\n%s", got)
	}
}

// Clients choose methods, but not how many keys there are.
func TestBounded(t *testing.T) {
	h := collecting(t, nil)
	for n := range 1000 {
		h.Do(sdktest.Request{Method: "M" + strings.Repeat("x", n), Target: "/" + strings.Repeat("y", n)})
	}
	if zoneKeys, err := zone.Keys(100); err != nil || len(zoneKeys) != 4 || len(keys) != 3 {
		t.Errorf("the zone has the keys %q, the instance %d; error %v", zoneKeys, len(keys), err)
	}
}

func TestZoneFails(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.ReadZone("metrics", nil))
	if resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Status: 204}}); resp.Status != 200 {
		t.Errorf("a request gets %d", resp.Status)
	}
	if n := h.Metric("collector_requests_uncounted_total"); n != 1 {
		t.Errorf("%v requests are counted as not counted", n)
	}
}

func TestConfiguration(t *testing.T) {
	var many []any
	for n := range maxBuckets + 1 {
		many = append(many, n)
	}
	for _, buckets := range []any{"x", []any{"x"}, []any{2, 1}, []any{1, 1}, many} {
		if h, err := sdktest.Start(sdktest.Config{"buckets": buckets}, sdktest.Zone("metrics", 0)); err == nil {
			h.Close()
			t.Errorf("%v was taken", buckets)
		}
	}
	collecting(t, sdktest.Config{"buckets": []any{}})
	if len(buckets) != 1 {
		t.Errorf("without a bound there are %d buckets", len(buckets))
	}
}
