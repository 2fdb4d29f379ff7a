package main

import (
	"testing"

	"phasm/sdk/sdktest"
)

func TestHello(t *testing.T) {
	for _, test := range []struct {
		name   string
		config sdktest.Config
		want   string
	}{
		{"no configuration", nil, "Hello from phasm!\n"},
		{"greeting", sdktest.Config{"greeting": "Good morning"}, "Good morning\n"},
		{"empty greeting", sdktest.Config{"greeting": ""}, "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := sdktest.New(t, test.config).Do(sdktest.Request{Target: "/hello"})
			if resp.Status != 200 || resp.Body != test.want {
				t.Errorf("got %d %q, want 200 %q", resp.Status, resp.Body, test.want)
			}
			if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
				t.Errorf("Content-Type is %q", got)
			}
		})
	}
}
