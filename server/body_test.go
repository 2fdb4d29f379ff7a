package server

import (
	"fmt"
	"strings"
	"testing"
)

func TestRequestBody(t *testing.T) {
	s := start(t, walkConfig+"[server.limits]\nbody = \"100KiB\"\n")
	long := strings.Repeat("0123456789", 5000) // 50,000 bytes
	read := func(name, body string) string {
		return fmt.Sprintf("%s read %d: %.40s", name, len(body), body)
	}
	sized := func(body string) string { return fmt.Sprintf("Content-Length: %d\n\n%s", len(body), body) }
	chunks := func(parts ...string) string {
		text := "Transfer-Encoding: chunked\n\n"
		for _, p := range parts {
			text += fmt.Sprintf("%x\n%s\n", len(p), p)
		}
		return text + "0\n\n"
	}
	for name, test := range map[string]struct {
		do, rest string
		status   int
		body     string
	}{
		"none":                  {"a.content:body", "\n", 200, read("a", "")},
		"sized":                 {"a.content:body", sized("hello"), 200, read("a", "hello")},
		"long":                  {"a.content:body", sized(long), 200, read("a", long)},
		"chunked":               {"a.content:body", chunks("he", "llo"), 200, read("a", "hello")},
		"long chunks":           {"a.content:body", chunks(long, "x"), 200, read("a", long+"x")},
		"read twice":            {"b.access:body a.content:body", sized("hello"), 200, read("b", "hello") + read("a", "hello")},
		"long read twice":       {"b.access:body a.content:body", chunks(long, long), 200, read("b", long+long) + read("a", long+long)},
		"read in three phases":  {"a.rewrite:body b.access:body a.content:body", sized("hello"), 200, read("a", "hello") + read("b", "hello") + read("a", "")},
		"replaced":              {"a.access:setbody:new a.content:body", sized("hello"), 200, read("a", "new")},
		"replaced where none":   {"a.access:setbody:new a.content:body", "\n", 200, read("a", "new")},
		"replaced after a read": {"b.access:body b.access:setbody:new a.content:body", sized("hello"), 200, read("b", "hello") + read("a", "new")},
		"not read":              {"a.content:write:x", sized(long), 200, "x"},
		"chunks not read":       {"a.content:write:x", chunks(long), 200, "x"},
		"too many chunks":       {"a.content:body", chunks(long, long, long), 413, "413 Request Entity Too Large\n"},
		"too many, read early":  {"b.access:body a.content:write:x", chunks(long, long, long), 413, "413 Request Entity Too Large\n"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			c := s.dial()
			c.send("POST /all HTTP/1.1\nHost: a\nDo: " + test.do + "\n" + test.rest)
			r := c.receive("POST")
			if r.StatusCode != test.status || r.body != test.body {
				t.Errorf("got %d %q, want %d %q", r.StatusCode, r.body, test.status, test.body)
			}
			if test.status != 200 {
				return
			}
			// What is left of the body is not taken for the next request.
			c.send("GET /all HTTP/1.1\nHost: a\nDo: a.content:write:next\n\n")
			if r := c.receive("GET"); r.body != "next" {
				t.Errorf("the next request got %d %q", r.StatusCode, r.body)
			}
		})
	}
}

// Where a request ends is settled before a plugin sees it: nothing that a
// plugin does to the head moves the beginning of the next request.
func TestPluginsCannotMoveTheNextRequest(t *testing.T) {
	s := start(t, walkConfig)
	for _, do := range []string{
		"a.rewrite:reqheader:Content-Length=2 a.content:body",
		"a.rewrite:reqheader:Content-Length=2 a.content:write:unread",
		"a.rewrite:reqheader:Transfer-Encoding=chunked a.content:body",
		"a.rewrite:reqheader:Connection=keep-alive a.content:body",
		"a.rewrite:method:GET a.content:body",
		"a.rewrite:method:HEAD a.content:body",
	} {
		c := s.dial()
		c.send("POST /all HTTP/1.1\nHost: a\nDo: " + do + "\nContent-Length: 5\n\nhelloGET /all HTTP/1.1\nHost: a\nDo: a.content:write:next\n\n")
		c.receive("POST")
		if r := c.receive("GET"); r.body != "next" {
			t.Errorf("after %q the next request got %d %q", do, r.StatusCode, r.body)
		}
	}
}

func TestBrokenBodies(t *testing.T) {
	s := start(t, walkConfig)
	for name, rest := range map[string]string{
		"bad chunk size": "Transfer-Encoding: chunked\n\nzz\nabc\n0\n\n",
		"cut off":        "Content-Length: 10\n\nabc",
		"chunk cut off":  "Transfer-Encoding: chunked\n\n5\nab",
	} {
		c := s.dial()
		c.send("POST /all HTTP/1.1\nHost: a\nDo: a.content:body\n" + rest)
		c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		if r := c.receive("POST"); !strings.Contains(r.body, " and I/O error") {
			t.Errorf("%s: the plugin saw no error: %q", name, r.body)
		}
		if !c.closed() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
}

// The access phase runs before the client is told to send its body.
func TestExpectContinue(t *testing.T) {
	s := start(t, walkConfig)
	const head = "POST /all HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5\n"
	refused := s.dial()
	refused.send(head + "Do: a.access:exit:403\n\n")
	if r := refused.receive("POST"); r.StatusCode != 403 || !r.Close {
		t.Errorf("got %d, close %v", r.StatusCode, r.Close)
	}
	wanted := s.dial()
	wanted.send(head + "Do: a.content:body\n\n")
	if line, _ := wanted.r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	wanted.r.ReadString('\n')
	wanted.send("hello")
	if r := wanted.receive("POST"); r.body != "a read 5: hello" {
		t.Errorf("got %q", r.body)
	}
}
