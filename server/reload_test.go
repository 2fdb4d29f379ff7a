package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"
)

// answering is a configuration whose route / answers with a text.
func answering(body string) string {
	return fmt.Sprintf("[routes.r]\nmatch = \"/\"\nrespond = {body = %q}\n", body)
}

// probeNamed is a configuration whose route / is served by a plugin of that
// name: its logs tell which generation it belongs to.
func probeNamed(name string) string {
	return fmt.Sprintf("[plugins.p]\nsource = \"TESTDATA/probe\"\nconfig = {name = %q}\n[routes.r]\nmatch = \"/\"\ncontent = \"p\"\n", name)
}

// ask sends a request over an open connection and answers the body.
func (c *client) ask(headers ...string) string {
	c.t.Helper()
	c.send("GET / HTTP/1.1\nHost: a\n" + strings.Join(append(headers, "", ""), "\n"))
	return c.receive("GET").body
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// count counts the lines of the server's log that have all of the words.
func (s *testServer) count(words ...string) (n int) {
	s.t.Helper()
	text, err := os.ReadFile(s.generation.Load().config.Server.Log.File)
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

func (s *testServer) waitForGenerations(n int64) {
	s.t.Helper()
	waitFor(s.t, fmt.Sprintf("%d generations", n), func() bool { return s.metrics.generations.Load() == n })
}

// A reload holds for the next exchange of a connection that is open.
func TestReload(t *testing.T) {
	s := startFile(t, answering("one"))
	c := s.dial()
	if got := c.ask(); got != "one" {
		t.Fatalf("got %q", got)
	}
	s.write(answering("two"))
	if got := c.ask(); got != "one" {
		t.Errorf("before the reload: %q", got)
	}
	if r := s.adminDo("POST", "/reload"); r.StatusCode != 200 || r.body != "reloaded\n" {
		t.Errorf("the reload is answered %d %q", r.StatusCode, r.body)
	}
	if got := c.ask(); got != "two" {
		t.Errorf("after the reload: %q", got)
	}
	s.await("msg=reloaded")
	s.write(probeNamed("three"))
	s.reload()
	if got := c.ask("Do: three.content:write:three"); got != "three" {
		t.Errorf("with a plugin: %q", got)
	}
	s.waitForGenerations(1)
}

// Whatever is wrong with a configuration, the one in use stays, and whoever
// asked for the reload is told everything, with its place.
func TestReloadRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const good = "[plugins.p]\nsource = \"TESTDATA/probe\"\nconfig = {name = \"good\"}\n[routes.r]\nmatch = \"/\"\ncontent = \"p\"\n"
	s := startFile(t, good)
	c := s.dial()
	works := func() bool { return c.ask("Do: good.content:write:well") == "well" }
	if !works() {
		t.Fatal("it does not even begin")
	}
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	for i, test := range []struct {
		name, text string
		want       []string
	}{
		{"no TOML", "[routes.r\n", []string{":1: invalid TOML: "}},
		{"several mistakes", "[routes.r]\nmatch = \"/\"\ncontent = \"p\"\nfoo = 1\n[routes.s]\nmatch = \"/s\"\nrespond = {status = 1}\n",
			[]string{":3: routes.r.content: no plugin named \"p\"", ":4: routes.r.foo: unknown key", ":7: routes.s.respond.status: "}},
		{"no module", answering("bad") + "[plugins.x]\npath = \"TESTDATA/www/hello.txt\"\n",
			[]string{":5: plugins.x.path: this is not a WebAssembly module"}},
		{"two plugins that fail", strings.ReplaceAll(good, "}", ", fail = \"init\"}") + "[plugins.x]\npath = \"TESTDATA/www/hello.txt\"\n",
			[]string{":2: plugins.p.source: ", "told to fail", ":8: plugins.x.path: this is not a WebAssembly module"}},
		{"a worker that fails", strings.ReplaceAll(good, "}", ", fail = \"init_worker\"}"),
			[]string{":2: plugins.p.source: plugin \"p\" failed in init_worker: panic: told to fail"}},
		{"a second worker that fails", good + "[plugins.x]\nsource = \"TESTDATA/probe\"\nconfig = {name = \"x\", fail = \"init_worker\"}\n",
			[]string{":8: plugins.x.source: plugin \"x\" failed in init_worker: panic: told to fail"}},
		{"a phase that is not handled", good + "[plugins.x]\nsource = \"TESTDATA/metrics\"\n[routes.x]\nmatch = \"/x\"\nrewrite = [\"x\"]\nrespond = {body = \"x\"}\n",
			[]string{":11: routes.x.rewrite[0]: plugin \"x\" does not handle rewrite"}},
		{"ports in use", good + fmt.Sprintf("[listeners.main]\naddress = \"127.0.0.1:0\"\n[listeners.x]\naddress = %q\n[admin]\naddress = \"127.0.0.2:%d\"\n", taken.Addr(), taken.Addr().(*net.TCPAddr).Port) +
			"[listeners.y]\naddress = \"192.0.2.1:80\"\n",
			[]string{":10: listeners.x.address: cannot listen on " + taken.Addr().String() + ": bind: address already in use", ":14: listeners.y.address: cannot listen on 192.0.2.1:80: "}},
		{"no such directory for a log", good + "[server.access_log]\nfile = \"nowhere/access.log\"\n", []string{":8: server.access_log.file: cannot open the log: "}},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			s.write(test.text)
			r := s.adminDo("POST", "/reload")
			if r.StatusCode != 422 {
				t.Errorf("status %d", r.StatusCode)
			}
			for _, want := range test.want {
				if want[0] == ':' {
					want = filepath.Join(s.dir, "config.toml") + want
				}
				if !strings.Contains(r.body, want) {
					t.Errorf("the body lacks %q:\n%s", want, r.body)
				}
			}
			for line := range strings.Lines(r.body) {
				s.await("cannot reload", strings.Trim(strconv.Quote(strings.TrimSpace(line)), `"`))
			}
			if !works() {
				t.Error("the one in use does not work any more")
			}
			s.wantSample("phasm_reloads_total", `{result="failure"}`, float64(i+1))
			s.wantSample("phasm_config_last_reload_successful", "", 0)
		})
	}
	if err := os.Remove(filepath.Join(s.dir, "config.toml")); err != nil {
		t.Fatal(err)
	}
	if r := s.adminDo("POST", "/reload"); r.StatusCode != 422 || !strings.Contains(r.body, "cannot read configuration") {
		t.Errorf("without a file: %d %q", r.StatusCode, r.body)
	}
	// Those whose init_worker has run get their exit_worker, the others not.
	s.await("good in exit_worker")
	if n := s.count("msg=\"good in exit_worker\""); n != 1 {
		t.Errorf("exit_worker ran %d times, want 1: of the one that came so far", n)
	}
	if n := s.count("msg=\"x in exit_worker\""); n != 0 {
		t.Error("exit_worker ran where init_worker failed")
	}
	s.waitForGenerations(1)
	closeIdleConnections()
	goroutines += runtime.GOMAXPROCS(0) // each loop may have got a follower
	if !eventually(func() bool { return descriptors(t) <= files && runtime.NumGoroutine() <= goroutines }) {
		t.Errorf("%d files and %d goroutines became %d and %d", files, goroutines, descriptors(t), runtime.NumGoroutine())
	}
	s.write(good)
	s.reload()
	s.wantSample("phasm_reloads_total", `{result="success"}`, 1)
	s.wantSample("phasm_config_last_reload_successful", "", 1)
	if at := s.samples("phasm_config_last_reload_success_timestamp_seconds")[""]; time.Since(time.UnixMilli(int64(at*1000))) > time.Minute {
		t.Errorf("the last success was at %v", at)
	}
}

