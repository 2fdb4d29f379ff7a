package static

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestNoDescriptorLeaks takes every way through the package, without a garbage
// collection that would close a forgotten file.
func TestNoDescriptorLeaks(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	files := map[string]string{"a.css.br": "BR", "a.css": "plain", "old.css": "plain", "old.css.gz": "STALE"}
	for name, content := range site {
		files[name] = content
	}
	d, dir := fixture(t, files)
	write(t, filepath.Join(dir, "old.css"), "plain", modified.AddDate(0, 0, 1))
	link(t, "/", dir, "escape")

	all := func() {
		for _, path := range []string{"", "a.txt", "big.bin", "empty.txt", "docs", "docs/", "bare/", "odd/", "none", "none/",
			"a.txt/x", "escape/etc", "..", "a.css", "old.css"} {
			for _, header := range []string{"X: y", "Accept-Encoding: br, gzip", "If-None-Match: *", `If-Match: "x"`,
				"Range: bytes=1-2", "Range: bytes=1-30000", "Range: bytes=99999999-"} {
				for _, method := range []string{"GET", "HEAD", "POST"} {
					serve(t, d, method, "/"+path, path, header)
				}
			}
		}
		// Bodies that are never written, or only in part.
		for _, finish := range []func(*fasthttp.Response){
			(*fasthttp.Response).Reset,
			func(resp *fasthttp.Response) {
				if resp.Write(bufio.NewWriterSize(broken{}, 16)) == nil {
					t.Error("a broken connection goes unnoticed")
				}
			},
			func(resp *fasthttp.Response) {
				resp.SkipBody = true
				resp.Write(bufio.NewWriter(broken{}))
			},
		} {
			var req fasthttp.Request
			var resp fasthttp.Response
			req.SetRequestURI("/big.bin")
			d.Serve(&req, &resp, []byte("big.bin"))
			if !resp.IsBodyStream() {
				t.Fatal("a large file is no stream")
			}
			finish(&resp)
		}
		for _, content := range []string{"small", string(big)} {
			resp, _ := interrupted(t, content, func(name string) { os.Truncate(name, 1) })
			resp.Write(bufio.NewWriter(broken{}))
		}
		d.kept.clear() // what is open for others
	}
	all() // opens what the runtime keeps open, such as its poller
	before := descriptors(t)
	all()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// A file that is kept open is closed though nobody asks for it again, and no
// more are than may be.
func TestKeptAreClosed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	files := map[string]string{}
	for i := range 2 * keepOpen {
		files[fmt.Sprintf("%d.bin", i)] = string(big[:smallBody+1])
	}
	d, _ := fixture(t, files)
	before := descriptors(t)
	for name := range files {
		get(t, d, name).expect(t, name, 200, string(big[:smallBody+1]))
		d.kept.mu.Lock()
		if open := d.kept.open; open > keepOpen {
			t.Errorf("%d files are open", open)
		}
		d.kept.mu.Unlock()
	}
	if after := descriptors(t); after > before+keepOpen {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	for end := time.Now().Add(10 * time.Second); descriptors(t) > before; time.Sleep(keepFor / 10) {
		if time.Now().After(end) {
			t.Fatalf("%d descriptors before, %d a long time after", before, descriptors(t))
		}
	}
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	if d.kept.open != 0 || d.kept.bytes != 0 {
		t.Errorf("%d are open and %d bytes are kept", d.kept.open, d.kept.bytes)
	}
}
