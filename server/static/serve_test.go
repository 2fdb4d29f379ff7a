package static

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// modified is the modification time of all files in a fixture, etagOf10 the ETag
// of one with ten bytes.
var modified = time.Unix(0x65000000, 0)

const etagOf10 = `"65000000-a"`

// big is a body beyond smallBody.
var big = bytes.Repeat([]byte("0123456789abcdef"), 4096)

// fixture makes a directory with files by name and opens it.
func fixture(t testing.TB, files map[string]string) (*Dir, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content, modified)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

// write writes a file and the directories above it.
func write(t testing.TB, name, content string, modified time.Time) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, []byte(content), 0o644)
	}
	if err == nil {
		err = os.Chtimes(name, modified, modified)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A result is a response as a client gets it.
type result struct {
	*http.Response
	body string
	err  error // from Serve
}

// serve answers a request, writes the response as fasthttp's server does and
// reads that with another implementation. The URI is that of the request, path
// what a route passes on. Headers are "Name: value".
func serve(t testing.TB, d *Dir, method, uri, path string, headers ...string) result {
	t.Helper()
	var req fasthttp.Request
	var resp fasthttp.Response
	req.Header.SetMethod(method)
	req.SetRequestURI(uri)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	err := d.Serve(&req, &resp, []byte(path))
	var wire bytes.Buffer
	w := bufio.NewWriter(&wire)
	if err := resp.Write(w); err != nil {
		t.Fatalf("%s %s: cannot write the response: %v", method, uri, err)
	}
	w.Flush()
	r := bufio.NewReader(&wire)
	parsed, parseErr := http.ReadResponse(r, &http.Request{Method: method})
	if parseErr != nil {
		t.Fatalf("%s %s: cannot read the response: %v", method, uri, parseErr)
	}
	body, readErr := io.ReadAll(parsed.Body)
	if readErr != nil || r.Buffered() > 0 {
		t.Fatalf("%s %s: body: %v, %d bytes left behind it", method, uri, readErr, r.Buffered())
	}
	return result{parsed, string(body), err}
}

func get(t testing.TB, d *Dir, path string, headers ...string) result {
	t.Helper()
	return serve(t, d, "GET", "/static/"+strings.TrimPrefix(path, "/"), path, headers...)
}

// expect checks a status, the body unless it is "-", and headers: "Name: value",
// or "Name:" for one that must be absent.
func (r result) expect(t *testing.T, what string, status int, body string, headers ...string) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("%s: status %d, want %d", what, r.StatusCode, status)
	}
	if body != "-" && r.body != body {
		t.Errorf("%s: body %.40q, want %.40q", what, r.body, body)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if got := strings.Join(r.Header.Values(name), " | "); got != strings.TrimSpace(value) {
			t.Errorf("%s: %s: %q, want %q", what, name, got, strings.TrimSpace(value))
		}
	}
}

var site = map[string]string{
	"index.html":       "<root>",
	"a.txt":            "0123456789",
	"big.bin":          string(big),
	"empty.txt":        "",
	".hidden":          "dot",
	"sp ace.txt":       "space",
	"UPPER.HTML":       "upper",
	"docs/index.html":  "<docs>",
	"docs/style.css":   "css",
	"bare/file.txt":    "file",
	"odd/index.html/x": "x",
	`back\slash.txt`:   "never",
}