// An exchange keeps the generation it began with, to its end; then that is
// closed, its exit_worker run, and nothing of it stays in memory.
func TestReloadKeepsRunningExchanges(t *testing.T) {
	s := startFile(t, probeNamed("old"))
	running, idle, asleep := s.dial(), s.dial(), s.dial()
	idle.ask()
	asleep.ask() // and nothing else: it does not keep what it was served by
	running.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nDo: old.content:flush old.content:body\n\nhe")
	running.r.Peek(1) // it waits for the body
	old := weak.Make(s.generation.Load())
	s.write(probeNamed("new"))
	s.reload()
	s.reload() // a second one beside it
	s.waitForGenerations(2)
	if got := idle.ask("Do: new.content:write:new"); got != "new" {
		t.Errorf("beside it: %q", got)
	}
	if s.count("old in exit_worker") != 0 {
		t.Error("exit_worker ran before the last exchange has ended")
	}
	running.send("llo")
	if got := running.receive("POST").body; got != "old read 5: hello" {
		t.Errorf("the running exchange: %q", got)
	}
	if got := running.ask("Do: new.content:write:new"); got != "new" {
		t.Errorf("after it: %q", got)
	}
	s.waitForGenerations(1)
	s.await("new in exit_worker") // of the generation in between
	s.await("old in exit_worker")
	if n := s.count("old in exit_worker"); n != 1 {
		t.Errorf("exit_worker ran %d times", n)
	}
	if !eventually(func() bool { runtime.GC(); return old.Value() == nil }) {
		t.Error("the old generation is still in memory")
	}
	if got := asleep.ask("Do: new.content:write:new"); got != "new" {
		t.Errorf("after a long sleep: %q", got)
	}
}

