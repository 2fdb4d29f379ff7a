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
	c := s.dial()
	defer c.Close()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		r := c.receive("GET")
		if r.body == want {
			return
		}
		if r.StatusCode != 200 && r.StatusCode != 404 || time.Now().After(deadline) {
			s.t.Fatalf("waiting for %q: %d %q", want, r.StatusCode, r.body)
		}
	}
}

// waitForFailure waits until another reload has failed.
func (s *testServer) waitForFailure(words ...string) {
	s.t.Helper()
	s.await(append(words, "cannot reload")...)
	s.wantSample("phasm_config_last_reload_successful", "", 0)
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
	s.waitForFailure("main.go", "undefined")
	if got := s.get("/"); got != "two" {
		t.Errorf("after a broken build: %q", got)
	}
	module := moduleOf(t, plugin)
	writeGreeter(t, plugin, `part.Three`, module+"/part")
	s.waitForFailure(module + "/part")

	// The missing package comes, as editors write: beside it, then renamed.
	writeFile(t, plugin, "part/part.go.tmp", "package part\n\nconst Three = \"three\"\n")
	if err := os.Rename(filepath.Join(plugin, "part/part.go.tmp"), filepath.Join(plugin, "part/part.go")); err != nil {
		t.Fatal(err)
	}
	s.waitForAnswer("/", "three")

	// A new file in the directory of a dependency, and one that goes.
	writeFile(t, plugin, "part/four.go", "package part\n\nconst Four = \"four\"\n")
	writeGreeter(t, plugin, `part.Four`, module+"/part")
	s.waitForAnswer("/", "four")
	if err := os.Remove(filepath.Join(plugin, "part/part.go")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(plugin, "part/four.go"), filepath.Join(plugin, "part/five.go")); err != nil {
		t.Fatal(err)
	}
	before := s.metrics.reloads.succeeded.Get()
	waitFor(t, "a reload", func() bool { return s.metrics.reloads.succeeded.Get() > before })

	// The configuration itself.
	s.write(watchConfig(plugin, "/elsewhere"))
	s.waitForAnswer("/elsewhere", "four")
	s.write("[routes")
	s.waitForFailure("config.toml")
	s.write(watchConfig(plugin, "/again"))
	s.waitForAnswer("/again", "four")

	// Nothing was loaded more often than it changed; a change of two files may
	// count twice.
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
