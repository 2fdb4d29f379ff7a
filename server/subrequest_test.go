package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

const subrequestConfig = `
[server.phases]
rewrite = ["s"]
access = ["s"]
header_filter = ["s"]
log = ["s"]
[plugins.s]
source = "TESTDATA/subrequest"
limits = {wall = "2s", instances = 64}
[routes.all]
match = "/"
content = "s"
[routes.fixed]
match = "/fixed"
respond = {status = 418, body = "teapot"}
`

// A subrequest is a request like any other, with a context of its own.
func TestSubrequests(t *testing.T) {
	s := startFile(t, subrequestConfig+`
[plugins.patient]
source = "TESTDATA/subrequest"
limits = {wall = "60s"}
[routes.long]
match = "/long"
content = "patient"
`)
	for _, test := range []struct{ target, want string }{
		{"/?get=/echo", "[200 yes GET /echo ctx=+ sub=yes agent=tests addr=127.0.0.1 body=]"},
		{"/?get=/echo%3Fa=b+/fixed+/nothing:", "[200 yes GET /echo?a=b ctx=+ sub=yes agent=tests addr=127.0.0.1 body=][418 yes teapot][200 yes ]"},
		{"/?post=text", "[200 yes POST /echo ctx=+ sub= agent=tests addr=127.0.0.1 body=text]"},
		{"/?method=HEAD", "[200 yes ]"},
		{"/?method=DELETE", "[200 yes DELETE /echo ctx=+ sub= agent=tests addr=127.0.0.1 body=]"},
		{"/?get=/flush", "[200 yes ab]"},
		{"/?get=/exec", "[200 yes GET /echo?execed ctx=++ sub=yes agent=tests addr=127.0.0.1 body=]"},
		{"/?get=/echo&forbidden=yes", "[403 yes 403 Forbidden\n]"},
		{"/?get=/large", "no memory "},
		{"/?get=/large+/fixed", "no memory [418 yes teapot]"},
		{"/?get=echo", "bad argument "},
		{"/?get=//example.com/x", "[200 yes ]"},
	} {
		if got := s.get(test.target, "User-Agent: tests"); got != test.want {
			t.Errorf("%s got %q, want %q", test.target, got, test.want)
		}
	}
	for n := range 5 { // what is left of the caller's time can be too little for it on a busy machine
		got := s.do("GET", "/?get=/long").body
		if got == "timeout " {
			break
		}
		if n == 4 {
			t.Errorf("one that takes too long got %q, want a timeout", got)
		}
	}
	if got := s.get("/nested"); got != strings.Repeat("(", 10)+"no memory"+strings.Repeat(")", 10) {
		t.Errorf("nested ones got %q", got)
	}
	s.await("log: /?get=/exec")
	for _, inner := range []string{"log: /echo", "log: /fixed"} {
		if s.count(inner) > 0 {
			t.Errorf("a subrequest is logged: %s", inner)
		}
	}
}

// Several run side by side.
func TestSubrequestsSideBySide(t *testing.T) {
	s := startFile(t, subrequestConfig)
	s.get("/sleep")
	begin := time.Now()
	want := strings.Repeat("[200 yes ]", 8)
	if got := s.get("/?get=" + strings.TrimSuffix(strings.Repeat("/sleep+", 8), "+")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if took := time.Since(begin); took > 8*200*time.Millisecond {
		t.Errorf("eight that sleep for 200 ms took %v", took)
	}
}

// One whose client has gone is told so, and nothing is left of it.
func TestSubrequestIsAbandoned(t *testing.T) {
	s := startFile(t, strings.Replace(subrequestConfig, `wall = "2s"`, `wall = "60s"`, 1))
	c := s.dial()
	io.WriteString(c, "GET /?get=/long HTTP/1.1\r\nHost: a\r\n\r\n")
	waitFor(t, "the subrequest to begin", func() bool { return s.inUse("s", 2) })
	c.Close()
	s.await("long: closed")
	waitFor(t, "the instances to come back", func() bool { return s.inUse("s", 0) })
}

// One that nobody waits for makes no more of them: else what a plugin has begun,
// each making several, would go on long after its request.
func TestAbandonedSubrequestsMakeNoMore(t *testing.T) {
	s := startFile(t, strings.Replace(subrequestConfig, `wall = "2s"`, `wall = "60s"`, 1))
	c := s.dial()
	io.WriteString(c, "GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n")
	waitFor(t, "the subrequests to begin", func() bool { return s.inUse("s", 64) })
	c.Close()
	waitFor(t, "the instances to come back", func() bool { return s.inUse("s", 0) })
}

// A request that is over but for its subrequests keeps nobody else waiting.
func TestSubrequestAtTheEnd(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	peer := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(ended)
	}))
	defer peer.Close()
	s := startFile(t, subrequestConfig+`
[routes.slow]
match = "/slow"
upstream = "slow"
[upstreams.slow]
peers = [{address = "`+peer.Listener.Addr().String()+`"}]
`)
	ask := func(c *client, target, want string) {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		c.send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")
		if r := c.receive("GET"); r.body != want {
			t.Errorf("%s got %+v", target, r)
		}
	}
	var all []*client
	for range 2 * runtime.GOMAXPROCS(0) { // there is a loop for each
		all = append(all, s.dial())
	}
	for range 50 { // until it takes so little that nobody steps aside for it
		for _, c := range all {
			ask(c, "/begin?target=/fixed", "")
		}
	}
	ask(all[0], "/begin?target=/slow", "")
	<-asked
	for _, c := range all[1:] {
		ask(c, "/fixed", "teapot")
	}
	select {
	case <-ended: // a second later
		t.Error("others have waited for it")
	default:
	}
}

// inUse tells whether so many instances of the plugin serve exchanges.
func (s *testServer) inUse(plugin string, n int) bool {
	return strings.Contains(s.adminGet("/metrics"), fmt.Sprintf("\nphasm_plugin_instances{plugin=%q,state=\"in_use\"} %d\n", plugin, n))
}
