package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// linesIn counts the lines of a log below the server's directory.
func (s *testServer) linesIn(name string) int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// Wherever the access log goes from reload to reload, it has a line for each
// request.
func TestReloadAccessLog(t *testing.T) {
	logging := func(log string) string { return answering("x") + "[server.limits]\nrequests = 1000000000\n" + log }
	const a, b = "[server.access_log]\nfile = \"a.log\"\n", "[server.access_log]\nfile = \"b.log\"\n"
	s := startFile(t, logging(a))
	stop := make(chan struct{})
	var asking sync.WaitGroup
	var asked atomic.Int64
	for range 3 {
		c := s.dial()
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c.ask()
					asked.Add(1)
				}
			}
		})
	}
	for _, log := range []string{b, a, a + "format = \"combined\"\n", b + "buffer = \"2MiB\"\n", b, a} {
		before := asked.Load()
		waitFor(t, "some requests", func() bool { return asked.Load() > before+100 })
		s.write(logging(log))
		s.reload()
	}
	close(stop)
	asking.Wait()
	s.stop()
	if got := s.linesIn("a.log") + s.linesIn("b.log"); got != int(asked.Load()) {
		t.Errorf("%d lines for %d requests", got, asked.Load())
	}
	if s.linesIn("a.log") == 0 || s.linesIn("b.log") == 0 {
		t.Error("one of the files has nothing")
	}
}

// An access log that is turned off keeps its file until the last exchange has
// ended that is to be in it.
func TestReloadAccessLogOff(t *testing.T) {
	on := probeNamed("p") + "[server.access_log]\nfile = \"access.log\"\n"
	s := startFile(t, on)
	running, other := s.dial(), s.dial()
	running.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nDo: p.content:flush p.content:body\n\nhe")
	running.r.Peek(1)
	s.write(probeNamed("p"))
	s.reload()
	other.ask()
	s.write(on)
	s.reload()
	other.ask()
	s.write(probeNamed("p"))
	s.reload()
	waitFor(t, "the second log's line", func() bool { return s.linesIn("access.log") == 1 })
	running.send("llo")
	running.receive("POST")
	waitFor(t, "the first log's line", func() bool { return s.linesIn("access.log") == 2 })
	s.waitForGenerations(1)
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	if len(s.logs.used) != 1 {
		t.Errorf("%d logs are open, want the server's own", len(s.logs.used))
	}
}

// The server's own log changes its place, its level and its format; plugins
// of a generation that ends write where that generation was told to.
func TestReloadServerLog(t *testing.T) {
	at := func(log string) string { return probeNamed("p") + "[server.log]\n" + log }
	s := startFile(t, at("file = \"a.log\"\n"))
	s.write(at("file = \"b.log\"\nformat = \"json\"\n"))
	s.reload()
	s.await(`"msg":"reloaded"`)
	s.waitForGenerations(1)
	old, err := os.ReadFile(filepath.Join(s.dir, "a.log"))
	if err != nil || !strings.Contains(string(old), "msg=\"p in exit_worker\"") || strings.Contains(string(old), "reloaded") {
		t.Errorf("%v, or the old log lacks the end of its generation:\n%s", err, old)
	}
	s.write(at("file = \"b.log\"\nlevel = \"error\"\n"))
	s.reload()
	s.waitForGenerations(1)
	s.await(`"msg":"p in exit_worker"`) // the file is written behind
	before := s.linesIn("b.log")
	s.get("/", "Do: p.content:write:x")
	s.reload()
	s.waitForGenerations(1)
	if after := s.linesIn("b.log"); after != before {
		t.Errorf("%d lines became %d, at level error", before, after)
	}
}

// Reopening reaches the files of every generation that is left.
func TestReopenLogsOfAllGenerations(t *testing.T) {
	s := startFile(t, probeNamed("p")+"[server.access_log]\nfile = \"access.log\"\n")
	running := s.dial()
	running.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nDo: p.content:flush p.content:body\n\nhe")
	running.r.Peek(1)
	s.write(probeNamed("p"))
	s.reload()
	log := filepath.Join(s.dir, "access.log")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.ReopenLogs()
	running.send("llo")
	running.receive("POST")
	waitFor(t, "the line", func() bool { return s.linesIn("access.log") == 1 })
}
