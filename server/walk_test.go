package server

import (
	"os"
	"strings"
	"testing"
	"time"
)

// probes has the plugin of testdata/probe three times: s runs for the server,
// a and b for routes.
const probes = `
[plugins.s]
source = "probe"
config = {name = "s"}
[plugins.a]
source = "probe"
config = {name = "a"}
[plugins.b]
source = "probe"
config = {name = "b"}
[plugins.mark]
source = "probe"
config = {name = "mark", filter = "mark"}
`

const walkConfig = probes + `
[server.phases]
rewrite = ["s"]
access = ["s"]
header_filter = ["s"]
log = ["s"]
[routes.all]
match = "/all"
rewrite = ["a", "b"]
access = ["a", "b"]
content = "a"
header_filter = ["a"]
body_filter = ["a"]
log = ["a"]
[routes.plain]
match = "/plain/{id}"
content = "b"
[routes.marked]
match = "/marked"
content = "a"
body_filter = ["mark"]
[routes.fixed]
match = "/fixed"
body_filter = ["mark"]
respond = {body = "fixed"}
[routes.files]
match = "/files/"
static = "www"
body_filter = ["mark"]
[routes.bare]
match = "/bare/"
static = "www"
`

// await waits until the server's log holds a line with every one of the words.
func (s *testServer) await(words ...string) string {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		text, err := os.ReadFile(s.generation.Load().config.Server.Log.File)
		if err != nil {
			s.t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			found := true
			for _, word := range words {
				found = found && strings.Contains(line, word)
			}
			if found {
				return line
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no line with %q in the log:\n%s", words, text)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWalk(t *testing.T) {
	s := start(t, walkConfig)
	for _, test := range []struct {
		name, target, do string
		status           int
		body             string
		log              string // the trace that the log phase sees
	}{
		{"all phases in order", "/all", "a.content:trace", 200,
			"s.rewrite a.rewrite b.rewrite s.access a.access b.access a.content ",
			"s.rewrite a.rewrite b.rewrite s.access a.access b.access a.content s.header_filter a.header_filter a.body_filter s.log a.log "},
		{"exit in rewrite", "/all", "a.rewrite:exit:403", 403, "403 Forbidden\n",
			"s.rewrite a.rewrite s.header_filter a.header_filter a.body_filter s.log a.log "},
		{"exit of the server's plugin", "/all", "s.access:exit:401", 401, "401 Unauthorized\n",
			"s.rewrite a.rewrite b.rewrite s.access s.header_filter a.header_filter a.body_filter s.log a.log "},
		{"exit with a body of its own", "/all", "a.access:write:no a.access:exit:403", 403, "no", ""},
		{"final", "/all", "b.access:final", 200, "final of b", ""},
		{"redirect", "/all", "b.rewrite:redirect:/x", 307, "", ""},
		{"status in a header filter", "/all", "a.header_filter:status:202", 202, "", ""},
		{"plugin content without other phases", "/plain/7", "b.content:param:id", 200, "id=7", "s.rewrite s.access b.content s.header_filter s.log "},
		{"server's plugins where no route matches", "/nowhere", "", 404, "404 Not Found\n", "s.rewrite s.access s.header_filter s.log "},
		{"the server's plugin answers where no route matches", "/nowhere", "s.access:final", 200, "final of s", ""},
		{"exec", "/all", "a.access:exec:/plain/9 b.content:param:id", 200, "id=9",
			"s.rewrite a.rewrite b.rewrite s.access a.access s.rewrite s.access b.content s.header_filter s.log "},
		{"exec from content drops what was written", "/all", "a.content:write:lost a.content:exec:/plain/9 b.content:write:kept", 200, "kept", ""},
		{"exec without end", "/all", "a.rewrite:exec:/all", 500, "500 Internal Server Error\n", ""},
		{"filter over a plugin's body", "/marked", "a.content:write:abc", 200, "[abc!]", ""},
		{"filter over an empty body", "/marked", "", 200, "[!]", ""},
		{"filter over a fixed answer", "/fixed", "", 200, "[fixed!]", ""},
		{"filter over flushed parts", "/marked", "a.content:write:ab a.content:flush a.content:write:cd a.content:flush a.content:write:e", 200, "[ab][cd][e!]", ""},
		{"filter over a flush and nothing after", "/marked", "a.content:write:ab a.content:flush", 200, "[ab][!]", ""},
		{"filter over a file", "/files/hello.txt", "", 200, "[hello from a file\n!]", ""},
		{"file", "/bare/hello.txt", "", 200, "hello from a file\n", ""},
		{"changed target, same parameters", "/plain/7", "s.access:seturi:/other/path?q=1 b.content:param:id", 200, "id=7", ""},
		{"variables after a change of the target", "/plain/7?a=b", "s.access:seturi:/other?q=1 b.content:var:request_uri b.content:var:uri b.content:var:args b.content:var:arg_q b.content:var:route", 200,
			"request_uri=/plain/7?a=b\nuri=/other\nargs=q=1\narg_q=1\nroute=plain\n", ""},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			r := s.do("GET", test.target, "Do: "+test.do)
			if test.name == "redirect" && r.Header.Get("Location") == "/x" {
				r.body = ""
			}
			if r.StatusCode != test.status || r.body != test.body {
				t.Errorf("got %d %q, want %d %q", r.StatusCode, r.body, test.status, test.body)
			}
			if test.log != "" {
				s.await("trace "+test.log, "plugin=")
			}
		})
	}
}

// An exchange keeps its instance from phase to phase, and the next exchange
// finds the instance as it was left.
func TestOneInstancePerExchange(t *testing.T) {
	s := start(t, walkConfig)
	c := s.dial() // where the second request comes after the first one's log
	for _, want := range []string{"3 of 3", "3 of 9"} {
		c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:calls\n\n")
		if got := c.receive("GET").body; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHeadFilterOrderAndServerPlugins(t *testing.T) {
	s := start(t, walkConfig)
	r := s.do("GET", "/all")
	if got := strings.Join(r.Header["X-Filtered"], ","); got != "s,a" {
		t.Errorf("header filters ran as %q, want s,a", got)
	}
}

func TestHEAD(t *testing.T) {
	s := start(t, walkConfig)
	for target, length := range map[string]string{"/marked": "5", "/fixed": "8", "/bare/hello.txt": "18"} {
		c := s.dial()
		c.send("HEAD " + target + " HTTP/1.1\nHost: a\nDo: a.content:write:ab\n\nGET /bare/hello.txt HTTP/1.1\nHost: a\n\n")
		if r := c.receive("HEAD"); r.Header.Get("Content-Length") != length || r.body != "" {
			t.Errorf("HEAD %s: %v, %q; want a length of %s", target, r.Header, r.body, length)
		}
		if r := c.receive("GET"); r.body != "hello from a file\n" {
			t.Errorf("after HEAD %s: %q", target, r.body)
		}
	}
	c := s.dial()
	c.send("HEAD /files/hello.txt HTTP/1.1\nHost: a\n\nGET /bare/hello.txt HTTP/1.1\nHost: a\n\n")
	c.receive("HEAD")
	if r := c.receive("GET"); r.body != "hello from a file\n" {
		t.Errorf("after HEAD of a filtered file: %q", r.body)
	}
}
