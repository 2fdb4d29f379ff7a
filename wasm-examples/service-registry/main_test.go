package main

import (
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func host(t *testing.T) (*sdktest.Host, *sdktest.Redis) {
	t.Helper()
	server := sdktest.NewRedis()
	return sdktest.New(t, sdktest.Config{"redis": "registry", "ttl": "30s"}, server.Grant("registry")), server
}

func register1(h *sdktest.Host, name, address string) *sdktest.Response {
	return h.Do(sdktest.Request{Method: "PUT", Target: "/services/" + name + "/" + address, Params: map[string]string{"name": name, "address": address}})
}

func find1(h *sdktest.Host, name string) *sdktest.Response {
	return h.Do(sdktest.Request{Target: "/services/" + name, Params: map[string]string{"name": name}})
}

func TestRandomInstance(t *testing.T) {
	h, _ := host(t)
	addresses := []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}
	for _, address := range addresses {
		if resp := register1(h, "users", address); resp.Status != 200 {
			t.Fatalf("got %d %q", resp.Status, resp.Body)
		}
	}
	const asked = 3000
	found := map[string]int{}
	for range asked {
		found[find1(h, "users").Body]++
	}
	for _, address := range addresses {
		if n := found[address+"\n"]; n < asked/4 || n > asked/2 {
			t.Errorf("%s was picked %d of %d times", address, n, asked)
		}
	}
}

func TestHealth(t *testing.T) {
	h, _ := host(t)
	register1(h, "users", "old:80")
	h.Advance(20 * time.Second)
	register1(h, "users", "new:80")
	h.Advance(15 * time.Second)
	for range 20 {
		if resp := find1(h, "users"); resp.Body != "new:80\n" {
			t.Errorf("got %q", resp.Body)
		}
	}
	h.Advance(16 * time.Second)
	if resp := find1(h, "users"); resp.Status != 503 {
		t.Errorf("got %d %q", resp.Status, resp.Body)
	}
}

func TestErrors(t *testing.T) {
	h, server := host(t)
	if resp := register1(h, strings.Repeat("x", 101), "a:1"); resp.Status != 400 {
		t.Errorf("a long name: %d", resp.Status)
	}
	if resp := find1(h, "none"); resp.Status != 503 {
		t.Errorf("an unknown service: %d", resp.Status)
	}
	server.Err = sdk.ErrTimeout
	if resp := find1(h, "users"); resp.Status != 500 {
		t.Errorf("find without Redis: %d", resp.Status)
	}
	if resp := register1(h, "users", "a:1"); resp.Status != 500 {
		t.Errorf("register without Redis: %d", resp.Status)
	}
}
