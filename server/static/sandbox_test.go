package static

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// link makes a symbolic link in dir.
func link(t *testing.T, target, dir, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestSymbolicLinks(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret.txt"), "secret", modified)
	write(t, filepath.Join(outside, "index.html"), "secret", modified)
	d, dir := fixture(t, map[string]string{
		"a.txt": "inside", "docs/index.html": "<docs>", "b.css": "plain", "x/y": "", "evil/x": "",
	})
	up, err := filepath.Rel(dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	link(t, "a.txt", dir, "relative.txt")
	link(t, "docs", dir, "manual")
	link(t, "../a.txt", dir, "x/up.txt")
	link(t, filepath.Join(outside, "secret.txt"), dir, "absolute.txt")
	link(t, filepath.Join(dir, "a.txt"), dir, "absolute-inside.txt")
	link(t, up+"/secret.txt", dir, "escape.txt")
	link(t, up, dir, "tree")
	link(t, "../"+filepath.Base(dir)+"/a.txt", dir, "out-and-in.txt")
	link(t, outside+"/index.html", dir, "evil/index.html")
	link(t, up+"/secret.txt", dir, "b.css.br")
	link(t, "loop", dir, "loop")
	link(t, "nowhere", dir, "dangling")

	for path, want := range map[string]struct {
		status int
		body   string
		logged bool
	}{
		"relative.txt":        {200, "inside", false},
		"manual/":             {200, "<docs>", false},
		"manual":              {301, "301 Moved Permanently\n", false},
		"x/up.txt":            {200, "inside", false},
		"absolute.txt":        {403, "403 Forbidden\n", true},
		"absolute-inside.txt": {403, "403 Forbidden\n", true},
		"escape.txt":          {403, "403 Forbidden\n", true},
		"tree/secret.txt":     {403, "403 Forbidden\n", true},
		"tree/":               {403, "403 Forbidden\n", true},
		"tree":                {403, "403 Forbidden\n", true},
		"out-and-in.txt":      {403, "403 Forbidden\n", true},
		"evil/":               {403, "403 Forbidden\n", true},
		"loop":                {403, "403 Forbidden\n", true},
		"dangling":            {404, "404 Not Found\n", false},
		"b.css":               {200, "plain", false},
	} {
		r := get(t, d, path, "Accept-Encoding: br")
		r.expect(t, path, want.status, want.body)
		if (r.err != nil) != want.logged {
			t.Errorf("%s: error for the log: %v", path, r.err)
		}
	}
}

// What stands in the directory's place now is served: a build that makes it
// anew, a deployment that turns a link to another release.
func TestDirectoryReplaced(t *testing.T) {
	_, releases := fixture(t, map[string]string{"1/a.txt": "old", "2/a.txt": "new"})
	dir := filepath.Join(releases, "current")
	link(t, "1", releases, "current")
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	get(t, d, "a.txt").expect(t, "the first release", 200, "old")

	link(t, "2", releases, "next")
	if err := os.Rename(filepath.Join(releases, "next"), dir); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	get(t, d, "a.txt").expect(t, "the next release", 200, "new")

	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	r := get(t, d, "a.txt")
	r.expect(t, "without the directory", 500, "-")
	if r.err == nil || !strings.Contains(r.err.Error(), dir) {
		t.Errorf("the log is told %v, which does not name the directory", r.err)
	}

	write(t, filepath.Join(dir, "a.txt"), "made anew", modified)
	get(t, d, "a.txt").expect(t, "made anew", 200, "made anew")
}
