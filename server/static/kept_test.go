package static

import (
	"errors"
	"fmt"
	"io"
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
	d, dir := fixture(t, map[string]string{"f.css": "old", "f.css.br": "old, compressed", "docs/index.html": "old index", "index.html": "old home"})
	get(t, d, "f.css").expect(t, "first", 200, "old")
	get(t, d, "f.css", "Accept-Encoding: br").expect(t, "first, compressed", 200, "old, compressed", "Content-Encoding: br")
	get(t, d, "docs/").expect(t, "first index", 200, "old index")
	get(t, d, "").expect(t, "first home", 200, "old home")
	later := modified.Add(time.Hour)
	for _, name := range []string{"f.css", "f.css.br", "docs/index.html", "index.html"} {
		write(t, filepath.Join(dir, name), "new", later)
	}
	for _, path := range []string{"/", "docs/", "f.css"} {
		if d.kept.files[key{name: path}] == nil {
			t.Errorf("%s is not kept", path)
		}
	}
	waitUntilForgotten(d)
	get(t, d, "").expect(t, "changed home", 200, "new")
	get(t, d, "f.css").expect(t, "changed", 200, "new")
	get(t, d, "f.css", "Accept-Encoding: br").expect(t, "changed, compressed", 200, "new", "Content-Encoding: br")
	get(t, d, "docs/").expect(t, "changed index", 200, "new")
	if err := os.Remove(filepath.Join(dir, "f.css")); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	get(t, d, "f.css").expect(t, "removed", 404, "-")
}

// What is written to a large file is seen at once, and another one of its name
// soon.
func TestKeptLargeFileChanges(t *testing.T) {
	d, dir := fixture(t, map[string]string{"f.bin": string(big)})
	name := filepath.Join(dir, "f.bin")
	get(t, d, "f.bin").expect(t, "first", 200, string(big), `ETag: "65000000-10000"`)
	later := modified.Add(time.Second)
	write(t, name, strings.Repeat("x", len(big)), later)
	get(t, d, "f.bin").expect(t, "other bytes", 200, strings.Repeat("x", len(big)), `ETag: "65000001-10000"`)
	write(t, name, strings.Repeat("y", 2*len(big)), later)
	get(t, d, "f.bin", "Range: bytes=-5").expect(t, "longer", 206, "yyyyy", `ETag: "65000001-20000"`)
	if err := os.Truncate(name, 20000); err != nil {
		t.Fatal(err)
	}
	get(t, d, "f.bin").expect(t, "shorter", 200, strings.Repeat("y", 20000))
	if err := os.Truncate(name, 3); err != nil {
		t.Fatal(err)
	}
	get(t, d, "f.bin").expect(t, "small", 200, "yyy")
	waitUntilForgotten(d)
	write(t, name+".new", strings.Repeat("z", len(big)), later)
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	get(t, d, "f.bin").expect(t, "replaced", 200, strings.Repeat("z", len(big)))
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	get(t, d, "f.bin").expect(t, "removed", 404, "-")
}

// Answers that are under way have one file, each at its place, and it is open
// until the last of them is over.
func TestKeptFileIsShared(t *testing.T) {
	d, dir := fixture(t, map[string]string{"f.bin": string(big)})
	begin := func() (*fasthttp.Response, *Part) {
		var req fasthttp.Request
		resp := &fasthttp.Response{}
		req.SetRequestURI("/f.bin")
		if err := d.Serve(&req, resp, []byte("f.bin")); err != nil {
			t.Fatal(err)
		}
		return resp, resp.BodyStream().(*Part)
	}
	half := func(p *Part) string {
		b := make([]byte, len(big)/2)
		if _, err := io.ReadFull(p, b); err != nil {
			t.Error(err)
		}
		return string(b)
	}
	first, p1 := begin()
	second, p2 := begin()
	if p1.file != p2.file {
		t.Error("the file was opened twice")
	}
	if got := half(p1) + half(p2) + half(p1); got != string(big[:len(big)/2])+string(big) {
		t.Error("one reads where the other is")
	}
	first.Reset()
	p1.Close() // does nothing any more
	if err := os.Remove(filepath.Join(dir, "f.bin")); err != nil {
		t.Fatal(err)
	}
	waitUntilForgotten(d)
	get(t, d, "f.bin").expect(t, "removed", 404, "-")
	d.kept.clear()
	if got := half(p2); got != string(big[len(big)/2:]) {
		t.Error("the rest of a removed file is another's")
	}
	open := p2.file
	second.Reset()
	if _, err := open.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("nobody sends the file any more, and it is open: %v", err)
	}
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
