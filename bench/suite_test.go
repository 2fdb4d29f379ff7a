package main

import (
	"os"
	"os/exec"
	"testing"
)

// Both servers give the same answers to what is measured. Times are not looked
// at.
func TestAnswers(t *testing.T) {
	t.Chdir("..")
	b, err := prepare(t.TempDir())
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	workloads, err := loadWorkloads("bench/workloads")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads {
		t.Run(w.Name, func(t *testing.T) {
			s, err := newStage(w, b, true)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if err := check(s); err != nil {
				t.Fatal(err)
			}
			l, err := drive(s, s.Phasm, 0)
			if err != nil {
				t.Fatal(err)
			}
			if bad := l.bad(w); bad != "" {
				t.Error(bad)
			}
		})
	}
}

// The suite sees what is not the same.
func TestCheckSeesDifferences(t *testing.T) {
	t.Chdir("..")
	b, err := prepare(t.TempDir())
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
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

// The servers beside OpenResty say the same, too.
func TestPeers(t *testing.T) {
	t.Chdir("..")
	b, err := prepare(t.TempDir())
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	hello, err := loadWorkloads("bench/workloads")
	if err != nil {
		t.Fatal(err)
	}
	if hello, err = only(hello, "hello"); err != nil {
		t.Fatal(err)
	}
	got, err := comparePeers(hello[0], b, plan{rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range got {
		if p.Rate == 0 || p.CPU == 0 {
			t.Errorf("%s: %+v", p.Name, p.sample)
		}
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
