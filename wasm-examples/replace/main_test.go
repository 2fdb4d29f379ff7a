package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"phasm/sdk/sdktest"
)

func TestReplace(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"from": "http://", "to": "https://"})
	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{
		Header: http.Header{"Content-Type": {"text/html"}, "Etag": {`"1"`}, "Last-Modified": {"Thu, 01 Jan 2026 00:00:00 GMT"}, "Accept-Ranges": {"bytes"}},
		Chunks: []string{"see htt", "p:", "//a and http://b", ""},
	}})
	if resp.Body != "see https://a and https://b" {
		t.Errorf("the body is %q", resp.Body)
	}
	if !slices.Equal(resp.Chunks, []string{"see ", "https://a and https://b"}) {
		t.Errorf("the chunks are %q", resp.Chunks)
	}
	for _, name := range []string{"ETag", "Last-Modified", "Accept-Ranges"} {
		if got := resp.Header.Get(name); got != "" {
			t.Errorf("%s is still %q", name, got)
		}
	}
}

// TestNextExchange has a response cut off in the middle: nothing of it may
// turn up in the next.
func TestNextExchange(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"from": "secret"})
	x := h.Begin(sdktest.Request{})
	if got := x.BodyFilter("a sec", false); got != "a " {
		t.Errorf("the chunk becomes %q", got)
	}
	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Chunks: []string{"ret"}}})
	if resp.Body != "ret" {
		t.Errorf("the next body is %q", resp.Body)
	}
}

func TestCompressed(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"from": "a"})
	upstream := sdktest.Upstream{Header: http.Header{"Content-Encoding": {"gzip"}, "Etag": {`"1"`}}, Chunks: []string{"abc"}}
	resp := h.Do(sdktest.Request{Upstream: upstream})
	if resp.Body != "abc" || resp.Header.Get("ETag") != `"1"` {
		t.Errorf("got %q, %v", resp.Body, resp.Header)
	}
	if resp = h.Do(sdktest.Request{Upstream: sdktest.Upstream{Chunks: []string{"abc"}}}); resp.Body != "bc" {
		t.Errorf("the next one is %q", resp.Body)
	}
}

func TestNothingToReplace(t *testing.T) {
	_, err := sdktest.Start(nil)
	if err == nil || !strings.Contains(err.Error(), "there is nothing to replace: set config.from") {
		t.Errorf("the error is %v", err)
	}
}
