package scaffold_test

import (
	"bytes"
	"errors"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"phasm/sdk"
	"phasm/sdk/scaffold"
	"phasm/server/config"
)

// What is written has to work as it stands, where there is no network and no
// module of phasm's.
func TestPluginWorks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "My Plugin.v2")
	files, err := scaffold.Write(dir, sdk.Source)
	if err != nil {
		t.Fatal(err)
	}
	if found := tree(t, dir); !slices.Equal(found, slices.Sorted(slices.Values(files))) {
		t.Errorf("wrote  %q\nreport %q", found, files)
	}
	for _, name := range []string{
		".gitignore", "README.md", "config.toml", "go.mod", "main.go", "main_test.go",
		"phasm/go.mod", "phasm/sdk/doc.go", "phasm/sdk/abi/abi.go", "phasm/sdk/sdktest/doc.go",
	} {
		if !slices.Contains(files, name) {
			t.Errorf("%s is missing", name)
		}
	}
	modules := filepath.Join(t.TempDir(), "modules") // stays empty
	run := func(dir string, env []string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local", "GOMODCACHE="+modules)
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	guest := []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}
	if list := run(dir, nil, "list", "-m"); list != "example/my-plugin-v2\n" {
		t.Errorf("module %s", list)
	}
	run(dir, nil, "vet", "./...")
	// Vet also looks for what is newer than the Go release in go.mod.
	run(filepath.Join(dir, "phasm"), nil, "vet", "./...")
	run(filepath.Join(dir, "phasm"), guest, "vet", "./...")
	run(dir, nil, "test", "./...")
	run(dir, guest, "build", "-buildmode=c-shared", "-o", "plugin.wasm", ".")
	if wasm, err := os.ReadFile(filepath.Join(dir, "plugin.wasm")); !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		t.Errorf("no module: %.10q (%v)", wasm, err)
	}
	if diff := run(dir, nil, "mod", "tidy", "-diff"); diff != "" {
		t.Errorf("go.mod is not tidy:\n%s", diff)
	}
}

func TestConfigurationIsValid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hello")
	if _, err := scaffold.Write(dir, sdk.Source); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if len(c.Plugins) != 1 || c.Plugins[0].Name != "hello" || c.Routes[0].Content != "hello" {
		t.Errorf("plugins %+v, routes %+v", c.Plugins, c.Routes)
	}
}

func TestGoIsFormatted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if _, err := scaffold.Write(dir, sdk.Source); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.go", "main_test.go"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source(text); err != nil || !bytes.Equal(text, formatted) {
			t.Errorf("%s is not as gofmt leaves it (%v)", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	root := t.TempDir()
	for dir, want := range map[string]string{
		"hello":      "example/hello",
		"a/b/Hello_": "example/hello",
		"log":        "example/log", // also a package of the standard library
		"phasm":      "example/phasm",
		"Größe 2":    "example/gr-e-2",
		".hidden":    "example/hidden",
		"-x":         "example/x",
	} {
		dir = filepath.Join(root, filepath.FromSlash(dir))
		if _, err := scaffold.Write(dir, small); err != nil {
			t.Error(err)
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if module, _, _ := strings.Cut(string(text), "\n"); err != nil || module != "module "+want {
			t.Errorf("%s: %q (%v), want module %s", dir, module, err, want)
		}
	}
}

// The working directory may be the place, if it is empty.
func TestHere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "here")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if _, err := scaffold.Write(".", small); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("go.mod"); !bytes.HasPrefix(text, []byte("module example/here\n")) {
		t.Errorf("go.mod: %s (%v)", text, err)
	}
}

var small = fstest.MapFS{"sdk.go": {Data: []byte("package sdk\n")}}

// After an error everything is as it was.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		dir   string
		there []string // files
		sdk   fs.FS
		want  string
	}{
		{"not empty", "full", []string{"full/.git"}, small, "the directory is not empty"},
		{"a file", "file", []string{"file"}, small, "there is a file of that name"},
		{"below a file", "file/x", []string{"file"}, small, "not a directory"},
		{"no letters", "日本", nil, small, `"日本" makes no name for a plugin; choose one with letters a to z or digits`},
		{"reserved", "CON", nil, small, `the name "con" is reserved on Windows, and Go refuses it everywhere; choose another one`},
		{"no SDK", "hello", nil, fstest.MapFS{}, "cannot copy the SDK: it has no files"},
		{"an unreadable SDK", "hello", nil, broken{small}, "cannot copy the SDK: broken"},
		// The second file of this SDK cannot be written beside the first.
		{"half way", "new/deep/hello", nil, fstest.MapFS{"a": {}, "x": {}, "x\x00": {}}, "invalid argument"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for _, name := range test.there {
				name = filepath.Join(root, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			dir := filepath.Join(root, filepath.FromSlash(test.dir))
			files, err := scaffold.Write(dir, test.sdk)
			if err == nil {
				t.Fatal("no error")
			}
			prefix := `cannot make a plugin in "` + dir + `": `
			if text := err.Error(); !strings.HasPrefix(text, prefix) || !strings.HasSuffix(text, test.want) {
				t.Errorf("error:\n%s\nwant:\n%s…%s", text, prefix, test.want)
			}
			if found := tree(t, root); files != nil || !slices.Equal(found, test.there) {
				t.Errorf("reported %q, left %q, want %q", files, found, test.there)
			}
			if entries, _ := os.ReadDir(root); len(entries) != len(test.there) {
				t.Errorf("left %v", entries)
			}
		})
	}
}

// broken is a file system that lists its files but cannot read them.
type broken struct{ fstest.MapFS }

func (b broken) ReadFile(string) ([]byte, error) { return nil, errors.New("broken") }

// tree lists the files below dir, sorted.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
