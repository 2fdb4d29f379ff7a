package source_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"phasm/plugins/source"
)

// Each step changes something and says whether that calls for a build. The
// next step starts from there.
func TestChanges(t *testing.T) {
	root := t.TempDir()
	dir, other := filepath.Join(root, "hello"), filepath.Join(root, "other")
	write(t, dir, "go.mod", goMod+"require plugin.test/other v0.0.0\nreplace plugin.test/other => ../other\n")
	write(t, dir, "main.go", `package main

import (
	"embed"

	"plugin.test/hello/part"
	"plugin.test/other"
)

//go:embed page.html fragments
var pages embed.FS

//go:wasmexport on_content
func onContent() int32 {
	page, _ := pages.ReadFile("page.html")
	return int32(len(page)) + part.One + other.Two
}

func main() {}
`)
	write(t, dir, "page.html", "<p>")
	write(t, dir, "fragments/head.html", "<head>")
	write(t, dir, "part/part.go", "package part\n\nconst One = 1\n")
	write(t, other, "go.mod", "module plugin.test/other\n\ngo 1.24\n")
	write(t, other, "other.go", "package other\n\nconst Two = 2\n")

	edit := func(name, text string) func(*testing.T) {
		return func(t *testing.T) { write(t, root, name, text) }
	}
	b := &source.Builder{Cache: filepath.Join(t.TempDir(), "not", "there", "yet")}
	build(t, b, dir, true)
	for _, step := range []struct {
		name   string
		change func(*testing.T)
		built  bool
	}{
		{"nothing", func(*testing.T) {}, false},
		{"the same text again", edit("other/other.go", "package other\n\nconst Two = 2\n"), false},
		{"a test file", edit("hello/main_test.go", "package main\n"), false},
		{"a file of no package", edit("hello/README.md", "hello\n"), false},
		{"a module", edit("hello/hello.wasm", "\x00asm"), false},
		{"a file with an underscore", edit("hello/_draft.go", "package draft\n"), false},
		{"an unused directory", edit("hello/unused/unused.go", "package unused\n"), false},
		{"edited", edit("hello/part/part.go", "package part\n\nconst One = 11\n"), true},
		{"a new file", edit("hello/new.go", "package main\n\nfunc init() { println() }\n"), true},
		{"a new file in a dependency", edit("hello/part/new.go", "package part\n"), true},
		{"a file gone", func(t *testing.T) {
			if err := os.Remove(filepath.Join(dir, "new.go")); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"another module", edit("other/other.go", "package other\n\nconst Two = 22\n"), true},
		{"another module's go.mod", edit("other/go.mod", "module plugin.test/other\n\ngo 1.24 // or newer\n"), true},
		{"embedded", edit("hello/page.html", "<h1>"), true},
		{"a new embedded file", edit("hello/fragments/foot.html", "<footer>"), true},
		{"go.sum", edit("hello/go.sum", "\n"), true},
		{"a workspace up the tree", edit("go.work", "go 1.24\n\nuse ./hello\n"), true},
		{"a profile", edit("hello/default.pgo", ""), true},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.change(t)
			build(t, b, dir, step.built)
			build(t, b, dir, false)
		})
	}
	if found := modules(t, b.Cache); len(found) != 1 {
		t.Errorf("the cache keeps %q, want only the newest", found)
	}
	info, err := os.Stat(b.Cache)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the cache = %v (%v), want 0700", info.Mode(), err)
	}
}

func TestSettings(t *testing.T) {
	dir, cache := plugin(t), t.TempDir()
	with := func(settings ...string) *source.Builder {
		return &source.Builder{Cache: cache, Env: append(os.Environ(), settings...)}
	}
	plain := build(t, with(), dir, true)
	build(t, with("GOMAXPROCS=1", "GOGC=200"), dir, false)
	tagged := with("GOFLAGS=-buildvcs=false -tags=extra", "GOOS=linux", "CGO_ENABLED=1")
	write(t, dir, "extra.go", "//go:build extra\n\npackage main\n\nfunc init() { println(`extra`) }\n")
	if extra := build(t, tagged, dir, true); bytes.Equal(extra, plain) {
		t.Error("the build did not see GOFLAGS")
	}
	build(t, tagged, dir, false)
}

// A hit must not run the go command, which here counts its runs.
func TestHitRunsNothing(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	command := script(t, `echo "$1" >> '`+runs+`'; exec go "$@"`)
	dir := plugin(t)
	b := &source.Builder{Cache: t.TempDir(), Go: command}
	build(t, b, dir, true)
	count := func() int {
		text, err := os.ReadFile(runs)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("\n"))
	}
	first := count()
	build(t, b, dir, false)
	if count() != first {
		t.Errorf("the go command ran %d times more", count()-first)
	}

	t.Run("another go command", func(t *testing.T) {
		later := time.Now().Add(time.Minute)
		if err := os.Chtimes(command, later, later); err != nil {
			t.Fatal(err)
		}
		build(t, b, dir, true)
	})
	t.Run("no go command", func(t *testing.T) {
		build(t, &source.Builder{Cache: b.Cache, Go: "no-such-go"}, dir, false)
	})
}

func TestDamagedCache(t *testing.T) {
	dir := plugin(t)
	b := &source.Builder{Cache: t.TempDir()}
	want := build(t, b, dir, true)
	module := modules(t, b.Cache)[0]
	manifest := filepath.Join(filepath.Dir(module), "manifest.json")
	intact, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(want)
	flipped[len(flipped)/2] ^= 1
	for _, damage := range []struct {
		name, file string
		content    []byte // nil: the file is gone
	}{
		{"module cut off", module, want[:len(want)/2]},
		{"module empty", module, []byte{}},
		{"a bit flipped", module, flipped},
		{"module missing", module, nil},
		{"manifest cut off", manifest, intact[:len(intact)/2]},
		{"manifest of another format", manifest, bytes.Replace(intact, []byte(`"format": 1`), []byte(`"format": 2`), 1)},
		{"manifest without inputs", manifest, []byte(`{"format": 1}`)},
		{"manifest missing", manifest, nil},
	} {
		t.Run(damage.name, func(t *testing.T) {
			if err := os.Remove(damage.file); err != nil {
				t.Fatal(err)
			}
			if damage.content != nil {
				if err := os.WriteFile(damage.file, damage.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := build(t, b, dir, true); !bytes.Equal(got, want) {
				t.Error("the module differs")
			}
			build(t, b, dir, false)
		})
	}
}

func modules(t *testing.T, cache string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "*", "*.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func BenchmarkHit(bench *testing.B) {
	b := &source.Builder{Cache: bench.TempDir()}
	dir := plugin(bench)
	build(bench, b, dir, true)
	for bench.Loop() {
		build(bench, b, dir, false)
	}
}