func TestServe(t *testing.T) {
	d, _ := fixture(t, site)
	for _, c := range []struct {
		method, path string
		status       int
		body         string
		headers      []string
	}{
		{"GET", "/a.txt", 200, "0123456789", []string{
			"Content-Type: text/plain; charset=utf-8", "Content-Length: 10", "ETag: " + etagOf10,
			"Last-Modified: Tue, 12 Sep 2023 06:06:56 GMT", "Accept-Ranges: bytes", "Vary: Accept-Encoding",
			"Content-Encoding:", "Content-Range:"}},
		{"GET", "a.txt", 200, "0123456789", nil},
		{"HEAD", "/a.txt", 200, "", []string{
			"Content-Type: text/plain; charset=utf-8", "Content-Length: 10", "ETag: " + etagOf10, "Accept-Ranges: bytes"}},
		{"GET", "/big.bin", 200, string(big), []string{
			"Content-Type: application/octet-stream", "Content-Length: 65536", `ETag: "65000000-10000"`, "Vary:"}},
		{"HEAD", "/big.bin", 200, "", []string{"Content-Length: 65536"}},
		{"GET", "/empty.txt", 200, "", []string{"Content-Length: 0", "Content-Type: text/plain; charset=utf-8"}},
		{"HEAD", "/empty.txt", 200, "", []string{"Content-Length: 0"}},
		{"GET", "/.hidden", 200, "dot", []string{"Content-Type: application/octet-stream"}},
		{"GET", "/sp ace.txt", 200, "space", nil},
		{"GET", "/UPPER.HTML", 200, "upper", []string{"Content-Type: text/html; charset=utf-8"}},
		{"GET", "/docs/style.css", 200, "css", []string{"Content-Type: text/css; charset=utf-8"}},

		{"GET", "/", 200, "<root>", []string{"Content-Type: text/html; charset=utf-8"}},
		{"GET", "", 200, "<root>", nil},
		{"GET", "/docs/", 200, "<docs>", nil},
		{"GET", "/docs/index.html", 200, "<docs>", nil},
		{"GET", "/bare/", 403, "403 Forbidden\n", []string{"Content-Type: text/plain; charset=utf-8", "ETag:"}},
		{"GET", "/odd/", 403, "403 Forbidden\n", nil},
		{"GET", "/docs", 301, "301 Moved Permanently\n", []string{"Location: /static/docs/"}},
		{"HEAD", "/docs", 301, "", []string{"Location: /static/docs/", "Content-Length: 22"}},

		{"GET", "/none", 404, "404 Not Found\n", []string{"Content-Length: 14", "Last-Modified:", "Accept-Ranges:"}},
		{"HEAD", "/none", 404, "", []string{"Content-Length: 14"}},
		{"GET", "/none/", 404, "404 Not Found\n", nil},
		{"GET", "/a.txt/", 404, "404 Not Found\n", nil},
		{"GET", "/a.txt/x", 404, "404 Not Found\n", nil},
		{"GET", "/" + strings.Repeat("n", 300), 404, "404 Not Found\n", nil},
		{"GET", "/a.txt\x00", 404, "404 Not Found\n", nil},
		{"GET", "/a.txt\x00.css", 404, "404 Not Found\n", nil},
		{"GET", `/back\slash.txt`, 404, "404 Not Found\n", nil},
		{"GET", `/..\a.txt`, 404, "404 Not Found\n", nil},
		{"GET", "/../a.txt", 404, "404 Not Found\n", nil},
		{"GET", "/docs/../a.txt", 404, "404 Not Found\n", nil},
		{"GET", "..", 404, "404 Not Found\n", nil},
		{"GET", ".", 404, "404 Not Found\n", nil},
		{"GET", "/./", 404, "404 Not Found\n", nil},
		{"GET", "/docs/.", 404, "404 Not Found\n", nil},
		{"GET", "/docs//style.css", 404, "404 Not Found\n", nil},
		{"GET", "//a.txt", 404, "404 Not Found\n", nil},
		{"GET", "/\xff.txt", 404, "404 Not Found\n", nil},

		{"POST", "/a.txt", 405, "405 Method Not Allowed\n", []string{"Allow: GET, HEAD"}},
		{"OPTIONS", "/none", 405, "405 Method Not Allowed\n", []string{"Allow: GET, HEAD"}},
		{"DELETE", "/docs", 405, "405 Method Not Allowed\n", []string{"Location:"}},
	} {
		r := serve(t, d, c.method, "/static/"+strings.TrimPrefix(c.path, "/"), c.path)
		r.expect(t, c.method+" "+c.path, c.status, c.body, c.headers...)
		if r.err != nil {
			t.Errorf("%s %q: error %v for what is the client's doing", c.method, c.path, r.err)
		}
	}
}

