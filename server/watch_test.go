package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/scaffold"
)

// startWatch serves a plugin of the test's own and watches it.
func startWatch(t *testing.T) (s *testServer, plugin string) {
	t.Helper()
	plugin = filepath.Join(t.TempDir(), "greeter")
	if _, err := scaffold.Write(plugin, sdk.Source); err != nil {
		t.Fatal(err)
	}
	writeGreeter(t, plugin, `"one"`)
	s = startFile(t, watchConfig(plugin, "/"))
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(s.ctx) })
	t.Cleanup(func() { s.stop(); watching.Wait() })
	return s, plugin
}

func watchConfig(plugin, match string) string {
	return "[plugins.greeter]\nsource = \"" + plugin + "\"\n[routes.r]\nmatch = \"" + match + "\"\ncontent = \"greeter\"\n"
}

// writeGreeter writes a plugin that answers with an expression, and removes
// what the scaffold's has beside it.
func writeGreeter(t *testing.T, dir, expression string, imports ...string) {
	t.Helper()
	text := "package main\n\nimport \"phasm/sdk\"\n"
	for _, i := range imports {
		text += "import \"" + i + "\"\n"
	}
	text += "\nfunc init() {\n\tsdk.Content(func(r *sdk.Request) sdk.Action {\n\t\tr.Response().WriteString(" + expression + ")\n\t\treturn sdk.Continue\n\t})\n}\n\nfunc main() {}\n"
	writeFile(t, dir, "main.go", text)
}

// waitForAnswer waits until a path answers with a text. Every answer before it
// must be a good one.
func (s *testServer) waitForAnswer(path, want string) {
	s.t.Helper()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		r := s.do("GET", path)
		if r.body == want {
			return
		}
		if r.StatusCode != 200 && r.StatusCode != 404 || time.Since(begin) > buildTime {
			s.t.Fatalf("waiting for %q: %d %q", want, r.StatusCode, r.body)
		}
	}
}

// buildTime is how long a plugin may take to build and load, on a machine that
// has much else to do and under the race detector.
const buildTime = 2 * time.Minute

// waitForFailure waits until a reload has failed for the nth time, for that
// reason.
func (s *testServer) waitForFailure(n uint64, words ...string) {
	s.t.Helper()
	for begin := time.Now(); s.metrics.reloads.failed.Get() < n; time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > buildTime {
			s.t.Fatalf("waited for failure %d in vain", n)
		}
	}
	s.await(append(words, "cannot reload")...)
}

// What is served follows the source through good and bad states, without a
// failed request.
func TestWatch(t *testing.T) {
	s, plugin := startWatch(t)
	if got := s.get("/"); got != "one" {
		t.Fatalf("got %q", got)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	c := s.dial()
	c.SetDeadline(time.Time{})
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if r := s.do("GET", "/"); r.StatusCode != 200 && r.StatusCode != 404 {
					t.Errorf("status %d", r.StatusCode)
				}
				c.send("GET / HTTP/1.1\nHost: a\n\n")
				c.receive("GET")
				time.Sleep(time.Millisecond)
			}
		}
	})
	defer asking.Wait()
	defer close(stop)

	writeGreeter(t, plugin, `"two"`)
	s.waitForAnswer("/", "two")

	writeGreeter(t, plugin, `undefined`)
	s.waitForFailure(1, "main.go", "undefined")
	if got := s.get("/"); got != "two" {
		t.Errorf("after a broken build: %q", got)
	}
	module := moduleOf(t, plugin)
	writeGreeter(t, plugin, `part.Three`, module+"/part")
	s.waitForFailure(2, module+"/part")

	// The missing package comes, as editors write: beside it, then renamed.
	writeFile(t, plugin, "part/part.go.tmp", "package part\n\nconst Three = \"three\"\n")
	if err := os.Rename(filepath.Join(plugin, "part/part.go.tmp"), filepath.Join(plugin, "part/part.go")); err != nil {
		t.Fatal(err)
	}
	s.waitForAnswer("/", "three")

	// A new file in the directory of a dependency, and one that goes.
	writeFile(t, plugin, "part/four.go", "package part\n\nvar Four = \"three\"\n")
	writeGreeter(t, plugin, `part.Four`, module+"/part")
	writeFile(t, plugin, "part/five.go", "package part\n\nfunc init() { Four = \"five\" }\n")
	s.waitForAnswer("/", "five")
	if err := os.Remove(filepath.Join(plugin, "part/five.go")); err != nil {
		t.Fatal(err)
	}
	s.waitForAnswer("/", "three")

	// The configuration itself.
	s.write(watchConfig(plugin, "/elsewhere"))
	s.waitForAnswer("/elsewhere", "three")
	s.write("[routes")
	s.waitForFailure(3, "config.toml")
	s.write(watchConfig(plugin, "/again"))
	s.waitForAnswer("/again", "three")

	// Nothing was loaded more often than it changed; where several files do, each
	// may count.
	if well, badly := s.metrics.reloads.succeeded.Get(), s.metrics.reloads.failed.Get(); well > 8 || badly > 4 {
		t.Errorf("%d good and %d bad reloads", well, badly)
	}
}

