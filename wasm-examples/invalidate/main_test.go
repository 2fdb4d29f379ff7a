package main

import (
	"net/http"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// host is a server with the plugin, an empty zone and a Redis.
func host(t *testing.T) (*sdktest.Host, *sdktest.Redis) {
	t.Helper()
	server := sdktest.NewRedis()
	return sdktest.New(t, sdktest.Config{"ttl": "300s"}, server.Grant("bus"), sdktest.Zone("pages", 1<<20)), server
}

// want asks for a page whose route would answer a text, and says what comes of
// it.
func want(t *testing.T, h *sdktest.Host, target, text, cache, body string) {
	t.Helper()
	resp := h.Do(sdktest.Request{Target: target, Upstream: sdktest.Upstream{
		Header: http.Header{"Content-Type": {"text/html"}}, Chunks: []string{text[:1], text[1:]},
	}})
	if resp.Header.Get("X-Cache") != cache || resp.Body != body || resp.Header.Get("Content-Type") != "text/html" {
		t.Errorf("%s: %s %q as %q, want %s %q", target, resp.Header.Get("X-Cache"), resp.Body, resp.Header.Get("Content-Type"), cache, body)
	}
}

func TestPurge(t *testing.T) {
	h, server := host(t)
	want(t, h, "/a", "one", "MISS", "one")
	want(t, h, "/b", "one", "MISS", "one")
	want(t, h, "/a", "two", "HIT", "one")
	if resp := h.Do(sdktest.Request{Method: "PURGE", Target: "/a"}); resp.Status != 200 || resp.Body != "purged\n" {
		t.Errorf("PURGE answers %d %q", resp.Status, resp.Body)
	}
	if got := server.Published; len(got) != 1 || got[0] != [2]string{channel, "/a"} {
		t.Errorf("it has published %q", got)
	}
	want(t, h, "/a", "two", "MISS", "two")
	want(t, h, "/b", "two", "HIT", "one")
	h.Advance(300 * time.Second)
	want(t, h, "/b", "three", "MISS", "three")
}

// Others purge as well, and when nobody knows what they have purged nothing is
// kept.
func TestMessages(t *testing.T) {
	h, _ := host(t)
	want(t, h, "/a", "one", "MISS", "one")
	want(t, h, "/b", "one", "MISS", "one")
	if n := h.Publish("bus", channel, "/a"); n != 1 {
		t.Errorf("%d subscriptions have the message", n)
	}
	want(t, h, "/a", "two", "MISS", "two")
	want(t, h, "/b", "two", "HIT", "one")
	h.Missed()
	want(t, h, "/a", "three", "MISS", "three")
	want(t, h, "/b", "three", "MISS", "three")
}

func TestWhatIsNotKept(t *testing.T) {
	for name, r := range map[string]sdktest.Request{
		"another method": {Method: "POST"},
		"credentials":    {Header: http.Header{"Authorization": {"x"}}},
		"an error":       {Upstream: sdktest.Upstream{Status: 500}},
		"a cookie":       {Upstream: sdktest.Upstream{Header: http.Header{"Set-Cookie": {"a=b"}}}},
		"not to be kept": {Upstream: sdktest.Upstream{Header: http.Header{"Cache-Control": {"max-age=5, Private"}}}},
		"too large":      {Upstream: sdktest.Upstream{Chunks: []string{string(make([]byte, maxBody)), "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := host(t)
			h.Do(r)
			if resp := h.Do(sdktest.Request{Target: r.Target}); resp.Header.Get("X-Cache") != "MISS" {
				t.Errorf("it was kept: %s", resp.Header.Get("X-Cache"))
			}
		})
	}
}

// Who purges learns that the others were not told.
func TestWithoutRedis(t *testing.T) {
	h, server := host(t)
	server.Err = sdk.ErrIO
	if resp := h.Do(sdktest.Request{Method: "PURGE", Target: "/a"}); resp.Status != 502 {
		t.Errorf("PURGE answers %d", resp.Status)
	}
	want(t, h, "/a", "one", "MISS", "one")
}
