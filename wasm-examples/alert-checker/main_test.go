package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// watched is a server whose plugin sends alerts to a channel, and what that has
// got.
type watched struct {
	*sdktest.Host
	posts   []sdktest.HTTPRequest
	channel sdktest.HTTPResponse // what it answers
	memory  string               // what the server's metrics say

	took   time.Duration // by each request
	status int           // of each response
}

func watch(t *testing.T, c sdktest.Config) *watched {
	t.Helper()
	w := &watched{memory: "1.048576e+08"}
	w.Host = sdktest.New(t, c, sdktest.Zone("alerts", 1<<20),
		sdktest.Env("SLACK_WEBHOOK_URL", "https://hooks.example/secret"), sdktest.Env("HOSTNAME", "web-1"),
		sdktest.HTTP("hooks.example", func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
			w.posts = append(w.posts, r)
			return w.channel
		}),
		sdktest.HTTP("127.0.0.1:8081", func(sdktest.HTTPRequest) sdktest.HTTPResponse {
			return sdktest.HTTPResponse{Body: "go_threads 7\nprocess_resident_memory_bytes " + w.memory + "\n"}
		}))
	sdk.Content(func(r *sdk.Request) sdk.Action {
		w.Advance(w.took)
		return r.Exit(w.status)
	})
	return w
}

// requests lets n requests end with a status, each after that time.
func (w *watched) requests(n, status int, took time.Duration) {
	w.took, w.status = took, status
	for range n {
		w.Do(sdktest.Request{})
	}
}

// kinds are the alerts that the channel has got, in order.
func (w *watched) kinds() (kinds []string) {
	for _, post := range w.posts {
		var message struct{ Text string }
		json.Unmarshal([]byte(post.Body), &message)
		kinds = append(kinds, strings.TrimPrefix(message.Text, "🚨 phasm Alert: "))
	}
	return kinds
}

func (w *watched) want(t *testing.T, kinds ...string) {
	t.Helper()
	if got := w.kinds(); !slices.Equal(got, kinds) {
		t.Errorf("the channel has got %q, want %q", got, kinds)
	}
}

