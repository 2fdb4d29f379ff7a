package static

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestCompressed(t *testing.T) {
	d, dir := fixture(t, map[string]string{
		"both.css": "plain css", "both.css.br": "BR", "both.css.gz": "GZIP",
		"gz.js": "plain js", "gz.js.gz": "GZIPPED",
		"old.css": "newer than its copies", "old.css.br": "STALE", "old.css.gz": "STALE",
		"new.css": "plain", "new.css.gz": "NEW",
		"photo.png": "png", "photo.png.gz": "never",
		"only.css.gz":     "no plain file",
		"dir.css/x":       "x",
		"taken.css":       "plain",
		"taken.css.br/x":  "a directory",
		"docs/index.html": "<docs>", "docs/index.html.br": "BR docs",
		"big.txt": strings.Repeat("x", 1<<20), "big.txt.gz": string(big),
	})
	for _, name := range []string{"old.css", "new.css.gz"} {
		content := map[string]string{"old.css": "newer than its copies", "new.css.gz": "NEW"}[name]
		write(t, filepath.Join(dir, name), content, modified.Add(time.Second))
	}
	for _, c := range []struct{ path, accept, coding, body string }{
		{"both.css", "gzip, deflate, br", "br", "BR"},
		{"both.css", "gzip;q=1.0, br;q=0.1", "br", "BR"},
		{"both.css", "gzip, br;q=0", "gzip", "GZIP"},
		{"both.css", "br;q=0, gzip;q=0.0, identity", "", "plain css"},
		{"both.css", "*", "br", "BR"},
		{"both.css", "br;q=0, *;q=0.5", "gzip", "GZIP"},
		{"both.css", "*;q=0", "", "plain css"},
		{"both.css", "identity", "", "plain css"},
		{"both.css", "", "", "plain css"},
		{"gz.js", "br, gzip", "gzip", "GZIPPED"},
		{"gz.js", "br", "", "plain js"},
		{"old.css", "br, gzip", "", "newer than its copies"},
		{"new.css", "gzip", "gzip", "NEW"},
		{"taken.css", "br", "", "plain"},
		{"docs/", "br", "br", "BR docs"},
		{"big.txt", "gzip", "gzip", string(big)},
	} {
		r := get(t, d, c.path, "Accept-Encoding: "+c.accept)
		r.expect(t, c.path+" for "+c.accept, 200, c.body, "Content-Encoding: "+c.coding, "Vary: Accept-Encoding")
		if want := map[string]string{"css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[c.path[len(c.path)-3:]]; want != "" {
			r.expect(t, c.path, 200, "-", "Content-Type: "+want)
		}
	}
	get(t, d, "photo.png", "Accept-Encoding: gzip").expect(t, "photo.png", 200, "png", "Content-Encoding:", "Vary:")
	get(t, d, "only.css", "Accept-Encoding: gzip").expect(t, "only.css", 404, "-", "Content-Encoding:")
	get(t, d, "dir.css", "Accept-Encoding: gzip").expect(t, "dir.css", 301, "-")
	get(t, d, "both.css.gz", "Accept-Encoding: gzip").expect(t, "both.css.gz", 200, "GZIP",
		"Content-Encoding:", "Content-Type: application/gzip")
}

// A compressed file is a representation of its own: validators and ranges are
// those of its bytes.
func TestCompressedValidators(t *testing.T) {
	d, _ := fixture(t, map[string]string{"a.css": "1234", "a.css.br": "ABCD", "a.css.gz": "WXYZ"})
	plain, br, gzip := `"65000000-4"`, `"65000000-4-br"`, `"65000000-4-gzip"`
	get(t, d, "a.css").expect(t, "plain", 200, "1234", "ETag: "+plain)
	get(t, d, "a.css", "Accept-Encoding: br").expect(t, "br", 200, "ABCD", "ETag: "+br)
	get(t, d, "a.css", "Accept-Encoding: gzip").expect(t, "gzip", 200, "WXYZ", "ETag: "+gzip)
	get(t, d, "a.css", "Accept-Encoding: br", "If-None-Match: "+br).expect(t, "own tag", 304, "", "ETag: "+br, "Vary: Accept-Encoding", "Content-Encoding:")
	get(t, d, "a.css", "Accept-Encoding: br", "If-None-Match: "+gzip).expect(t, "other's tag", 200, "ABCD")
	get(t, d, "a.css", "Accept-Encoding: br", "Range: bytes=1-2").expect(t, "range", 206, "BC",
		"Content-Range: bytes 1-2/4", "Content-Encoding: br", "Vary: Accept-Encoding")
	get(t, d, "a.css", "Accept-Encoding: gzip", "Range: bytes=1-2", "If-Range: "+br).expect(t, "if-range", 200, "WXYZ")
	get(t, d, "a.css", "Accept-Encoding: gzip", "Range: bytes=9-").expect(t, "416", 416, "-", "Content-Encoding:")
}

var weight = regexp.MustCompile(`^[qQ]=(0(\.\d{0,3})?|1(\.0{0,3})?)$`)

// FuzzAccepts compares with a reading of the grammar by regular expression.
func FuzzAccepts(f *testing.F) {
	for _, s := range []string{"gzip, br;q=0.5", "*;q=0,br", "GZIP ; q=0.001", "br;q=1.000", "br;q=1.001", "br;q=", "br;Q=0.", ";,", "br;q=0.0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		want, decided := false, false
		for member := range strings.SplitSeq(header, ",") {
			name, q, weighted := strings.Cut(member, ";")
			name, q = strings.Trim(name, " \t"), strings.Trim(q, " \t")
			accepted := !weighted || weight.MatchString(q) && strings.Trim(q, "qQ=0.") != ""
			switch {
			case decided:
			case name == "*":
				want = accepted
			case len(name) == 2 && strings.EqualFold(name, "br"):
				want, decided = accepted, true
			}
		}
		if got := accepts([]byte(header), "br"); got != want {
			t.Fatalf("%q: %v, want %v", header, got, want)
		}
	})
}
