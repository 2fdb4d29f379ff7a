package main

import (
	"strconv"
	"testing"
	"time"

	"phasm/sdk/sdktest"
)

func TestRateLimit(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("rates", 1<<20))
	ask := func(target, address string, status int, limit, remaining string) *sdktest.Response {
		t.Helper()
		resp := h.Do(sdktest.Request{Target: target, RemoteAddr: address + ":1000", Upstream: sdktest.Upstream{Chunks: []string{"fine"}}})
		if got := resp.Header.Get("X-RateLimit-Remaining"); resp.Status != status || got != remaining || resp.Header.Get("X-RateLimit-Limit") != limit {
			t.Fatalf("%s from %s: %d, %s of %s remain, want %d, %s", target, address, resp.Status, got, resp.Header.Get("X-RateLimit-Limit"), status, remaining)
		}
		return resp
	}
	for n := range 100 {
		ask("/", "192.0.2.1", 200, "100", strconv.Itoa(99-n))
	}
	h.Advance(10*time.Second + 1)
	resp := ask("/", "192.0.2.1", 429, "100", "0")
	if resp.Body != "Rate limit exceeded\n" || resp.Header.Get("Retry-After") != "50" || resp.Header.Get("X-RateLimit-Reset") != "50" {
		t.Errorf("got %q, %v", resp.Body, resp.Header)
	}
	ask("/", "192.0.2.2", 200, "100", "99")
	for n := range 1050 { // 50 of them are a burst
		ask("/api/users", "192.0.2.1", 200, "1000", strconv.Itoa(max(0, 999-n)))
	}
	if resp := ask("/api/users", "192.0.2.1", 429, "1000", "0"); resp.Body != "API rate limit exceeded\n" {
		t.Errorf("got %q", resp.Body)
	}
	h.Advance(time.Minute)
	ask("/", "192.0.2.1", 200, "100", "99")
	ask("/api/users", "192.0.2.1", 200, "1000", "999")
}

func TestConfiguration(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"window": "1s", "limit": 1, "burst": 1, "api": sdktest.Config{"limit": 0, "burst": 0, "prefix": "/v1/"}}, sdktest.Zone("rates", 1<<20))
	for _, want := range []int{200, 200, 429} {
		if got := h.Do(sdktest.Request{Target: "/api/"}).Status; got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if got := h.Do(sdktest.Request{Target: "/v1/x"}).Status; got != 429 {
		t.Errorf("got %d, want 429", got)
	}
	for _, c := range []sdktest.Config{{"window": "x"}, {"limit": "x"}, {"api": sdktest.Config{"burst": "x"}}} {
		if _, err := sdktest.Start(c, sdktest.Zone("rates", 0)); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}
