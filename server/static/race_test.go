package static

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"
)

// interrupted serves a file that change does something to between opening it
// and reading it.
func interrupted(t *testing.T, content string, change func(name string)) (*fasthttp.Response, error) {
	t.Helper()
	d, dir := fixture(t, map[string]string{"f.bin": content})
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("/f.bin")
	f, err := d.find(&req, []byte("f.bin"))
	if err != nil {
		t.Fatal(err)
	}
	change(filepath.Join(dir, "f.bin"))
	err = f.serve(&req, &resp)
	d.kept.clear() // only the response has it from here on
	return &resp, err
}

func TestFileVanishes(t *testing.T) {
	for _, content := range []string{"small", string(big)} {
		resp, err := interrupted(t, content, func(name string) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		})
		if err != nil || resp.StatusCode() != 200 || string(resp.Body()) != content {
			t.Errorf("error %v, status %d, body %.20q", err, resp.StatusCode(), resp.Body())
		}
	}
}

func TestFileGrows(t *testing.T) {
	for _, content := range []string{"small", string(big)} {
		resp, err := interrupted(t, content, func(name string) {
			write(t, name, content+"more", modified)
		})
		if err != nil || resp.StatusCode() != 200 || string(resp.Body()) != content {
			t.Errorf("error %v, status %d, %d bytes of body", err, resp.StatusCode(), len(resp.Body()))
		}
	}
}

func TestFileShrinks(t *testing.T) {
	truncate := func(name string) {
		if err := os.Truncate(name, 3); err != nil {
			t.Fatal(err)
		}
	}
	d, dir := fixture(t, map[string]string{"f.bin": "small"})
	root, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := openFile(root, "f.bin")
	if err != nil {
		t.Fatal(err)
	}
	truncate(filepath.Join(dir, "f.bin"))
	if err := f.load(); err == nil || statusOf(err) != 500 {
		t.Errorf("small: error %v, status %d", err, statusOf(err))
	}
	// The status of a large one is out when it is read: the write must fail, so
	// that fasthttp closes the connection.
	resp, err := interrupted(t, string(big), truncate)
	if err != nil || resp.StatusCode() != 200 {
		t.Errorf("big: error %v, status %d", err, resp.StatusCode())
	}
	if err := resp.Write(bufio.NewWriter(&bytes.Buffer{})); err == nil {
		t.Error("big: three bytes pass for the whole file")
	}
}

// TestReplacedUnderLoad has readers and a writer at once: each answer must be
// one of the versions whole, or 404 where the file is missing.
func TestReplacedUnderLoad(t *testing.T) {
	d, dir := fixture(t, map[string]string{"f.css": "", "f.css.br": "", "docs/index.html": "<docs>"})
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1+i%3*smallBody) }
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				r := get(t, d, "f.css", "Accept-Encoding: br")
				switch {
				case r.StatusCode == 404:
				case r.StatusCode != 200 || r.body != "" && r.body != strings.Repeat(r.body[:1], len(r.body)):
					t.Errorf("status %d, body of %d bytes: %.20q", r.StatusCode, len(r.body), r.body)
					return
				}
				get(t, d, "docs/").expect(t, "docs", 200, "<docs>")
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 300 {
		for _, name := range []string{"f.css", "f.css.br"} {
			name = filepath.Join(dir, name)
			if i%10 == 9 {
				os.Remove(name)
				continue
			}
			write(t, name+".new", version(i), modified)
			if err := os.Rename(name+".new", name); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	wg.Wait()
}
