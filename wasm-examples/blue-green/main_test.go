package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

const (
	blue1, blue2 = "127.0.0.1:9001", "127.0.0.1:9002"
	green1       = "127.0.0.1:9003"
)

var config = sdktest.Config{
	"groups": map[string]any{"blue": []any{blue1, blue2}, "green": []any{green1}}, "first": "blue", "token": "a token of sufficient length",
}

// request comes from a client with a cookie, or without one.
func request(cookie string, peers ...sdk.Peer) sdktest.Request {
	r := sdktest.Request{Header: http.Header{}, Peers: peers}
	if cookie != "" {
		r.Header.Set("Cookie", "group="+cookie)
	}
	return r
}

var all = []sdk.Peer{{Address: blue1}, {Address: blue2, Connections: 1}, {Address: green1}}

// serve is the peer that a request goes to, and the cookie that it gets.
func serve(h *sdktest.Host, r sdktest.Request) (peer, cookie string) {
	x := h.Begin(r)
	peer = x.Balance()
	x.Run(abi.HeaderFilter)
	cookie, _, _ = strings.Cut(x.Response().Header.Get("Set-Cookie"), ";")
	return peer, cookie
}

// ask asks for the switch.
func ask(h *sdktest.Host, method, group string) *sdktest.Response {
	x := h.Begin(sdktest.Request{Method: method, Header: http.Header{"Authorization": {"Bearer a token of sufficient length"}}, Params: map[string]string{"group": group}})
	x.Run(abi.Content)
	return x.Response()
}

func TestTurn(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("traffic", 64<<10))
	want := func(cookie, peer, set string) {
		t.Helper()
		if gotPeer, gotSet := serve(h, request(cookie, all...)); gotPeer != peer || gotSet != set {
			t.Errorf("with cookie %q: to %s, cookie %q, want %s, %q", cookie, gotPeer, gotSet, peer, set)
		}
	}
	want("", blue1, "group=blue")
	want("blue", blue1, "")
	want("green", blue1, "group=blue") // not live, and not draining
	if resp := ask(h, "PUT", "green"); resp.Status != 200 || resp.Body != "live: green, draining: blue for 600 seconds\n" {
		t.Errorf("%d %q", resp.Status, resp.Body)
	}
	want("", green1, "group=green")
	want("green", green1, "")
	want("red", green1, "group=green")
	want("blue", blue1, "") // it stays
	h.Advance(10*time.Minute - 1)
	want("blue", blue1, "")
	ask(h, "PUT", "green") // it is already: nothing is drained for longer
	h.Advance(time.Millisecond)
	want("blue", green1, "group=green")
	if resp := ask(h, "GET", ""); resp.Body != "live: green\n" {
		t.Errorf("%q", resp.Body)
	}
	ask(h, "PUT", "blue") // and back
	want("", blue1, "group=blue")
	want("green", green1, "")
}

// What is out is passed over, and the other group never helps out.
func TestFailures(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("traffic", 64<<10))
	for _, test := range []struct {
		name  string
		peers []sdk.Peer
		want  []string // one try after the other
	}{
		{"fewest requests", []sdk.Peer{{Address: blue1, Connections: 5}, {Address: blue2, Connections: 6, Weight: 2}}, []string{blue2, blue1, ""}},
		{"failed", []sdk.Peer{{Address: blue1, State: "failed"}, {Address: blue2, Connections: 9}, {Address: green1}}, []string{blue2, blue1, ""}},
		{"taken out", []sdk.Peer{{Address: blue1, State: "down"}, {Address: blue2, State: "draining"}, {Address: green1}}, []string{""}},
	} {
		x := h.Begin(request("", test.peers...))
		for i, want := range test.want {
			if got := x.Balance(); got != want {
				t.Errorf("%s, try %d: to %q, want %q", test.name, i, got, want)
			}
			x.Fail(0)
		}
		if status := x.Response().Status; status != 502 {
			t.Errorf("%s: in the end %d", test.name, status)
		}
	}
	ask(h, "PUT", "green")
	gone := []sdk.Peer{{Address: blue1, State: "failed"}, {Address: blue2, State: "down"}, {Address: green1}}
	if peer, cookie := serve(h, request("blue", gone...)); peer != green1 || cookie != "group=green" {
		t.Errorf("without the draining group: to %q, cookie %q", peer, cookie)
	}
}

func TestToken(t *testing.T) {
	h := sdktest.New(t, config, sdktest.Zone("traffic", 64<<10))
	x := h.Begin(sdktest.Request{Method: "PUT", Header: http.Header{"Authorization": {"Bearer another"}}, Params: map[string]string{"group": "green"}})
	x.Run(abi.Content)
	if x.Response().Status != 401 {
		t.Errorf("without the token: %d", x.Response().Status)
	}
	if resp := ask(h, "PUT", "red"); resp.Status != 404 {
		t.Errorf("an unknown group: %d", resp.Status)
	}
	if resp := ask(h, "GET", ""); resp.Body != "live: blue\n" {
		t.Errorf("somebody has turned: %q", resp.Body)
	}
}

func TestNoDrain(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"groups": config["groups"], "first": "green", "token": config["token"], "drain": "0s", "cookie": "c"}, sdktest.Zone("traffic", 64<<10))
	ask(h, "PUT", "blue")
	r := request("", all...)
	r.Header.Set("Cookie", "c=green")
	if peer, cookie := serve(h, r); peer != blue1 || cookie != "c=blue" {
		t.Errorf("to %q, cookie %q", peer, cookie)
	}
}

func TestConfiguration(t *testing.T) {
	for want, c := range map[string]sdktest.Config{
		"config.token has 0 bytes":            {"groups": config["groups"], "first": "blue"},
		"config.first is none of":             {"groups": config["groups"], "first": "red", "token": config["token"]},
		"config.first is none of config.grou": {"token": config["token"]},
		"config.drain":                        {"groups": config["groups"], "first": "blue", "token": config["token"], "drain": "soon"},
	} {
		if _, err := sdktest.Start(c, sdktest.Zone("traffic", 0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
