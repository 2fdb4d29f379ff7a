package main

import (
	"net/http"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

var config = sdktest.Config{"peers": map[string]any{"blue": "127.0.0.1:9001", "green": "127.0.0.1:9002", "gone": "127.0.0.1:9003"}}

func request(name string) sdktest.Request {
	return sdktest.Request{
		Header:   http.Header{"X-Backend": {name}},
		Peers:    []sdk.Peer{{Address: "127.0.0.1:9001"}, {Address: "127.0.0.1:9002", State: "failed"}, {Address: "127.0.0.1:9004", State: "down"}},
		Upstream: sdktest.Upstream{Chunks: []string{"of the peer"}},
	}
}

func TestChoose(t *testing.T) {
	h := sdktest.New(t, config)
	for name, want := range map[string]string{"": "", "blue": "127.0.0.1:9001", "green": "127.0.0.1:9002"} {
		if got := h.Begin(request(name)).Balance(); got != want {
			t.Errorf("%q goes to %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]int{"": 200, "blue": 200, "red": 404, "gone": 502, "blue.": 404, "peers.blue": 404, "BLUE": 404} {
		if got := h.Do(request(name)).Status; got != want {
			t.Errorf("%q is answered with %d, want %d", name, got, want)
		}
	}
}

// Where the peer named does not answer another one does.
func TestFailover(t *testing.T) {
	x := sdktest.New(t, config).Begin(request("blue"))
	if got := x.Balance(); got != "127.0.0.1:9001" || x.MoreTries() != 1 {
		t.Errorf("%q with %d tries more", got, x.MoreTries())
	}
	x.Fail(0)
	if got := x.Balance(); got != "" {
		t.Errorf("again to %q", got)
	}
}

func TestPeersThatAreOut(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"header": "X-Peer", "peers": map[string]any{"out": "127.0.0.1:9004"}})
	r := request("")
	r.Header.Set("X-Peer", "out")
	if got := h.Begin(r).Balance(); got != "" {
		t.Errorf("it goes to %q", got)
	}
}

func TestConfiguration(t *testing.T) {
	if _, err := sdktest.Start(nil); err == nil || !strings.Contains(err.Error(), "config.peers") {
		t.Errorf("without peers: %v", err)
	}
}
