package main

import (
	"net/http"
	"strings"
	"testing"

	"phasm/sdk/sdktest"
)

func TestAPI(t *testing.T) {
	known := http.Header{"Authorization": {"Bearer x"}}
	for _, test := range []struct {
		name   string
		send   sdktest.Request
		status int
		body   string
	}{
		{"no credentials", sdktest.Request{Target: "/api/users"}, 401, "Unauthorized\n"},
		{"unknown path", sdktest.Request{Target: "/api/nothing", Header: known}, 404, "API endpoint not found\n"},
		{"list", sdktest.Request{Target: "/api/users", Header: known}, 200, users + "\n"},
		{"wrong method", sdktest.Request{Method: "PATCH", Target: "/api/users", Header: known}, 405, "Method not allowed\n"},
		{"no body", sdktest.Request{Method: "POST", Target: "/api/users", Header: known}, 400, "Request body required\n"},
		{"not JSON", sdktest.Request{Method: "POST", Target: "/api/users", Header: known, Body: "{"}, 400, "Invalid JSON format\n"},
		{"large", sdktest.Request{Method: "POST", Target: "/api/users", Header: known, Body: strings.Repeat("x", maxBody+1)}, 413, "Request body too large\n"},
		{"created", sdktest.Request{Method: "POST", Target: "/api/users", Header: known, Body: `{"name": "Ann"}`}, 201,
			`{"success":true,"message":"User created successfully","user":{"name":"Ann"}}` + "\n"},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			resp := sdktest.New(t, nil).Do(test.send)
			if resp.Status != test.status || resp.Body != test.body {
				t.Errorf("got %d %q, want %d %q", resp.Status, resp.Body, test.status, test.body)
			}
			if allow := resp.Header.Get("Allow"); test.status == 405 && allow != "GET, HEAD, POST" {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}
