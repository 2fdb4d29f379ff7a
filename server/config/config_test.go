package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const valid = `
[listeners.main]
address = "127.0.0.1:8080"
[plugins.hello]
source = "hello"
[routes.home]
match = "/"
content = "hello"
`

func TestLoadResolvesPaths(t *testing.T) {
	dir := t.TempDir()
	mkdir := func(name string) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mkdir("conf")
	mkdir("conf/hello")
	mkdir("www")
	if err := os.WriteFile(filepath.Join(dir, "x.wasm"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "conf", "config.toml")
	text := valid + `
[plugins.x]
path = "../x.wasm"
[server.log]
file = "error.log"
[server.access_log]
file = "/var/log/access.log"
[routes.files]
match = "/files/"
static = '` + filepath.Join(dir, "www") + `'
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []struct{ got, want string }{
		{c.File, file},
		{c.Plugins[0].Source, filepath.Join(dir, "conf", "hello")},
		{c.Plugins[1].Path, filepath.Join(dir, "x.wasm")},
		{c.Server.Log.File, filepath.Join(dir, "conf", "error.log")},
		{c.Server.AccessLog.File, "/var/log/access.log"},
		{c.Routes[1].Static, filepath.Join(dir, "www")},
	} {
		if path.got != path.want {
			t.Errorf("got %q, want %q", path.got, path.want)
		}
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Load("testdata/none.toml")
	const want = `cannot read configuration "testdata/none.toml": no such file or directory`
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestProblem checks what later stages report with: any path, and a Config
// that comes from no file.
func TestProblem(t *testing.T) {
	c, err := Parse("testdata/config.toml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"plugins.hello.source":   "testdata/config.toml:5: plugins.hello.source: cannot compile: boom",
		"plugins.hello.limits.x": "testdata/config.toml:4: plugins.hello.limits.x: cannot compile: boom",
		"":                       "testdata/config.toml:1: cannot compile: boom",
	} {
		if got := c.Problem(path, "cannot compile: %v", "boom").String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got, want := new(Config).Problem("a.b", "bad").String(), "a.b: bad"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJoin(t *testing.T) {
	if err := Join(); err != nil {
		t.Errorf("got %v for no problems", err)
	}
	given := []Problem{{File: "f", Line: 3, Message: "c"}, {File: "f", Line: 1, Path: "b", Message: "b"}, {File: "f", Line: 1, Path: "a", Message: "a"}}
	err := Join(given...)
	if want := "f:1: a: a\nf:1: b: b\nf:3: c"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if given[0].Line != 3 {
		t.Error("the caller's slice was sorted")
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("testdata/config.toml", data)
		again, errAgain := Parse("testdata/config.toml", data)
		if err == nil {
			if len(c.Listeners) == 0 || len(c.Routes) == 0 {
				t.Error("no listener or no route, and no error")
			}
			if errAgain != nil || !reflect.DeepEqual(c.Routes, again.Routes) {
				t.Error("the second time it reads differently")
			}
			return
		}
		var problems *Error
		if !errors.As(err, &problems) || len(problems.Problems) == 0 {
			t.Fatalf("got %T without problems", err)
		}
		if errAgain == nil || errAgain.Error() != err.Error() {
			t.Errorf("got %v, the second time %v", err, errAgain)
		}
		last := strings.Count(string(data), "\n") + 1
		for _, p := range problems.Problems {
			if p.Line < 1 || p.Line > last || p.Message == "" {
				t.Errorf("bad problem %+v in a file of %d lines", p, last)
			}
			for _, sign := range []string{"\n", "\r", "runtime error", "goroutine", ".go:", "BUG"} {
				if strings.Contains(p.String(), sign) && !strings.Contains(string(data), sign) {
					t.Errorf("%q in %q", sign, p)
				}
			}
		}
		if !slices.IsSortedFunc(problems.Problems, func(a, b Problem) int { return a.Line - b.Line }) {
			t.Errorf("not sorted: %v", err)
		}
	})
}
