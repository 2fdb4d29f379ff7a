package static

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// waitUntilForgotten waits until nothing is used any more that is kept now.
func waitUntilForgotten(d *Dir) {
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	for _, f := range d.kept.files {
		f.opened = f.opened.Add(-keepFor)
	}
}

func TestKeptFileChanges(t *testing.T) {
	d, dir := fixture(t, map[string]string{"f.css": "old", "f.css.br": "old, compressed", "docs/index.html": "old index"})
	get(t, d, "f.css").expect(t, "first", 200, "old")
	get(t, d, "f.css", "Accept-Encoding: br").expect(t, "first, compressed", 200, "old, compressed", "Content-Encoding: br")
	get(t, d, "docs/").expect(t, "first index", 200, "old index")
	later := modified.Add(time.Hour)
	for _, name := range []string{"f.css", "f.css.br", "docs/index.html"} {
		write(t, filepath.Join(dir, name), "new", later)
	}
	waitUntilForgotten(d)
	get(t, d, "f.css").expect(t, "changed", 200, "new")
	get(t, d, "f.css", "Accept-Encoding: br").expect(t, "changed, compressed", 200, "new", "Content-Encoding: br")
	get(t, d, "docs/").expect(t, "changed index", 200, "new")
	if err := os.Remove(filepath.Join(dir, "f.css")); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	get(t, d, "f.css").expect(t, "removed", 404, "-")
}

// A path of a file and the same with a slash are not the same.
func TestKeptDirectory(t *testing.T) {
	d, _ := fixture(t, map[string]string{"docs/index.html": "index"})
	get(t, d, "docs/").expect(t, "with the slash", 200, "index")
	get(t, d, "docs").expect(t, "without it", 301, "-")
	get(t, d, "docs/").expect(t, "with it again", 200, "index")
}

// TestKeptAreBounded asks for more than is kept.
func TestKeptAreBounded(t *testing.T) {
	files := map[string]string{}
	for i := range 3 * keepMost / (smallBody + entry) / 2 {
		files[fmt.Sprintf("%d.txt", i)] = strings.Repeat("x", smallBody)
	}
	d, _ := fixture(t, files)
	for name, content := range files {
		get(t, d, name).expect(t, name, 200, content)
		get(t, d, name, "Accept-Encoding: gzip").expect(t, name, 200, content)
		held := 0
		for _, f := range d.kept.files {
			held += len(f.content) + entry
		}
		if held != d.kept.bytes || held > keepMost {
			t.Fatalf("%d bytes are kept, counted as %d, and %d may be", held, d.kept.bytes, keepMost)
		}
	}
}

// TestServingKeptAllocatesNothing has one file asked for again and again.
func TestServingKeptAllocatesNothing(t *testing.T) {
	d, _ := fixture(t, map[string]string{"f.css": "body {}"})
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("/f.css")
	req.Header.Set("Accept-Encoding", "gzip, br")
	path := []byte("/f.css")
	serve := func() {
		d.Serve(&req, &resp, path)
		if len(resp.Body()) == 0 {
			t.Fatal("there is no body")
		}
		resp.Reset()
	}
	serve()
	if n := testing.AllocsPerRun(100, serve); n > 0.5 { // now and then it is read anew
		t.Errorf("%.1f allocations", n)
	}
}