func TestRedirect(t *testing.T) {
	d, _ := fixture(t, map[string]string{"docs/index.html": "<docs>", "sp ace/x": "", "evil.example/x": "", "q?/x": ""})
	for _, c := range []struct{ uri, path, location string }{
		{"/docs?a=1&b=%20", "docs", "/docs/?a=1&b=%20"},
		{"/s/docs", "docs", "/s/docs/"},
		{"/sp%20ace", "sp ace", "/sp%20ace/"},
		{"/q%3F", "q?", "/q%3F/"},
		{"//evil.example", "evil.example", "/evil.example/"},
		{"/%2Fevil.example", "evil.example", "/evil.example/"},
		{"/%5Cevil.example/../evil.example", "evil.example", "/evil.example/"},
		{"/static", "", "/static/"},
	} {
		var req fasthttp.Request
		req.SetRequestURI(c.uri)
		// The URI as a server sees it: the target of a request line.
		req.Header.SetHost("host.example")
		var resp fasthttp.Response
		if err := d.Serve(&req, &resp, []byte(c.path)); err != nil {
			t.Error(err)
		}
		if got := string(resp.Header.Peek("Location")); resp.StatusCode() != 301 || got != c.location {
			t.Errorf("%s: status %d, Location %q, want 301, %q", c.uri, resp.StatusCode(), got, c.location)
		}
	}
	// A route may pass a path without the slash that the request has.
	serve(t, d, "GET", "/docs/", "docs").expect(t, "docs for /docs/", 200, "<docs>", "Location:")
	serve(t, d, "GET", "/file/", "docs/index.html").expect(t, "a file for /file/", 200, "<docs>")
}

func TestOpenErrors(t *testing.T) {
	_, dir := fixture(t, site)
	for _, name := range []string{filepath.Join(dir, "none"), filepath.Join(dir, "a.txt"), ""} {
		if d, err := Open(name); err == nil {
			d.Close()
			t.Errorf("%q can be opened", name)
		} else if !strings.Contains(err.Error(), "cannot open directory") {
			t.Errorf("%q: error %q does not say what failed", name, err)
		}
	}
}

// Headers that other phases have set stay, and an old body does not.
func TestServeKeepsHeaders(t *testing.T) {
	d, _ := fixture(t, site)
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("/a.txt")
	resp.Header.Set("X-Request-Id", "7")
	resp.Header.Set("Vary", "Origin")
	resp.SetBodyString("old")
	if err := d.Serve(&req, &resp, []byte("a.txt")); err != nil {
		t.Fatal(err)
	}
	vary := resp.Header.PeekAll("Vary")
	if len(vary) != 2 || string(vary[0]) != "Origin" || string(vary[1]) != "Accept-Encoding" {
		t.Errorf("Vary: %q", vary)
	}
	if id := resp.Header.Peek("X-Request-Id"); string(id) != "7" {
		t.Errorf("X-Request-Id: %q", id)
	}
	if string(resp.Body()) != "0123456789" {
		t.Errorf("body %q", resp.Body())
	}
}

func TestMediaType(t *testing.T) {
	for name, want := range map[string]string{
		"a":                       "application/octet-stream",
		"a.":                      "application/octet-stream",
		"a.unknown":               "application/octet-stream",
		".css":                    "text/css; charset=utf-8",
		"dir.css/a":               "application/octet-stream",
		"a.JS":                    "text/javascript; charset=utf-8",
		"a.tar.gz":                "application/gzip",
		"app.wasm":                "application/wasm",
		"x.WOFF2":                 "font/woff2",
		"x.averylongsuffixindeed": "application/octet-stream",
	} {
		if got, _ := mediaType(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
