package main

import (
	"net/http"
	"testing"

	"phasm/sdk/sdktest"
)

func TestDefaults(t *testing.T) {
	resp := sdktest.New(t, nil).Do(sdktest.Request{})
	for _, h := range defaults {
		if got := resp.Header.Get(h.name); got != h.value {
			t.Errorf("%s is %q, want %q", h.name, got, h.value)
		}
	}
}

func TestConfigured(t *testing.T) {
	config := sdktest.Config{"X-Frame-Options": "SAMEORIGIN", "Strict-Transport-Security": "", "Permissions-Policy": "camera=()"}
	page := sdktest.Upstream{Header: http.Header{"Content-Security-Policy": {"default-src https:"}}}
	resp := sdktest.New(t, config).Do(sdktest.Request{Upstream: page})
	for name, want := range map[string]string{
		"X-Frame-Options":           "SAMEORIGIN",
		"Strict-Transport-Security": "",
		"Permissions-Policy":        "camera=()",
		"Content-Security-Policy":   "default-src https:", // the page's own
		"X-Content-Type-Options":    "nosniff",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
