package server

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"phasm/server/upstream"
)

const upstreamConfig = `
[upstreams.app]
fail_timeout = "1h"
peers = ["127.0.0.1:1", {address = "127.0.0.1:2", weight = 2}]
[upstreams.other]
balance = "ip_hash"
peers = ["unix:/run/other.sock"]
[routes.all]
match = "/"
upstream = "app"
`

func (s *testServer) group(name string) *upstream.Group {
	return s.generation.Load().upstreams[name]
}

// adminSend sends a body to the admin listener.
func (s *testServer) adminSend(method, path, body string) response {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.AdminAddress().String()+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	q.Close = true
	r, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response{r, string(text)}
}

// states are the addresses and states of a group's peers.
func states(g *upstream.Group) string {
	var list []string
	for _, p := range g.State().Peers {
		list = append(list, p.Address+" "+p.State)
	}
	return strings.Join(list, ", ")
}

// What is known of a peer, and what was changed by hand, survives a reload.
func TestUpstreamsSurviveReload(t *testing.T) {
	s := startFile(t, upstreamConfig)
	group := s.group("app")
	busy, err := group.Pick(&upstream.Request{}) // the heavier: 127.0.0.1:2
	if err != nil {
		t.Fatal(err)
	}
	failing, err := group.Pick(&upstream.Request{Tried: []*upstream.Peer{busy}})
	if err != nil {
		t.Fatal(err)
	}
	failing.Done(upstream.Failed)
	if r := s.adminSend("POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:3", "weight": 3}`); r.StatusCode != 201 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	s.write(strings.Replace(upstreamConfig, `peers = ["127.0.0.1:1"`, `peers = ["127.0.0.1:4", "127.0.0.1:1"`, 1))
	s.reload()
	if s.group("app") != group {
		t.Fatal("the group is another one")
	}
	if got, want := states(group), "127.0.0.1:4 up, 127.0.0.1:1 failed, 127.0.0.1:2 up, 127.0.0.1:3 up"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p := group.State().Peers[2]; p.Connections != 1 || p.Weight != 2 {
		t.Errorf("%+v", p)
	}
	busy.Done(upstream.Served)

	s.write("[routes.all]\nmatch = \"/\"\nrespond = {body = \"x\"}\n")
	s.reload()
	waitFor(t, "the group's end", func() bool { return !strings.Contains(s.adminGet("/metrics"), "phasm_upstream_waiting{") })
	s.upstreams.mu.Lock()
	defer s.upstreams.mu.Unlock()
	if len(s.upstreams.used) != 0 {
		t.Errorf("groups in use: %v", s.upstreams.used)
	}
}

// A configuration that is refused leaves no group behind, and changes none.
func TestUpstreamsOfABadReload(t *testing.T) {
	s := startFile(t, upstreamConfig)
	before := states(s.group("app"))
	s.write(strings.Replace(upstreamConfig, `"127.0.0.1:1"`, `"127.0.0.1:7"`, 1) + `
[upstreams.new]
peers = ["127.0.0.1:9"]
[plugins.bad]
path = "TESTDATA/test.toml"
[routes.bad]
match = "/bad"
content = "bad"
`)
	if err := s.Reload(t.Context()); err == nil {
		t.Fatal("the configuration is good")
	}
	if got := states(s.group("app")); got != before {
		t.Errorf("peers are %s", got)
	}
	s.upstreams.mu.Lock()
	defer s.upstreams.mu.Unlock()
	if s.upstreams.used["new"] != nil || s.upstreams.used["app"].uses != 1 {
		t.Errorf("groups in use: %v", s.upstreams.used)
	}
}

func TestAdminUpstreams(t *testing.T) {
	s := start(t, upstreamConfig)
	for i, c := range []struct {
		method, path, body string
		status             int
		want               string // in the answer
	}{
		{"GET", "/upstreams", "", 200, `"name": "other"`},
		{"GET", "/upstreams/app", "", 200, `"balance": "round_robin"`},
		{"GET", "/upstreams/nope", "", 404, "no such upstream"},
		{"GET", "/upstreams/app/peers", "", 405, ""},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:3", "weight": 3, "backup": true, "max_connections": 4}`, 201, `"weight": 3`},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:3"}`, 409, "already"},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1"}`, 400, "write one as in"},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:5", "wieght": 3}`, 400, "weight, max_connections"},
		{"POST", "/upstreams/app/peers", `{"weight": 3}`, 400, "is no change"},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:5"} {}`, 400, "is no change"},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:5"}}`, 400, "is no change"},
		{"POST", "/upstreams/app/peers", `{"peer": "127.0.0.1:5", "weight": 0}`, 400, "from 1 to 65535"},
		{"POST", "/upstreams/app/peers", `{"peer": "` + strings.Repeat("x", maxAdminBody) + `:1"}`, 400, "is no change"},
		{"POST", "/upstreams/nope/peers", `{"peer": "127.0.0.1:5"}`, 404, "no such upstream"},
		{"PATCH", "/upstreams/app/peers", `{"peer": "127.0.0.1:3", "draining": true}`, 200, `"state": "draining"`},
		{"PATCH", "/upstreams/app/peers", `{"peer": "127.0.0.1:3", "draining": false, "down": true}`, 200, `"state": "down"`},
		{"PATCH", "/upstreams/app/peers", `{"peer": "127.0.0.1:9", "weight": 1}`, 404, "no such peer"},
		{"DELETE", "/upstreams/app/peers?peer=127.0.0.1:3", "", 200, `"peers"`},
		{"DELETE", "/upstreams/app/peers?peer=127.0.0.1:3", "", 404, "no such peer"},
		{"DELETE", "/upstreams/other/peers?peer=unix:/run/other.sock", "", 200, `"peers": []`},
	} {
		r := s.adminSend(c.method, c.path, c.body)
		if r.StatusCode != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%d: %s %s: %d %s, want %d with %s", i, c.method, c.path, r.StatusCode, r.body, c.status, c.want)
		}
		if c.status < 405 && !json.Valid([]byte(r.body)) {
			t.Errorf("%d: not JSON: %s", i, r.body)
		}
	}
	if got := states(s.group("app")); got != "127.0.0.1:1 up, 127.0.0.1:2 up" {
		t.Errorf("in the end: %s", got)
	}
	for _, header := range []string{"Origin: https://example.com", "Host: example.com", "Sec-Fetch-Site: cross-site"} {
		if r := s.adminDo("DELETE", "/upstreams/app/peers?peer=127.0.0.1:1", header); r.StatusCode != 403 {
			t.Errorf("%s: %d", header, r.StatusCode)
		}
	}
}

func TestUpstreamMetrics(t *testing.T) {
	s := start(t, upstreamConfig)
	p, err := s.group("app").Pick(&upstream.Request{})
	if err != nil {
		t.Fatal(err)
	}
	p.Done(upstream.Failed)
	if _, err = s.group("app").Pick(&upstream.Request{}); err != nil {
		t.Fatal(err)
	}
	text := s.adminGet("/metrics")
	for _, line := range []string{
		`phasm_upstream_waiting{upstream="app"} 0`,
		`phasm_upstream_peer_requests_total{upstream="app",peer="127.0.0.1:2",address="127.0.0.1:2"} 1`,
		`phasm_upstream_peer_failures_total{upstream="app",peer="127.0.0.1:2",address="127.0.0.1:2"} 1`,
		`phasm_upstream_peer_up{upstream="app",peer="127.0.0.1:2",address="127.0.0.1:2"} 0`,
		`phasm_upstream_peer_up{upstream="app",peer="127.0.0.1:1",address="127.0.0.1:1"} 1`,
		`phasm_upstream_peer_connections{upstream="app",peer="127.0.0.1:1",address="127.0.0.1:1"} 1`,
		`phasm_upstream_peer_up{upstream="other",peer="unix:/run/other.sock",address="unix:/run/other.sock"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if s.adminSend("DELETE", "/upstreams/app/peers?peer=127.0.0.1:2", ""); strings.Contains(s.adminGet("/metrics"), `peer="127.0.0.1:2"`) {
		t.Error("a peer that is gone has metrics")
	}
}
