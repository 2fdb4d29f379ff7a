package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

var config = sdktest.Config{"token": "a token of sufficient length", "allow": []any{"192.0.2.128/25", "2001:db8::1"}, "page": "soon"}

var admin = http.Header{"Authorization": {"Bearer a token of sufficient length"}}

// ask asks for a page from an address.
func ask(h *sdktest.Host, target, address string) *sdktest.Response {
	x := h.Begin(sdktest.Request{Target: target, RemoteAddr: address})
	x.Run(abi.Access)
	return x.Response()
}

// turn1 asks for the switch.
func turn1(h *sdktest.Host, method, target string, header http.Header) *sdktest.Response {
	return h.Do(sdktest.Request{Method: method, Target: target, Header: header, RemoteAddr: "198.51.100.1:1"})
}

func TestSwitch(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("switches", 64<<10))
	const stranger = "198.51.100.1:1"
	for range 2 {
		if resp := ask(h, "/", stranger); resp.Status != 200 {
			t.Errorf("off: %d", resp.Status)
		}
		if resp := turn1(h, "PUT", "/maintenance", admin); resp.Status != 200 || resp.Body != "on\n" {
			t.Errorf("on: %d %q", resp.Status, resp.Body)
		}
		for _, target := range []string{"/", "/maintenance/x", "/api?x=/maintenance"} {
			resp := ask(h, target, stranger)
			if resp.Status != 503 || resp.Body != "soon" || resp.Header.Get("Retry-After") != "300" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %q %v", target, resp.Status, resp.Body, resp.Header)
			}
		}
		if resp := turn1(h, "GET", "/maintenance", admin); resp.Body != "on\n" {
			t.Errorf("it says %q", resp.Body)
		}
		if resp := turn1(h, "DELETE", "/maintenance", admin); resp.Status != 200 || resp.Body != "off\n" {
			t.Errorf("off: %d %q", resp.Status, resp.Body)
		}
	}
}

func TestAllowed(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("switches", 64<<10))
	turn1(h, "PUT", "/maintenance", admin)
	for address, status := range map[string]int{
		"192.0.2.127:1": 503, "192.0.2.128:1": 200, "192.0.2.255:1": 200, "[2001:db8::1]:1": 200, "[2001:db8::2]:1": 503,
	} {
		if resp := ask(h, "/", address); resp.Status != status {
			t.Errorf("%s: %d, want %d", address, resp.Status, status)
		}
	}
}

// A switch that is on for some time says how long, and ends by itself.
func TestForSomeTime(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("switches", 64<<10))
	if resp := turn1(h, "PUT", "/maintenance?for=30m", admin); resp.Body != "on for 1800 seconds\n" {
		t.Errorf("it says %q", resp.Body)
	}
	h.Advance(10*time.Minute + 1)
	if resp := ask(h, "/", "198.51.100.1:1"); resp.Status != 503 || resp.Header.Get("Retry-After") != "1200" {
		t.Errorf("%d, %v", resp.Status, resp.Header)
	}
	h.Advance(20 * time.Minute)
	if resp := ask(h, "/", "198.51.100.1:1"); resp.Status != 200 {
		t.Errorf("afterwards: %d", resp.Status)
	}
	for _, d := range []string{"long", "1ms", "-1h"} {
		if resp := turn1(h, "PUT", "/maintenance?for="+d, admin); resp.Status != 400 {
			t.Errorf("for %s: %d", d, resp.Status)
		}
	}
}

func TestToken(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("switches", 64<<10))
	for _, credentials := range []string{"", "Bearer", "Bearer x", "a token of sufficient length", "Bearer a token of sufficient lengthy"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if resp := turn1(h, method, "/maintenance", http.Header{"Authorization": {credentials}}); resp.Status != 401 || resp.Body != "Unauthorized\n" {
				t.Errorf("%s with %q: %d", method, credentials, resp.Status)
			}
		}
	}
	if resp := turn1(h, "POST", "/maintenance", admin); resp.Status != 405 || resp.Header.Get("Allow") != "GET, PUT, DELETE" {
		t.Errorf("POST: %d", resp.Status)
	}
	if resp := ask(h, "/", "198.51.100.1:1"); resp.Status != 200 {
		t.Errorf("somebody has turned it: %d", resp.Status)
	}
}

// A zone that the plugin cannot change is an error for who turns the switch,
// and for nobody else.
func TestZoneFails(t *testing.T) {
	h := sdktest.New(t, config, sdktest.ReadZone("switches", nil))
	if resp := turn1(h, "PUT", "/maintenance", admin); resp.Status != 500 {
		t.Errorf("got %d", resp.Status)
	}
	if resp := ask(h, "/", "198.51.100.1:1"); resp.Status != 200 {
		t.Errorf("got %d", resp.Status)
	}
}

func TestConfiguration(t *testing.T) {
	for want, c := range map[string]sdktest.Config{
		"config.token has 5 bytes, at least 16": {"token": "short"},
		`config.allow: "here"`:                  {"token": config["token"], "allow": []any{"here"}},
		"config.retry_after":                    {"token": config["token"], "retry_after": "soon"},
	} {
		if _, err := sdktest.Start(c, sdktest.Zone("switches", 0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
