package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

var built string // the folder of what the tests start

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "phasm-bench-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

var prepareOnce = sync.OnceValues(func() (binaries, error) { return prepare(built) })

// prepared moves to the project's folder, where the suite runs, and has it find
// and build what it needs.
func prepared(t *testing.T) binaries {
	t.Helper()
	t.Chdir("..")
	b, err := prepareOnce()
	if err == nil && b.plugin == "" {
		err = errors.New("there is no compiler for the plugin in C")
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
	return b
}

// Both servers give the same answers to what is measured, one after the other
// and under load. Times are not looked at.
func TestAnswers(t *testing.T) {
	b := prepared(t)
	workloads, err := loadWorkloads("bench/workloads")
	if err != nil {
		t.Fatal(err)
	}
	hog, err := loadWorkload("bench/hog")
	if err != nil {
		t.Fatal(err)
	}
	hog.Path = "/hog"
	for _, w := range append(workloads, hog) {
		t.Run(w.Name, func(t *testing.T) {
			s, err := newStage(w, b, true)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if err := check(s); err != nil {
				t.Fatal(err)
			}
			if w == hog {
				return
			}
			for _, server := range []struct {
				name, address string
				process       *process
			}{{"phasm", s.Phasm, s.phasm}, {"OpenResty", s.OpenResty, s.openresty}} {
				if bad, err := tried(s, server.address); err != nil || bad != "" {
					t.Errorf("%s: %s %v", server.name, bad, err)
					defer func() { t.Logf("%s says:\n%s", server.name, server.process.output.String()) }() // once it has ended
				}
			}
		})
	}
}

// tried asks for a moment, with wrk where it is wrk's script that matters.
func tried(s *stage, address string) (bad string, err error) {
	if s.workload.TLS || s.script != "" {
		l, err := drive(s, address, time.Second)
		return l.bad(s.workload), err
	}
	got, err := askOpen(s, address, 0, 100*time.Millisecond)
	return unexpected(got), err
}

// The suite sees what is not the same.
func TestCheckSeesDifferences(t *testing.T) {
	b := prepared(t)
	w := &workload{Method: "GET", Path: "/", Status: 200, dir: t.TempDir()}
	write := func(name, text string) {
		if err := os.WriteFile(w.dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("nginx.conf", "server { listen {{.OpenResty}}; location / { default_type a/b; return 200 x; } }")
	for _, test := range []struct {
		respond string
		same    bool
	}{
		{`{body = "x", headers = {Content-Type = "a/b"}}`, true},
		{`{body = "y", headers = {Content-Type = "a/b"}}`, false},
		{`{body = "x", headers = {Content-Type = "a/c"}}`, false},
		{`{status = 201, body = "x", headers = {Content-Type = "a/b"}}`, false},
	} {
		write("phasm.toml", "[listeners.main]\naddress = \"{{.Phasm}}\"\n[routes.work]\nmatch = \"/\"\nrespond = "+test.respond+"\n")
		s, err := newStage(w, b, true)
		if err != nil {
			t.Fatal(err)
		}
		err = check(s)
		s.close()
		if (err == nil) != test.same {
			t.Errorf("%s: %v", test.respond, err)
		}
	}
}

func TestParseWrk(t *testing.T) {
	got, err := parseWrk(`Running 1s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  826.00us
     75%    1.00ms
     99%  148.70ms
  23473 requests in 1.10s, 3.00MB read
  Socket errors: connect 0, read 1, write 0, timeout 0
  Non-2xx or 3xx responses: 7
Requests/sec:  23473.00`)
	if err != nil {
		t.Fatal(err)
	}
	w := &workload{Status: 200}
	if got.requests != 23473 || got.seconds != 1.1 || got.p50.Microseconds() != 826 || got.p99.Microseconds() != 148700 || got.errors != 7 {
		t.Errorf("got %+v", got)
	}
	if got.bad(w) == "" {
		t.Error("socket errors do not count")
	}
	got.broken = ""
	if got.bad(w) == "" {
		t.Error("wrong statuses do not count")
	}
	if got.errors = 0; got.bad(w) != "" {
		t.Error(got.bad(w))
	}
	if w.Status = 429; got.bad(w) == "" {
		t.Error("answers that are no errors do not count where they should be")
	}
	if _, err := parseWrk("nothing"); err == nil {
		t.Error("nothing is read as something")
	}
}

// Around hello: the servers beside OpenResty say the same, too, and a reload
// costs phasm no request.
func TestSpecials(t *testing.T) {
	b := prepared(t)
	hello, err := loadWorkload("bench/workloads/02-hello")
	if err != nil {
		t.Fatal(err)
	}
	p := plan{rounds: 1, special: 1500 * time.Millisecond}
	peers, err := comparePeers(hello, b, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if p.Rate == 0 || p.CPU == 0 {
			t.Errorf("%s: %+v", p.Name, p.sample)
		}
	}
	if r, err := measureReloads(hello, b, p); err != nil || r.Reloads == 0 || r.PhasmLost > 0 {
		t.Errorf("reloads: %+v, %v", r, err)
	}
	if r, err := measureIdle(hello, b, 50); err != nil || r.Connections != 50 {
		t.Errorf("idle connections: %+v, %v", r, err)
	}
}

// What the compiler is to know comes out as a profile of phasm.
func TestProfile(t *testing.T) {
	b := prepared(t)
	hello, err := loadWorkload("bench/workloads/02-hello")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "default.pgo")
	if err := profileAll([]*workload{hello, hello}, b, plan{}, file); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(written)
	if err != nil {
		t.Fatal(err)
	}
	served := false
	for _, f := range p.Function {
		served = served || strings.HasPrefix(f.Name, "phasm/server.")
		if f.Filename != "" {
			t.Errorf("it has the name of a file: %s", f.Filename)
		}
	}
	if !served {
		t.Errorf("no function of phasm/server is among %d", len(p.Function))
	}
}

// A process ends when the suite is done with it, with those it has started.
func TestStop(t *testing.T) {
	p, err := start(nil, exec.Command("sh", "-c", "sleep 100 & sleep 100"))
	if err != nil {
		t.Fatal(err)
	}
	for len(p.group()) < 2 {
	}
	p.stop()
	for _, pid := range p.group() {
		if f := stat(pid); f != nil && f[0] != "Z" {
			t.Errorf("process %d is left", pid)
		}
	}
}
