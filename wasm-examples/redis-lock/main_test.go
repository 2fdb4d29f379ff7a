package main

import (
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// host is a server with the plugin and an empty Redis that knows the script.
func host(t *testing.T) (*sdktest.Host, *sdktest.Redis) {
	t.Helper()
	server := sdktest.NewRedis()
	holder := ""
	server.Handle = func(args []string) (any, bool) {
		switch {
		case args[0] == "SET" && len(args) == 6 && holder == "":
			holder = args[2]
			return "OK", true
		case args[0] == "SET" && len(args) == 6:
			return nil, true
		case args[0] == "EVAL" && args[4] == holder:
			holder = ""
			return 1, true
		case args[0] == "EVAL":
			return 0, true
		}
		return nil, false
	}
	return sdktest.New(t, sdktest.Config{"redis": "locks"}, server.Grant("locks")), server
}

var request = sdktest.Request{Method: "POST", Target: "/count/a", Params: map[string]string{"name": "a"}}

func TestCount(t *testing.T) {
	h, server := host(t)
	for _, want := range []string{"1\n", "2\n", "3\n"} {
		if resp := h.Do(request); resp.Status != 200 || resp.Body != want {
			t.Errorf("got %d %q, want %q", resp.Status, resp.Body, want)
		}
	}
	set := server.Commands[0]
	if len(set) != 6 || set[1] != "lock:a" || len(set[2]) != 32 || set[3] != "NX" || set[4] != "EX" || set[5] != "30" {
		t.Errorf("it takes the lock by %q", set)
	}
}

// A lock that somebody else holds is waited for: 5 s, and no longer.
func TestTaken(t *testing.T) {
	h, server := host(t)
	if _, err := acquire(redis, "lock:a", expire, wait); err != nil {
		t.Fatal(err)
	}
	before := h.Now()
	resp := h.Do(request)
	if took := h.Now().Sub(before); resp.Status != 503 || took != 5*time.Second {
		t.Errorf("got %d after %v", resp.Status, took)
	}
	if tries := len(server.Commands) - 1; tries < 15 || tries > 25 {
		t.Errorf("it tried %d times", tries)
	}
}

func TestLost(t *testing.T) {
	h, _ := host(t)
	l, err := acquire(redis, "lock:a", expire, wait)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.release(); err != nil {
		t.Error(err)
	}
	if err := l.release(); err != errLost {
		t.Errorf("the second time: %v", err)
	}
	h.Do(request)
}

func TestWithoutRedis(t *testing.T) {
	h, server := host(t)
	server.Err = sdk.ErrTimeout
	if resp := h.Do(request); resp.Status != 500 {
		t.Errorf("got %d", resp.Status)
	}
	if got := h.Messages(); len(got) != 1 || got[0] != "cannot count: timeout" {
		t.Errorf("it logged %q", got)
	}
}
