package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
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
	c.Host = sdktest.New(t, sdktest.Config{"collector": "http://collector/logs"}, sdktest.Zone("lines", 1<<20),
		sdktest.HTTP("collector", func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
			c.posts = append(c.posts, r)
			return c.answer
		}))
	return c
}

// waiting is how many lines are in the zone.
func waiting(t *testing.T) int {
	t.Helper()
	n, err := zone.Len(key)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var (
	regexpPID = regexp.MustCompile(`"pid":\d+`)
	regexpURI = regexp.MustCompile(`"uri":"([^"]*)"`)
)

func TestBatches(t *testing.T) {
	c := collect(t)
	c.Do(sdktest.Request{Target: "/first?secret=1", Route: "files", Header: http.Header{"User-Agent": {`agent "7"` + "\xff"}}})
	c.Advance(999 * time.Millisecond)
	c.Do(sdktest.Request{Target: "/second", Upstream: sdktest.Upstream{Status: 404}})
	if len(c.posts) != 0 {
		t.Fatalf("%d posts before a second has passed", len(c.posts))
	}
	c.Do(sdktest.Request{Target: "/third", Upstream: sdktest.Upstream{Status: 500}})
	c.Advance(time.Millisecond)
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
	c.Advance(time.Minute)
	if len(c.posts) != 1 {
		t.Errorf("without requests there are %d posts", len(c.posts))
	}
}

// What has gathered leaves in batches, in one run of the timer.
func TestManyLines(t *testing.T) {
	c := collect(t)
	for range 100 {
		c.Do(sdktest.Request{Target: "/" + strings.Repeat("x", 1000)})
	}
	c.Advance(time.Second)
	lines := 0
	for _, post := range c.posts {
		lines += strings.Count(post.Body, "\n")
		if len(post.Body) > fullBatch+2000 {
			t.Errorf("a batch has %d bytes", len(post.Body))
		}
	}
	if len(c.posts) < 2 || lines != 100 {
		t.Errorf("the collector gets %d lines in %d posts", lines, len(c.posts))
	}
}

// While nothing can be sent lines are kept up to the zone's size, and no
// request fails.
func TestNoCollector(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"collector": "http://elsewhere/"}, sdktest.Zone("lines", 64<<10), sdktest.HTTP("collector", nil))
	for range 500 {
		if resp := h.Do(sdktest.Request{Target: "/" + strings.Repeat("x", 1000), Upstream: sdktest.Upstream{Chunks: []string{"ok"}}}); resp.Status != 200 || resp.Body != "ok" {
			t.Fatalf("got %d %q", resp.Status, resp.Body)
		}
		h.Advance(100 * time.Millisecond)
	}
	kept := waiting(t)
	if got := int(h.Metric("lines_dropped_total")); got != 500-kept || kept < 30 || kept > 64 {
		t.Errorf("%d lines are kept, %d are counted as dropped", kept, got)
	}
}

// Lines that the collector does not take are sent again, in their order; those
// that it never will are dropped.
func TestCollectorFails(t *testing.T) {
	for _, test := range []struct {
		answer sdktest.HTTPResponse
		kept   bool
	}{
		{sdktest.HTTPResponse{Err: sdk.ErrTimeout}, true},
		{sdktest.HTTPResponse{Err: sdk.ErrIO}, true},
		{sdktest.HTTPResponse{Status: 500}, true},
		{sdktest.HTTPResponse{Status: 302}, true},
		{sdktest.HTTPResponse{Status: 429}, true},
		{sdktest.HTTPResponse{Status: 400}, false},
	} {
		c := collect(t)
		c.answer = test.answer
		for _, target := range []string{"/1", "/2", "/3"} {
			if resp := c.Do(sdktest.Request{Target: target}); resp.Status != 200 {
				t.Errorf("%+v: a request gets %d", test, resp.Status)
			}
		}
		c.Advance(time.Second)
		if got := len(c.Messages()); len(c.posts) != 1 || got != 1 {
			t.Errorf("%+v: %d posts, it logs %q", test, len(c.posts), c.Messages())
		}
		c.answer = sdktest.HTTPResponse{}
		c.Do(sdktest.Request{Target: "/4"})
		c.Advance(time.Second)
		want := []string{"/4"}
		if test.kept {
			want = []string{"/1", "/2", "/3", "/4"}
		}
		got := []string{}
		for _, match := range regexpURI.FindAllStringSubmatch(c.posts[1].Body, -1) {
			got = append(got, match[1])
		}
		if !slices.Equal(got, want) || c.Metric("lines_dropped_total") != float64(4-len(want)) {
			t.Errorf("%+v: then the collector gets %q, want %q; %v are counted as dropped", test, got, want, c.Metric("lines_dropped_total"))
		}
		c.Close()
	}
}

// What is left is sent when the server goes.
func TestExit(t *testing.T) {
	c := collect(t)
	c.Close()
	if len(c.posts) != 0 {
		t.Error("nothing was sent")
	}
	c = collect(t)
	c.Do(sdktest.Request{Target: "/last"})
	c.Close()
	if len(c.posts) != 1 || !strings.Contains(c.posts[0].Body, `"uri":"/last"`) {
		t.Errorf("the collector got %+v", c.posts)
	}
}

func TestNoConfiguration(t *testing.T) {
	for _, c := range []sdktest.Config{nil, {"collector": "http://a/", "interval": "0s"}, {"collector": "http://a/", "timeout": "x"}} {
		if h, err := sdktest.Start(c, sdktest.Zone("lines", 0)); err == nil {
			h.Close()
			t.Errorf("%v is enough", c)
		}
	}
}
