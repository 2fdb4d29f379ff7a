package static

import (
	"os"
	"path/filepath"
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

// A Dir stays with the directory it opened, whatever takes its name.
func TestDirectoryReplaced(t *testing.T) {
	d, dir := fixture(t, map[string]string{"a.txt": "old"})
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir + ".old") })
	write(t, filepath.Join(dir, "a.txt"), "new", modified)
	get(t, d, "a.txt").expect(t, "a.txt", 200, "old")
}
