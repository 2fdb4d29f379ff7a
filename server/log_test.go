package server

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The client has its whole response before log runs: while the log phase
// sleeps, the response can be read.
func TestLogRunsAfterTheResponse(t *testing.T) {
	s := start(t, walkConfig)
	const nap = "a.log:sleep:2000"
	for name, test := range map[string]struct{ request, body string }{
		"buffered": {"Do: a.content:write:whole " + nap, "whole"},
		"flushed":  {"Do: a.content:write:wh a.content:flush a.content:write:ole " + nap, "whole"},
		"large":    {"Do: a.content:writes:300000 " + nap, strings.Repeat("x", 300000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial()
			begin := time.Now()
			c.send("GET /all HTTP/1.1\nHost: a\n" + test.request + "\n\n")
			if r := c.receive("GET"); r.body != test.body {
				t.Errorf("got %.40q", r.body)
			}
			if took := time.Since(begin); took > 1900*time.Millisecond {
				t.Errorf("the response came after %v, behind the log phase", took)
			}
		})
	}
	t.Run("pipelined", func(t *testing.T) {
		t.Parallel()
		c := s.dial()
		begin := time.Now()
		request := "GET /all HTTP/1.1\nHost: a\nDo: a.content:write:whole " + nap + "\n\n"
		c.send(request + request)
		for i := range 2 {
			if r := c.receive("GET"); r.body != "whole" {
				t.Errorf("got %q", r.body)
			}
			if took := time.Since(begin); took > time.Duration(i)*2*time.Second+1900*time.Millisecond {
				t.Errorf("response %d came after %v, behind its log phase", i, took)
			}
		}
	})
}

func TestEarlyErrorsReachLog(t *testing.T) {
	access := filepath.Join(t.TempDir(), "access.log")
	s := start(t, walkConfig+"[server.access_log]\nfile = \""+access+"\"\n")
	c := s.dial()
	c.send("GET /\x01 HTTP/1.1\nHost: a\n\n")
	if r := c.receive("GET"); r.StatusCode != 400 {
		t.Fatalf("got %d", r.StatusCode)
	}
	s.await("trace s.log ")
	line := lineOf(t, access, `"status":400`)
	if !strings.Contains(line, `"request":"GET /\u0001 HTTP/1.1"`) {
		t.Errorf("the access log has %s", line)
	}
	if metrics := s.adminGet("/metrics"); !strings.Contains(metrics, `phasm_requests_total{route="",method="other",code="400"} 1`) {
		t.Errorf("no 400 among\n%s", metrics)
	}
}

// lineOf waits for a line of a log file that has a word in it.
func lineOf(t *testing.T, file, word string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if strings.Contains(lines.Text(), word) {
				f.Close()
				return lines.Text()
			}
		}
		f.Close()
	}
	t.Fatalf("no line with %s in %s", word, file)
	return ""
}