func (w *watched) logged(part string) (n int) {
	for _, line := range w.Messages() {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func TestErrorRate(t *testing.T) {
	w := watch(t, sdktest.Config{"min_requests": 3})
	w.requests(1, 500, 0)
	w.requests(1, 404, 0)
	w.Advance(10 * time.Second)
	w.want(t) // two are too few
	w.requests(1, 200, 0)
	w.requests(1, 503, 0)
	w.Advance(10 * time.Second)
	w.want(t, "HIGH_ERROR_RATE")
	post := w.posts[0]
	pid := fmt.Sprint(os.Getpid())
	want := `{"text":"🚨 phasm Alert: HIGH_ERROR_RATE","attachments":[{"color":"danger","fields":[` +
		`{"title":"Server","value":"web-1","short":true},{"title":"Worker PID","value":` + pid + `,"short":true},` +
		`{"title":"Timestamp","value":"2026-01-01 00:00:20","short":false},{"title":"Error Rate","value":"50.00%","short":true}]}]}`
	if post.Method != "POST" || post.URL != "https://hooks.example/secret" || post.Body != want || post.Header.Get("Content-Type") != "application/json" || post.Options["timeout"] != "5000" {
		t.Errorf("the channel has got %+v\nwant %s", post, want)
	}
	line := w.Logs()[0]
	want = `System alert triggered {"alert_type":"HIGH_ERROR_RATE","timestamp":"2026-01-01 00:00:20",` +
		`"server_info":{"hostname":"web-1","worker_pid":` + pid + `},"data":{"error_rate":50,"total_requests":4,"error_count":2}}`
	if line.Level != sdk.LevelError || line.Message != want {
		t.Errorf("it logs %v, want %s", line, want)
	}
	if !json.Valid([]byte(post.Body)) || !json.Valid([]byte(strings.TrimPrefix(line.Message, "System alert triggered "))) {
		t.Error("that is not JSON")
	}
}

func TestSlow(t *testing.T) {
	w := watch(t, nil)
	w.requests(3, 200, 2*time.Second) // just fast enough
	w.Advance(4 * time.Second)
	w.want(t)
	w.requests(1, 200, 2400*time.Millisecond)
	w.requests(1, 200, 999*time.Millisecond)
	w.requests(1, 200, 5*time.Second)
	w.Advance(10 * time.Second)
	w.want(t, "SLOW_RESPONSE")
	if !strings.Contains(w.posts[0].Body, `{"title":"Average Response Time","value":"2400 ms","short":true}`) {
		t.Errorf("the channel has got %s", w.posts[0].Body)
	}
	if n := w.logged(`"data":{"avg_response_time":2399.8333333333335,"slow_requests":5}}`); n != 1 {
		t.Errorf("it logs %q", w.Messages())
	}
}

func TestMemory(t *testing.T) {
	w := watch(t, sdktest.Config{"metrics": "http://127.0.0.1:8081/metrics"})
	for _, memory := range []string{"524288000", "nonsense", "5.24288001e+08"} { // 500 MiB are not too much
		w.want(t)
		w.memory = memory
		w.Advance(10 * time.Second)
	}
	w.want(t, "HIGH_MEMORY_USAGE")
	if w.logged("cannot read the server's memory") != 1 || w.logged(`"data":{"memory_usage":524288001,"memory_usage_mb":500}}`) != 1 {
		t.Errorf("it logs %q", w.Messages())
	}
	for _, page := range []string{strings.Repeat("x", 100<<10), "1e"} {
		w.memory = page + "\n"
		w.Advance(10 * time.Second)
	}
	w.memory = ""
	w.Advance(10 * time.Second)
	if w.logged("cannot read the server's memory") != 4 {
		t.Errorf("it logs %q", w.Messages())
	}
}

// An alert is not repeated while it cools down, and the window slides.
func TestCooldownAndWindow(t *testing.T) {
	w := watch(t, sdktest.Config{"cooldown": "5m"})
	for range 20 {
		w.requests(1, 500, 0)
		w.Advance(10 * time.Second)
	}
	w.want(t, "HIGH_ERROR_RATE")
	w.Advance(90 * time.Second) // all that was counted is old, and so is the alert
	w.requests(1, 200, 0)
	w.Advance(10 * time.Second)
	w.want(t, "HIGH_ERROR_RATE")
	w.requests(1, 500, 0)
	w.Advance(10 * time.Second)
	w.want(t, "HIGH_ERROR_RATE", "HIGH_ERROR_RATE")
	if n := w.logged("System alert triggered"); n != 2 {
		t.Errorf("%d alerts are logged", n)
	}
}

// An alert that cannot be sent is sent with the next check, even where its
// reason has gone by then; it is logged once. No request notices.
func TestWebhookIsDown(t *testing.T) {
	for _, down := range []sdktest.HTTPResponse{{Err: sdk.ErrTimeout}, {Err: sdk.ErrIO}, {Status: 500}, {Status: 302}} {
		w := watch(t, sdktest.Config{"window": "10s"})
		w.channel = down
		w.requests(1, 500, 3*time.Second)
		w.Advance(40 * time.Second)
		w.want(t, "HIGH_ERROR_RATE", "HIGH_ERROR_RATE", "HIGH_ERROR_RATE", "HIGH_ERROR_RATE") // the other one waits behind it
		w.channel = sdktest.HTTPResponse{}
		w.posts = nil
		w.Advance(20 * time.Second)
		w.want(t, "HIGH_ERROR_RATE", "SLOW_RESPONSE")
		if w.logged("System alert triggered") != 2 || w.logged("cannot send alert HIGH_ERROR_RATE, it is tried again in 10s: ") != 4 || w.logged("secret") != 0 {
			t.Errorf("it logs %q", w.Messages())
		}
		w.Close()
	}
}

// Without a webhook alerts are logged.
func TestNoWebhook(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("alerts", 1<<20), sdktest.EnvUnset("SLACK_WEBHOOK_URL"), sdktest.EnvUnset("HOSTNAME"))
	h.Do(sdktest.Request{Upstream: sdktest.Upstream{Status: 500}})
	h.Advance(time.Minute)
	if got := h.Messages(); len(got) != 1 || !strings.Contains(got[0], `"hostname":"unknown"`) {
		t.Errorf("it logs %q", got)
	}
}

// Thresholds of 0 are none.
func TestOff(t *testing.T) {
	w := watch(t, sdktest.Config{"error_rate": 0, "mean": "0s", "memory": 0, "slow": "0s", "metrics": "http://127.0.0.1:8081/metrics"})
	w.requests(1, 500, 9*time.Second)
	w.Advance(time.Minute)
	w.want(t)
	if got := w.Messages(); len(got) > 0 {
		t.Errorf("it logs %q", got)
	}
}

// The keys of what is over go: many windows do not fill the zone.
func TestBounded(t *testing.T) {
	w := watch(t, nil)
	for range 500 {
		w.requests(1, 500, 2*time.Second)
		w.Advance(8 * time.Second)
	}
	if n := w.Metric("alert_requests_uncounted_total"); n != 0 {
		t.Errorf("%v requests were not counted", n)
	}
	keys, err := zone.Keys(1000)
	if err != nil || len(keys) > 4*10+4 {
		t.Errorf("the zone has %d keys, error %v", len(keys), err)
	}
}

func TestZoneFails(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.ReadZone("alerts", nil), sdktest.EnvUnset("SLACK_WEBHOOK_URL"), sdktest.EnvUnset("HOSTNAME"))
	if resp := h.Do(sdktest.Request{}); resp.Status != 200 {
		t.Errorf("a request gets %d", resp.Status)
	}
	if n := h.Metric("alert_requests_uncounted_total"); n != 1 {
		t.Errorf("%v requests are counted as not counted", n)
	}
}

func TestConfiguration(t *testing.T) {
	for _, c := range []sdktest.Config{
		{"window": "x"}, {"interval": "x"}, {"cooldown": "x"}, {"timeout": "x"}, {"mean": "x"}, {"slow": "x"}, {"error_rate": "x"}, {"memory": "x"}, {"min_requests": "x"},
		{"interval": "9ms"}, {"window": "9s"}, {"window": "1001s"},
	} {
		if h, err := sdktest.Start(c, sdktest.Zone("alerts", 0)); err == nil {
			h.Close()
			t.Errorf("%v was taken", c)
		}
	}
}
