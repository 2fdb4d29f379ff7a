package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// largeFile is longer than one piece of a file, and no multiple of anything.
const largeFile = sendPiece*3 + 12345

// site makes a directory of files, with a secret beside it, and the
// configuration that serves them in every way there is.
func site(t *testing.T) (config, dir, large string) {
	t.Helper()
	top := t.TempDir()
	dir = filepath.Join(top, "www")
	content := make([]byte, largeFile)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(content)
	large = string(content)
	at := time.Now().Add(-time.Hour)
	for name, text := range map[string]string{
		"small.txt": "small\n", "empty.txt": "", "large.bin": large, "app.js": "plain script", "app.js.br": "BR", "app.js.gz": "GZ",
		"index.html": "the index", "docs/index.html": "the docs", "whole/x.txt": "the whole path", "robots.txt": "for robots",
		"a b.txt": "with a space", "../secret.txt": "secret", "../www-secret/x.txt": "secret",
	} {
		writeFile(t, dir, name, text)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, route := range [][2]string{
		{"subtree", "/files/"}, {"rest", "/rest/{rest...}"}, {"named", "/v/{version}/{file...}"},
		{"whole", "/whole/{name}"}, {"exact", "GET /robots.txt"},
	} {
		config += fmt.Sprintf("[routes.%s]\nmatch = %q\nstatic = %q\n", route[0], route[1], dir)
	}
	return config, dir, large
}

// Every way to a file, one after the other over a single connection.
func TestStaticRoutes(t *testing.T) {
	text, dir, large := site(t)
	s := start(t, text)
	info, err := os.Stat(filepath.Join(dir, "small.txt"))
	if err != nil {
		t.Fatal(err)
	}
	etag := s.do("GET", "/files/small.txt").Header.Get("ETag")
	c := s.dial()
	for _, test := range []struct {
		method, target string
		header         string
		status         int
		body           string
		want           string // one header of the response
	}{
		// What the pattern leaves open is the file's name, else the whole path.
		{"GET", "/files/small.txt", "", 200, "small\n", "Content-Type: text/plain; charset=utf-8"},
		{"GET", "/rest/small.txt", "", 200, "small\n", "Content-Length: 6"},
		{"GET", "/v/2/small.txt?v=2", "", 200, "small\n", ""},
		{"GET", "/whole/x.txt", "", 200, "the whole path", ""},
		{"GET", "/robots.txt", "", 200, "for robots", ""},
		{"GET", "/files/whole/x.txt", "", 200, "the whole path", ""},
		{"GET", "/rest/whole/x.txt", "", 200, "the whole path", ""},
		{"GET", "/files/files/small.txt", "", 404, "404 Not Found\n", ""},
		{"GET", "/whole/small.txt", "", 404, "404 Not Found\n", ""},
		{"GET", "/files/a%20b.txt", "", 200, "with a space", ""},
		{"GET", "/files/empty.txt", "", 200, "", "Content-Length: 0"},
		// Directories.
		{"GET", "/files/", "", 200, "the index", ""},
		{"GET", "/rest/", "", 200, "the index", ""},
		{"GET", "/files", "", 301, "301 Moved Permanently\n", "Location: /files/"},
		{"GET", "/files/docs/", "", 200, "the docs", "Content-Type: text/html; charset=utf-8"},
		{"GET", "/files/docs?a=b", "", 301, "301 Moved Permanently\n", "Location: /files/docs/?a=b"},
		{"GET", "/rest/docs", "", 301, "301 Moved Permanently\n", "Location: /rest/docs/"},
		{"GET", "/files/whole/", "", 403, "403 Forbidden\n", ""},
		{"GET", "/files/small.txt/", "", 404, "404 Not Found\n", ""},
		// Large files, and parts of them.
		{"GET", "/files/large.bin", "", 200, large, "Content-Type: application/octet-stream"},
		{"GET", "/files/large.bin", "Range: bytes=1048570-2097160", 206, large[1048570:2097161], "Content-Range: bytes 1048570-2097160/" + strconv.Itoa(largeFile)},
		{"GET", "/files/large.bin", "Range: bytes=-20000", 206, large[largeFile-20000:], "Content-Length: 20000"},
		{"GET", "/files/large.bin", "Range: bytes=5-9", 206, large[5:10], ""},
		{"GET", "/files/large.bin", "Range: bytes=99999999-", 416, "416 Requested Range Not Satisfiable\n", "Content-Range: bytes */" + strconv.Itoa(largeFile)},
		{"HEAD", "/files/large.bin", "", 200, "", "Content-Length: " + strconv.Itoa(largeFile)},
		{"HEAD", "/files/small.txt", "", 200, "", "Content-Length: 6"},
		{"HEAD", "/files/none", "", 404, "", "Content-Length: 14"},
		// Conditions.
		{"GET", "/files/small.txt", "If-None-Match: " + etag, 304, "", "ETag: " + etag},
		{"GET", "/files/small.txt", "If-None-Match: \"other\"", 200, "small\n", ""},
		{"GET", "/files/small.txt", "If-Modified-Since: " + info.ModTime().UTC().Format(http.TimeFormat), 304, "", ""},
		{"GET", "/files/large.bin", "If-None-Match: *", 304, "", ""},
		{"GET", "/files/small.txt", "If-Match: \"other\"", 412, "412 Precondition Failed\n", ""},
		// Neighbours that are compressed already.
		{"GET", "/files/app.js", "", 200, "plain script", "Vary: Accept-Encoding"},
		{"GET", "/files/app.js", "Accept-Encoding: gzip, br", 200, "BR", "Content-Encoding: br"},
		{"GET", "/files/app.js", "Accept-Encoding: gzip", 200, "GZ", "Content-Encoding: gzip"},
		{"HEAD", "/files/app.js", "Accept-Encoding: gzip", 200, "", "Content-Length: 2"},
		{"GET", "/files/app.js", "Accept-Encoding: br;q=0", 200, "plain script", "Content-Encoding: "},
		// Methods: the pattern's where it names one, else those of files.
		{"POST", "/files/small.txt", "Content-Length: 0", 405, "405 Method Not Allowed\n", "Allow: GET, HEAD"},
		{"POST", "/robots.txt", "Content-Length: 0", 405, "405 Method Not Allowed\n", "Allow: GET, HEAD"},
	} {
		name := test.method + " " + test.target + " " + test.header
		if test.header == "" {
			test.header = "X: y"
		}
		c.send(test.method + " " + test.target + " HTTP/1.1\nHost: a\n" + test.header + "\n\n")
		r := c.receive(test.method)
		if r.StatusCode != test.status || r.body != test.body {
			t.Errorf("%s: %d with %d bytes %.40q, want %d with %d %.40q", name, r.StatusCode, len(r.body), r.body, test.status, len(test.body), test.body)
		}
		if key, value, ok := strings.Cut(test.want, ": "); ok && r.Header.Get(key) != value {
			t.Errorf("%s: %s is %q, want %q", name, key, r.Header.Get(key), value)
		}
		if r.Close {
			t.Fatalf("%s: the connection closes", name)
		}
	}
}

// Nothing outside the directory can be had, however the path is written.
func TestStaticStaysInside(t *testing.T) {
	text, _, _ := site(t)
	s := start(t, text)
	var paths []string
	for _, base := range []string{"/files/", "/rest/", "/v/1/", "/whole/", "/files/docs/"} {
		for _, up := range []string{"../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%2E%2E%2F", ".%2e/", "..%5c", "..\\", "....//", ".../", "..;/",
			"%252e%252e%252f", "..%00/", "%c0%ae%c0%ae/", "docs/../../", "docs/..%2f..%2f", "./../", "//../"} {
			for _, file := range []string{"secret.txt", "www-secret/x.txt", "etc/passwd"} {
				for n := 1; n <= 8; n *= 2 {
					paths = append(paths, base+strings.Repeat(up, n)+file)
				}
			}
		}
		paths = append(paths, base+"%2fetc/passwd", base+"/etc/passwd", base+"%2f%2fetc%2fpasswd", base+"file:///etc/passwd", base+"..", base+"%2e%2e", base+"../")
	}
	c := s.dial()
	for _, path := range paths {
		c.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		r := c.receive("GET")
		if strings.Contains(r.body, "secret") || strings.Contains(r.body, "root:") || r.StatusCode == 200 && !strings.HasPrefix(r.body, "the ") {
			t.Errorf("GET %s: %d %.40q", path, r.StatusCode, r.body)
		}
		if location := r.Header.Get("Location"); strings.HasPrefix(location, "//") || strings.Contains(location, "..") {
			t.Errorf("GET %s leads to %s", path, location)
		}
		if r.StatusCode >= 500 {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
		if r.Close {
			c.Close()
			c = s.dial()
		}
	}
	c.send("GET /files/small.txt HTTP/1.1\nHost: a\n\n")
	if r := c.receive("GET"); r.body != "small\n" {
		t.Errorf("afterwards: %d %q", r.StatusCode, r.body)
	}
}

// descriptors are the files and sockets that this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files: ", err)
	}
	return len(entries)
}

