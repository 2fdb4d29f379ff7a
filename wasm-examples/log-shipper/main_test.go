package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// collecting is a server whose plugin ships to a collector, and what that has
// got.
type collecting struct {
	*sdktest.Host
	posts  []sdktest.HTTPRequest
	answer sdktest.HTTPResponse
}

func collect(t *testing.T) *collecting {
	t.Helper()
	c := &collecting{}
	lines = batch{}
	c.Host = sdktest.New(t, sdktest.Config{"collector": "http://collector/logs"},
		sdktest.HTTP("collector", func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
			c.posts = append(c.posts, r)
			return c.answer
		}))
	return c
}

var regexpPID = regexp.MustCompile(`"pid":\d+`)

func TestBatches(t *testing.T) {
	c := collect(t)
	c.Do(sdktest.Request{Target: "/first?secret=1", Route: "files", Header: http.Header{"User-Agent": {`agent "7"` + "\xff"}}})
	c.Advance(999 * time.Millisecond)
	c.Do(sdktest.Request{Target: "/second", Upstream: sdktest.Upstream{Status: 404}})
	if len(c.posts) != 0 {
		t.Fatalf("%d posts before a second has passed", len(c.posts))
	}
	c.Advance(time.Millisecond)
	c.Do(sdktest.Request{Target: "/third", Upstream: sdktest.Upstream{Status: 500}})
	if len(c.posts) != 1 {
		t.Fatalf("%d posts after a second", len(c.posts))
	}
	post := c.posts[0]
	if post.Method != "POST" || post.URL != "http://collector/logs" || post.Header.Get("Content-Type") != "application/x-ndjson" || post.Options["timeout"] != "1000" {
		t.Errorf("the collector gets %+v", post)
	}
	got := strings.Split(strings.TrimSuffix(post.Body, "\n"), "\n")
	const first = `{"timestamp":"2026-01-01T00:00:00.000Z","level":"INFO","message":"request","request_id":"00000000000000000000000000000001",` +
		`"remote_addr":"192.0.2.1","uri":"/first","method":"GET","user_agent":"agent \"7\"` + "\ufffd" + `","response_time":0.000,"pid":PID,"context":{"status":200,"route":"files"}}`
	if len(got) != 3 {
		t.Fatalf("%d lines: %s", len(got), post.Body)
	}
	var line struct {
		PID           int
		Level, URI    string
		Response_time float64
		Context       map[string]any
	}
	for i, want := range []string{"INFO /first", "WARN /second", "ERROR /third"} {
		if err := json.Unmarshal([]byte(got[i]), &line); err != nil || line.Level+" "+line.URI != want {
			t.Errorf("line %d is %s, %v", i, got[i], err)
		}
	}
	if want := regexpPID.ReplaceAllString(got[0], `"pid":PID`); want != first {
		t.Errorf("the line is\n%s\nwant\n%s", want, first)
	}
	c.Do(sdktest.Request{})
	if len(c.posts) != 1 {
		t.Error("the batch was not emptied")
	}
}

// A batch that is full does not wait for its time.
func TestFullBatch(t *testing.T) {
	c := collect(t)
	requests := 0
	for ; len(c.posts) == 0 && requests < 10_000; requests++ {
		c.Do(sdktest.Request{Target: "/" + strings.Repeat("x", 1000)})
	}
	if n := strings.Count(c.posts[0].Body, "\n"); n != requests || len(c.posts[0].Body) > 64<<10 {
		t.Errorf("after %d requests the collector gets %d lines in %d bytes", requests, n, len(c.posts[0].Body))
	}
}

// While nothing can be sent lines are kept up to a limit, and no request fails.
func TestNoCollector(t *testing.T) {
	lines = batch{}
	h := sdktest.New(t, sdktest.Config{"collector": "http://elsewhere/"}, sdktest.HTTP("collector", nil))
	for range 1000 {
		h.Advance(time.Second)
		if resp := h.Do(sdktest.Request{Target: "/" + strings.Repeat("x", 1000), Upstream: sdktest.Upstream{Chunks: []string{"ok"}}}); resp.Status != 200 || resp.Body != "ok" {
			t.Fatalf("got %d %q", resp.Status, resp.Body)
		}
	}
	if n := len(lines.text); n > maxBatch || n < maxBatch-2000 {
		t.Errorf("%d bytes are kept, want little less than %d", n, maxBatch)
	}
	kept := strings.Count(string(lines.text), "\n")
	if got := int(h.Metric("lines_dropped_total")); got != 1000-kept {
		t.Errorf("%d lines are counted as dropped, %d are missing", got, 1000-kept)
	}
}

// A failure at the other end is nobody's concern but the collector's.
func TestCollectorFails(t *testing.T) {
	for _, answer := range []sdktest.HTTPResponse{{Err: sdk.ErrTimeout}, {Err: sdk.ErrIO}, {Status: 500}} {
		c := collect(t)
		c.answer = answer
		for range 3 {
			c.Advance(time.Second)
			if resp := c.Do(sdktest.Request{}); resp.Status != 200 {
				t.Errorf("%+v: a request gets %d", answer, resp.Status)
			}
		}
		c.Close()
	}
}

// What is left is sent when the server goes.
func TestExit(t *testing.T) {
	c := collect(t)
	c.Close()
	if len(c.posts) != 0 {
		t.Error("an empty batch was sent")
	}
	c = collect(t)
	c.Do(sdktest.Request{Target: "/last"})
	c.Close()
	if len(c.posts) != 1 || !strings.Contains(c.posts[0].Body, `"uri":"/last"`) {
		t.Errorf("the collector got %+v", c.posts)
	}
}

func TestNoConfiguration(t *testing.T) {
	if h, err := sdktest.Start(nil); err == nil {
		h.Close()
		t.Error("no collector is enough")
	}
}
