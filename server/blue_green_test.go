package server

import (
	"fmt"
	"testing"

	"phasm/server/upstream"
)

// firstPick is content that shows which peer a request would be passed on to.
type firstPick struct{ group *upstream.Group }

func (c firstPick) serve(x *exchange) {
	p, err := x.pick(c.group, &upstream.Request{Client: x.RemoteAddr.Addr()})
	if err != nil {
		x.response.SetBodyString(err.Error())
		return
	}
	x.response.SetBodyString(p.Address)
	p.Done(upstream.Unasked)
}

func (firstPick) close() {}

// The example turns traffic between groups of peers while requests are served,
// and the turn survives a reload.
func TestBlueGreen(t *testing.T) {
	const text = `
[upstreams.app]
peers = ["127.0.0.1:9001", "127.0.0.1:9002"]
balancer = "blue-green"
[zones.traffic]
size = "64KiB"
[plugins.blue-green]
source = "TESTDATA/../../wasm-examples/blue-green"
config = {groups = {blue = ["127.0.0.1:9001"], green = ["127.0.0.1:9002"]}, first = "blue", token = "a token of sufficient length"}
[plugins.blue-green.grants]
zones = ["traffic"]
[routes.app]
match = "/"
upstream = "app"
header_filter = ["blue-green"]
[routes.turn]
match = "PUT /traffic/{group}"
content = "blue-green"
`
	const blue, green = "127.0.0.1:9001", "127.0.0.1:9002"
	s := startFile(t, text)
	want := func(cookie, peer, set string) {
		t.Helper()
		for _, r := range s.generation.Load().all {
			if p, ok := r.content.(*proxy); ok {
				r.content = firstPick{p.group}
			}
		}
		r := s.do("GET", "/", "Cookie: group="+cookie)
		if got := fmt.Sprint(r.body, r.Header["Set-Cookie"]); got != peer+set {
			t.Errorf("with cookie %q: %s, want %s", cookie, got, peer+set)
		}
	}
	turn := func(group, want string) {
		t.Helper()
		if r := s.do("PUT", "/traffic/"+group, "Authorization: Bearer a token of sufficient length"); r.body != want {
			t.Errorf("turned to %s: %d %q", group, r.StatusCode, r.body)
		}
	}
	const setBlue, setGreen = "[group=blue; Path=/; HttpOnly; SameSite=Lax]", "[group=green; Path=/; HttpOnly; SameSite=Lax]"
	want("", blue, setBlue)
	want("blue", blue, "[]")
	turn("green", "live: green, draining: blue for 600 seconds\n")
	s.write(text + "\n# once more\n")
	s.reload()
	want("", green, setGreen)
	want("green", green, "[]")
	want("blue", blue, "[]")
}