// Files are closed whatever becomes of their response, a client that leaves in
// the middle included.
func TestStaticLeaksNoDescriptors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would close forgotten files
	text, dir, _ := site(t)
	text, file := withAccessLog(t, text)
	s := start(t, text)
	const huge = 64 << 20 // more than any socket buffers
	writeFile(t, dir, "huge.bin", "")
	if err := os.Truncate(filepath.Join(dir, "huge.bin"), huge); err != nil {
		t.Fatal(err)
	}
	round := func() {
		c := s.dial()
		defer c.Close()
		for _, request := range []string{"GET /files/small.txt", "GET /files/large.bin", "HEAD /files/large.bin", "GET /files/docs", "GET /files/docs/", "GET /files/none"} {
			for _, header := range []string{"", "Range: bytes=1-3\n", "Range: bytes=1-100000\n", "Range: bytes=99999999-\n", "If-None-Match: *\n", "Accept-Encoding: br\n"} {
				c.send(request + " HTTP/1.1\nHost: a\n" + header + "\n")
				c.receive(request[:strings.IndexByte(request, ' ')])
			}
		}
		leaver := s.dial()
		leaver.send("GET /files/huge.bin HTTP/1.1\nHost: a\n\n")
		if _, err := io.ReadFull(leaver.r, make([]byte, 10000)); err != nil {
			t.Fatal(err)
		}
		leaver.Close()
	}
	round() // opens what the runtime keeps open
	waitFor(t, "connections to end", func() bool { return s.connections() == 0 })
	before := descriptors(t)
	for range 5 {
		round()
	}
	waitFor(t, "connections to end", func() bool { return s.connections() == 0 })
	if !eventually(func() bool { return descriptors(t) <= before }) {
		t.Errorf("%d descriptors before, %d after", before, descriptors(t))
	}
	if got := s.get("/files/small.txt"); got != "small\n" {
		t.Errorf("afterwards: %q", got)
	}
	// The access log tells how far each of those who left had come.
	s.stop()
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for line := range strings.Lines(string(log)) {
		l := parseAccess(t, line)
		if *l.URI != "/files/huge.bin" {
			continue
		}
		left++
		if l.Status != 200 || l.BodyBytesSent < 9000 || l.BodyBytesSent >= huge || l.BytesSent <= l.BodyBytesSent {
			t.Errorf("the log has %s", line)
		}
	}
	if left != 6 {
		t.Errorf("the log has %d of 6 who left", left)
	}
}
