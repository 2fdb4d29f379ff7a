package server

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"phasm/server/upstream"
)

const balancerConfig = `
[upstreams.app]
peers = ["127.0.0.1:9001", "127.0.0.1:9002", {address = "127.0.0.1:9003", down = true}]
balancer = "by-header"
[upstreams.plain]
peers = ["127.0.0.1:9009"]
[plugins.by-header]
source = "../../wasm-examples/balancer-by-header"
config = {peers = {blue = "127.0.0.1:9001", green = "127.0.0.1:9002", down = "127.0.0.1:9003"}}
[routes.app]
match = "/"
upstream = "app"
[routes.plain]
match = "/plain"
upstream = "plain"
`

// picks is content that shows which peers are picked, one after the other: each
// fails but the last that there is.
type picks struct{ group *upstream.Group }

func (c picks) serve(x *exchange) {
	r := upstream.Request{Client: x.RemoteAddr.Addr()}
	var list []string
	for {
		p, err := x.pick(c.group, &r)
		if errors.Is(err, errEnded) {
			return
		}
		if err != nil {
			list = append(list, err.Error())
			break
		}
		list = append(list, p.Address)
		r.Tried, r.Status = append(r.Tried, p), 503
		p.Done(upstream.Unasked)
	}
	if r.More > 0 {
		list = append(list, "more tries")
	}
	x.response.SetBodyString(strings.Join(list, ", "))
}

func (picks) close() {}

// showPicks has routes to upstreams answer with what they pick.
func (s *testServer) showPicks() {
	for _, r := range s.generation.Load().all {
		if p, ok := r.content.(*proxy); ok {
			r.content = picks{p.group}
		}
	}
}

