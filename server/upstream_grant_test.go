package server

import "testing"

func TestUpstreamGrant(t *testing.T) {
	text := upstreamConfig + `
[plugins.discovery]
source = "TESTDATA/discovery"
[plugins.discovery.grants]
upstreams = ["app"]
[routes.discovery]
match = "/discovery"
content = "discovery"
`
	s := startFile(t, text)
	const first = "{127.0.0.1:1 127.0.0.1:1 1 0 up false} {127.0.0.1:2 127.0.0.1:2 2 0 up false}"
	const third = "{127.0.0.1:3 127.0.0.1:3 2 0 up false}"
	for _, c := range []struct{ query, want string }{
		{"upstream=app", "[" + first + "] <nil>\n"},
		{"upstream=app&add=127.0.0.1:3", "<nil>\n[" + first + " " + third + "] <nil>\n"},
		{"upstream=app&add=127.0.0.1:3", "exists\n[" + first + " " + third + "] <nil>\n"},
		{"upstream=app&remove=127.0.0.1:1", "<nil>\n[" + first[len("{127.0.0.1:1 127.0.0.1:1 1 0 up false} "):] + " " + third + "] <nil>\n"},
		{"upstream=app&remove=127.0.0.1:1&add=x:1", "bad argument\nnot found\n[" + first[len("{127.0.0.1:1 127.0.0.1:1 1 0 up false} "):] + " " + third + "] <nil>\n"},
		{"upstream=other&add=127.0.0.1:3", "not granted\n[] not granted\n"},
	} {
		if got := s.get("/discovery?" + c.query); got != c.want {
			t.Errorf("%s: got %s, want %s", c.query, got, c.want)
		}
	}
	s.write(text + "\n# once more\n")
	s.reload()
	if got := states(s.group("app")); got != "127.0.0.1:2 up, 127.0.0.1:3 up" {
		t.Errorf("after a reload: %s", got)
	}
}

// An upstream may begin without peers where a plugin may add some.
func TestUpstreamWithoutPeers(t *testing.T) {
	s := startFile(t, `
[upstreams.app]
peers = []
[plugins.discovery]
source = "TESTDATA/discovery"
[plugins.discovery.grants]
upstreams = ["app"]
[routes.discovery]
match = "/discovery"
content = "discovery"
[routes.app]
match = "/"
upstream = "app"
`)
	if r := s.do("GET", "/"); r.StatusCode != 502 {
		t.Errorf("without peers: %d", r.StatusCode)
	}
	s.get("/discovery?upstream=app&add=" + namedPeer(t, "one"))
	if got := s.get("/"); got != "one: GET / " {
		t.Errorf("with a peer: %q", got)
	}
}