// A connection that has only ever been idle, or ends in the middle of an
// exchange, keeps no generation either.
func TestReloadAndConnectionsThatEnd(t *testing.T) {
	s := startFile(t, probeNamed("old"))
	silent, broken := s.dial(), s.dial()
	_ = silent
	broken.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nDo: old.content:flush old.content:body\n\nhe")
	broken.r.Peek(1)
	s.write(probeNamed("new"))
	s.reload()
	s.waitForGenerations(2)
	broken.Close()
	s.waitForGenerations(1)
}

// Reloads take turns, and those who wait for one share it.
func TestReloadsTakeTurns(t *testing.T) {
	s := startFile(t, answering("one"))
	s.write(answering("two"))
	s.reloads.turn.Lock() // as a reload that runs
	var waiting sync.WaitGroup
	var failed atomic.Int32
	for range 8 {
		waiting.Go(func() {
			if s.Reload(t.Context()) != nil {
				failed.Add(1)
			}
		})
	}
	joined := func() bool {
		s.reloads.mu.Lock()
		defer s.reloads.mu.Unlock()
		return s.reloads.next != nil
	}
	waitFor(t, "a reload to wait", joined)
	s.reloads.turn.Unlock()
	waiting.Wait()
	if n := s.metrics.reloads.succeeded.Get(); failed.Load() != 0 || n == 0 || n > 8 {
		t.Errorf("%d of 8 failed, and %d reloads ran", failed.Load(), n)
	}
	if got := s.get("/"); got != "two" {
		t.Errorf("got %q", got)
	}

	// Those who have joined before it begins, and only those, share one.
	s.reloads.turn.Lock()
	before := s.metrics.reloads.succeeded.Get()
	first, mine := s.reloads.join()
	if !mine {
		t.Fatal("a reload is left over")
	}
	for range 3 {
		if joined, mine := s.reloads.join(); joined != first || mine {
			t.Error("a reload that has not begun is not shared")
		}
	}
	s.reloads.begin()
	if next, mine := s.reloads.join(); next == first || !mine {
		t.Error("a reload that has begun is shared")
	}
	s.reloads.begin()
	s.reloads.turn.Unlock()
	s.reload()
	if n := s.metrics.reloads.succeeded.Get() - before; n != 1 {
		t.Errorf("%d reloads ran", n)
	}
}