func TestBalancer(t *testing.T) {
	s := start(t, balancerConfig)
	s.showPicks()
	const blue, green, none = "127.0.0.1:9001", "127.0.0.1:9002", "no live peer"
	for i := range 4 { // the order of the group's own picks changes
		for name, want := range map[string]string{
			"blue": blue + ", " + green + ", " + none + ", more tries", "green": green + ", " + blue + ", " + none + ", more tries",
		} {
			if got := s.get("/", "X-Backend: "+name); got != want {
				t.Errorf("%d: %s: %s, want %s", i, name, got, want)
			}
		}
		for _, header := range []string{"X-Other: blue", "X-Backend: down"} {
			if got := s.get("/", header); strings.Count(got, "127.0.0.1") != 2 || strings.Contains(got, "9003") {
				t.Errorf("%d: %s: %s", i, header, got)
			}
		}
	}
	if r := s.do("GET", "/", "X-Backend: red"); r.StatusCode != 404 || r.body != "404 Not Found\n" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
	if got := s.get("/plain", "X-Backend: blue"); got != "127.0.0.1:9009, "+none {
		t.Errorf("an upstream without a balancer: %s", got)
	}
	for _, p := range s.group("app").State().Peers {
		if p.Connections != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// A plugin that is none for the phase is refused, with its line.
func TestBalancerMustBalance(t *testing.T) {
	s := startFile(t, "[routes.all]\nmatch = \"/\"\nrespond = {body = \"x\"}\n")
	s.write(`[routes.all]
match = "/"
upstream = "app"
[upstreams.app]
peers = ["127.0.0.1:1"]
balancer = "hello"
[plugins.hello]
source = "TESTDATA/../../wasm-examples/hello"
`)
	const want = `config.toml:6: upstreams.app.balancer: plugin "hello" does not handle balancer: it handles`
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What upstreams hash by, requests with the same value have the same peer for,
// and only those.
func TestHashKeys(t *testing.T) {
	var text strings.Builder
	for name, hash := range map[string]string{"uri": "uri", "header": "header:x-user", "cookie": "cookie:user", "address": "address"} {
		fmt.Fprintf(&text, "[upstreams.%s]\nbalance = \"hash\"\nhash = %q\npeers = [\"127.0.0.1:1\", \"127.0.0.1:2\", \"127.0.0.1:3\", \"127.0.0.1:4\"]\n", name, hash)
		fmt.Fprintf(&text, "[routes.%s]\nmatch = \"/%s/\"\nupstream = %q\n", name, name, name)
	}
	s := start(t, text.String())
	s.showPicks()
	const values = 40
	for name, request := range map[string]func(i int) (target, header string){
		"uri":    func(i int) (string, string) { return fmt.Sprintf("/uri/%d?q", i), "X-A: b" },
		"header": func(i int) (string, string) { return "/header/", fmt.Sprint("X-User: ", i) },
		"cookie": func(i int) (string, string) { return "/cookie/", fmt.Sprint("Cookie: other=1; user=", i) },
	} {
		first := map[string]int{}
		for i := range values {
			target, header := request(i)
			got := s.get(target, header)
			if again := s.get(target, header); again != got {
				t.Errorf("%s %d: %s, and then %s", name, i, got, again)
			}
			peer, _, _ := strings.Cut(got, ",")
			first[peer]++
		}
		if len(first) != 4 {
			t.Errorf("%s: %d values lead to %v", name, values, first)
		}
	}
	first := s.get("/address/")
	for range 5 {
		if got := s.get("/address/?other"); got != first {
			t.Errorf("the client's address leads to %s, and then to %s", first, got)
		}
	}
	if got := s.get("/header/"); strings.Count(got, "127.0.0.1") != 4 {
		t.Errorf("without a key: %s", got)
	}
}

// A request waits in the queue until a peer has room, or its client leaves.
func TestQueue(t *testing.T) {
	s := start(t, `
[upstreams.app]
queue = 1
peers = [{address = "127.0.0.1:1", max_connections = 1}]
[routes.app]
match = "/"
upstream = "app"
`)
	s.showPicks()
	group := s.group("app")
	waiting := func(n int) func() bool { return func() bool { return group.State().Waiting == n } }
	busy, err := group.Pick(&upstream.Request{})
	if err != nil {
		t.Fatal(err)
	}
	gone := s.dial()
	gone.send("GET / HTTP/1.1\nHost: test\n\n")
	waitFor(t, "a request in the queue", waiting(1))
	gone.Close()
	waitFor(t, "its client's leave to be noticed", waiting(0))
	patient := s.dial()
	patient.send("GET / HTTP/1.1\nHost: test\n\n")
	waitFor(t, "another request in the queue", waiting(1))
	if got := s.get("/"); got != "no live peer has room" {
		t.Errorf("the queue is full: %s", got)
	}
	busy.Done(upstream.Served)
	if got := patient.receive("GET").body; !strings.HasPrefix(got, "127.0.0.1:1, ") {
		t.Errorf("one that has waited: %s", got)
	}
}

// onePick is content that picks one peer, and allocates nothing itself.
type onePick struct {
	group   *upstream.Group
	request *upstream.Request
}

func (c onePick) serve(x *exchange) {
	*c.request = upstream.Request{Client: x.RemoteAddr.Addr()}
	if p, err := x.pick(c.group, c.request); err == nil {
		p.Done(upstream.Served)
		x.response.SetStatusCode(204)
	}
}

func (onePick) close() {}

// A choice by a plugin allocates nothing, nor does one by a key or with a
// queue.
func TestPickingAllocatesNothing(t *testing.T) {
	for name, keys := range map[string]string{
		"plugin": "balancer = \"by-header\"\nqueue = 5", "hash": "balance = \"hash\"\nhash = \"address\"",
	} {
		s := loaded(t, strings.Replace(balancerConfig, "balancer = \"by-header\"", keys, 1))
		for _, r := range s.generation.Load().all {
			if p, ok := r.content.(*proxy); ok {
				r.content = onePick{p.group, new(upstream.Request)}
			}
		}
		const request, more = "GET / HTTP/1.1\r\nHost: a\r\nX-Backend: blue\r\n\r\n", 2000
		requestsOf(t, s, request, 1000)
		few := testing.AllocsPerRun(5, func() { requestsOf(t, s, request, 100) })
		many := testing.AllocsPerRun(5, func() { requestsOf(t, s, request, 100+more) })
		if perRequest := (many - few) / more; perRequest >= 0.01 {
			t.Errorf("%s: %.3f allocations per request", name, perRequest)
		}
		if p := s.generation.Load().upstreams["app"].State().Peers[0]; p.Requests == 0 {
			t.Errorf("%s: nothing was picked: %+v", name, p)
		}
	}
}