func moduleOf(t *testing.T, plugin string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(plugin, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(string(text), "module "), "\n")
	return module
}

// What changes while it is being loaded counts as a change afterwards.
func TestWatchSeesChangesDuringALoad(t *testing.T) {
	s := startFile(t, answering("one"))
	touched(t, filepath.Join(s.dir, "config.toml"), time.Now().Add(-time.Second))
	before := s.look()
	if !s.lookAsOf(nil).equal(before) {
		t.Error("what was there before the first load counts as changed")
	}
	s.write(answering("two"))
	if after := s.look(); after.equal(before) || s.lookAsOf(before).equal(after) || s.lookAsOf(nil).equal(after) {
		t.Error("a change after a load has begun is forgotten")
	}
	touched(t, filepath.Join(s.dir, "config.toml"), time.Now().Add(-time.Second))
	s.reload()
	if after := s.look(); !s.lookAsOf(after).equal(after) || !s.lookAsOf(nil).equal(after) {
		t.Error("what was loaded counts as changed")
	}
}

// touched gives a file or a directory another time of change.
func touched(t *testing.T, name string, when time.Time) {
	t.Helper()
	if err := os.Chtimes(name, time.Time{}, when); err != nil {
		t.Fatal(err)
	}
}

// A file of a plugin's package that is there while it is built, and gone at the
// next look, was seen by nobody but the build. What else comes and goes beside the
// source is no change.
func TestWatchSeesWhatCameAndWent(t *testing.T) {
	plugin := filepath.Join(t.TempDir(), "greeter")
	if _, err := scaffold.Write(plugin, sdk.Source); err != nil {
		t.Fatal(err)
	}
	writeGreeter(t, plugin, `"one"`)
	s := startFile(t, watchConfig(plugin, "/"))
	for name, changes := range map[string]bool{"more.go": true, "zone.json": false} {
		before := s.look()
		writeFile(t, plugin, name, "package main\n")
		s.reload()
		if err := os.Remove(filepath.Join(plugin, name)); err != nil {
			t.Fatal(err)
		}
		if now := s.look(); !now.equal(before) || s.lookAsOf(before).equal(now) == changes {
			t.Errorf("%s came and went: a change, %v", name, !changes)
		}
		s.reload()
	}
}

// A configuration may be saved before what it names is there: when that comes it
// is loaded.
func TestWatchWaitsForWhatIsMissing(t *testing.T) {
	s := startFile(t, answering("one"))
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(s.ctx) })
	defer watching.Wait()
	defer s.stop()
	s.write(answering("two") + "[routes.files]\nmatch = \"/files/\"\nstatic = \"www\"\n[plugins.m]\npath = \"m.wasm\"\n[routes.m]\nmatch = \"/m\"\ncontent = \"m\"\n")
	s.waitForFailure(1, "no file", "m.wasm")
	b := testBuilder()
	if err := b.BuildFile(t.Context(), "../wasm-examples/hello", filepath.Join(s.dir, "m.wasm")); err != nil {
		t.Fatal(err)
	}
	s.waitForFailure(2, "no directory", "www")
	writeFile(t, s.dir, "www/a.txt", "a")
	s.waitForAnswer("/", "two")
	s.waitForAnswer("/files/a.txt", "a")
}

// A configuration and a module behind symbolic links are watched where the
// links lead, and the links themselves.
func TestWatchThroughLinks(t *testing.T) {
	real, dir := t.TempDir(), t.TempDir()
	build := func(dir, out string) {
		t.Helper()
		b := testBuilder()
		if err := b.BuildFile(t.Context(), dir, out); err != nil {
			t.Fatal(err)
		}
	}
	build("../wasm-examples/hello", filepath.Join(real, "one.wasm"))
	build("testdata/probe", filepath.Join(real, "two.wasm"))
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	config := func(body string) string {
		return answering(body) + "[plugins.m]\npath = \"m.wasm\"\nconfig = {name = \"m\", greeting = \"m\"}\n[routes.m]\nmatch = \"/m\"\ncontent = \"m\"\n"
	}
	writeConfig(t, real, config("one"))
	link(filepath.Join(real, "config.toml"), "config.toml")
	link(filepath.Join(real, "one.wasm"), "m.wasm")
	s := startFileIn(t, dir)
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(s.ctx) })
	defer watching.Wait()
	defer s.stop()
	hello := s.get("/m")

	writeConfig(t, real, config("two")) // behind the link
	s.waitForAnswer("/", "two")
	link(filepath.Join(real, "two.wasm"), "m.wasm") // the link
	s.waitForAnswer("/m", "")
	writeConfig(t, real, config("three"))
	s.waitForAnswer("/", "three")
	build("../wasm-examples/hello", filepath.Join(real, "two.wasm")) // behind it
	s.waitForAnswer("/m", hello)
}