// While the server stops nothing is reloaded any more.
func TestReloadWhileStopping(t *testing.T) {
	s := startFile(t, answering("one"))
	busy := s.dial()
	busy.send("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nab")
	busy.receive("POST") // answered; the server waits for the rest of the body
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	waitFor(t, "the server to stop", s.isStopping)
	if err := s.Reload(t.Context()); !errors.Is(err, errStopping) {
		t.Errorf("got %v", err)
	}
	if r := s.adminDo("POST", "/reload"); r.StatusCode != 503 {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
	busy.send("c")
	<-stopped
	if err := s.Reload(t.Context()); !errors.Is(err, errStopping) {
		t.Errorf("after the end: %v", err)
	}
}

// Before the server serves, a reload waits for it.
func TestReloadBeforeServing(t *testing.T) {
	s := loaded(t, answering("one"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The limits and timeouts of a new configuration hold from the next exchange
// on, the size of a head from the next connection on.
func TestReloadLimits(t *testing.T) {
	s := startFile(t, answering("one"))
	c := s.dial()
	c.ask()
	s.write(answering("one") + "[server.limits]\nbody = \"10B\"\nheaders = 3\nheader_size = \"200B\"\nconnections = 2\nrequests = 5\n[server.timeouts]\nheader = \"50ms\"\n")
	s.reload()
	long := "POST / HTTP/1.1\nHost: a\nContent-Length: 11\n\n"
	c.send(long)
	if r := c.receive("POST"); r.StatusCode != 413 {
		t.Errorf("a long body got %d", r.StatusCode)
	}
	c.Close()
	none := func() bool { return s.connections() == 0 }
	for _, test := range []struct {
		request string
		status  int
	}{
		{"GET / HTTP/1.1\nHost: a\nA: 1\nB: 2\nC: 3\n\n", 431},
		{"GET / HTTP/1.1\nHost: a\nA: " + strings.Repeat("x", 200) + "\n\n", 431},
		{"GET / HT", 408},
		{"GET / HTTP/1.1\nHost: a\n\n", 200},
	} {
		waitFor(t, "connections to end", none)
		c := s.dial()
		c.send(test.request)
		if r := c.receive("GET"); r.StatusCode != test.status {
			t.Errorf("%.40q got %d, want %d", test.request, r.StatusCode, test.status)
		}
		c.Close()
	}
	waitFor(t, "connections to end", none)
	first, second, third := s.dial(), s.dial(), (*client)(nil)
	for range 4 {
		first.ask()
	}
	second.ask()
	if third = s.dial(); !third.closed() {
		t.Error("a third connection is served")
	}
	first.send("GET / HTTP/1.1\nHost: a\n\n")
	if r := first.receive("GET"); !r.Close {
		t.Error("the connection stays open after its fifth request")
	}
	s.write(answering("one"))
	s.reload()
	second.send(strings.Replace(long, "11", "2", 1) + "xx")
	second.receive("POST")
	third = s.dial()
	if got := third.ask("A: " + strings.Repeat("x", 1000)); got != "one" {
		t.Errorf("with the old limits again: %q", got)
	}
}

func TestReloadWorkers(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	s := startFile(t, answering("one")+"[server]\nworkers = 1\n")
	for _, step := range []struct {
		workers string
		want    int
	}{{"", 1}, {"workers = 3\n", 3}, {"workers = 3\n", 3}, {"workers = 1\n", 1}} {
		if step.workers != "" {
			s.write(answering("one") + "[server]\n" + step.workers)
			s.reload()
		}
		if got := runtime.GOMAXPROCS(0); got != step.want {
			t.Errorf("%q: %d", step.workers, got)
		}
	}
	s.write(answering("one"))
	s.reload()
	if got := runtime.GOMAXPROCS(0); got < 1 || got > runtime.NumCPU() {
		t.Errorf("all of them are %d", got)
	}
}

// Generations come and go as fast as they can while connections use them: an
// exchange that met a closed one would find its directory closed.
func TestReloadHammer(t *testing.T) {
	const text = "[server.limits]\nrequests = 1000000000\n[routes.r]\nmatch = \"/\"\nrespond = {body = \"x\"}\n[routes.f]\nmatch = \"/f/{path...}\"\nstatic = \"TESTDATA/www\"\n"
	s := startFile(t, text)
	want, err := os.ReadFile("testdata/www/hello.txt")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	var answers atomic.Int64
	for i := range 4 {
		c := s.dial()
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := 1 + i*4 // so many in a pipeline
				c.send(strings.Repeat("GET /f/hello.txt HTTP/1.1\nHost: a\n\n", n))
				for range n {
					if r := c.receive("GET"); r.body != string(want) {
						t.Errorf("got %d %q", r.StatusCode, r.body)
						return
					}
					answers.Add(1)
				}
			}
		})
	}
	begin := time.Now()
	n := 0
	for ; time.Since(begin) < 2*time.Second && !t.Failed(); n++ {
		s.reload()
	}
	close(stop)
	asking.Wait()
	s.waitForGenerations(1)
	t.Logf("%d reloads, %d answers", n, answers.Load())
	if n < 10 || answers.Load() < 100 {
		t.Errorf("%d reloads and %d answers prove little", n, answers.Load())
	}
}
