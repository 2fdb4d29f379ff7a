package main

import (
	"net/http"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// host is a server with the plugin and an empty Redis.
func host(t *testing.T) (*sdktest.Host, *sdktest.Redis) {
	t.Helper()
	server := sdktest.NewRedis()
	return sdktest.New(t, sdktest.Config{"redis": "cache", "ttl": "300s"}, server.Grant("cache")), server
}

func page(text string) sdktest.Upstream {
	return sdktest.Upstream{Header: http.Header{"Content-Type": {"text/html"}}, Chunks: []string{text[:1], text[1:]}}
}

func TestHitAndMiss(t *testing.T) {
	h, _ := host(t)
	get := func(target, upstream, cache, body string) {
		t.Helper()
		resp := h.Do(sdktest.Request{Target: target, Upstream: page(upstream)})
		if resp.Header.Get("X-Cache") != cache || resp.Body != body || resp.Header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: %s %q as %q, want %s %q", target, resp.Header.Get("X-Cache"), resp.Body, resp.Header.Get("Content-Type"), cache, body)
		}
	}
	get("/a", "one", "MISS", "one")
	get("/a", "two", "HIT", "one")
	get("/a?b=c", "two", "MISS", "two")
	h.Advance(299 * time.Second)
	get("/a", "three", "HIT", "one")
	h.Advance(time.Second)
	get("/a", "three", "MISS", "three")
}

func TestWhatIsNotKept(t *testing.T) {
	h, server := host(t)
	for name, r := range map[string]sdktest.Request{
		"another method": {Method: "POST"},
		"credentials":    {Header: http.Header{"Authorization": {"x"}}},
		"an error":       {Upstream: sdktest.Upstream{Status: 500}},
		"a cookie":       {Upstream: sdktest.Upstream{Header: http.Header{"Set-Cookie": {"a=b"}}}},
		"not to be kept": {Upstream: sdktest.Upstream{Header: http.Header{"Cache-Control": {"max-age=5, Private"}}}},
		"too large":      {Upstream: sdktest.Upstream{Chunks: []string{string(make([]byte, maxBody)), "x"}}},
	} {
		h.Do(r)
		for _, command := range server.Commands {
			if command[0] != "HMGET" {
				t.Errorf("%s: it runs %q", name, command)
			}
		}
	}
}

func TestWithoutRedis(t *testing.T) {
	h, server := host(t)
	server.Err = sdk.ErrIO
	resp := h.Do(sdktest.Request{Upstream: page("one")})
	if resp.Status != 200 || resp.Body != "one" || resp.Header.Get("X-Cache") != "MISS" {
		t.Errorf("got %d %q, X-Cache %q", resp.Status, resp.Body, resp.Header.Get("X-Cache"))
	}
	if got := h.Messages(); len(got) != 2 || got[0] != "cannot read the cache: I/O error" || got[1] != "cannot fill the cache: I/O error" {
		t.Errorf("it logged %q", got)
	}
}
