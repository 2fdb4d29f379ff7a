package host

import (
	"bytes"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestAppendTarget(t *testing.T) {
	for _, test := range []struct {
		target, want string
		ok           bool
	}{
		{"/", "/", true},
		{"/a/b?c=%2F/../d//", "/a/b?c=%2F/../d//", true},
		{"?a", "/?a", true},
		{"", "/", true},
		{"//evil/x", "/evil/x", true},
		{"/a//b///", "/a/b/", true},
		{"/./a/./b/.", "/a/b/", true},
		{"/a/b/../../../c", "/c", true},
		{"/a/b/..", "/a/", true},
		{"/a/..", "/", true},
		{"/..", "/", true},
		{"/.", "/", true},
		{"/a//../b", "/b", true},
		{"/a/%2e%2e/b/%2E", "/b/", true},
		{"/a%2f..%2Fb", "/b", true},
		{"/a%2Fb", "/a/b", true},
		{"/%61%7e%20%3f%23%25%3b", "/a~%20%3F%23%25;", true},
		{"/.well-known/..a/a../...", "/.well-known/..a/a../...", true},
		{"/a;b=c/d;e", "/a;b=c/d;e", true},
		{"/a+b", "/a+b", true},
		{"/\xc3\xa4\\", "/%C3%A4%5C", true},
		{"/%252e%252e/", "/%252e%252e/", true},
		{"/..;/a", "/..;/a", false},
		{"/a/.;x", "/a/.;x", false},
		{"/%2e%2e%3bx/", "/..;x/", false},
		{"/a%", "/a%25", false},
		{"/a%4", "/a%254", false},
		{"/%zz", "/%25zz", false},
		{"/%00", "/%00", false},
		{"/a%0d%0ab", "/a%0D%0Ab", false},
		{"/%7f", "/%7F", false},
	} {
		got, ok := AppendTarget([]byte("x"), []byte(test.target))
		if string(got) != "x"+test.want || ok != test.ok {
			t.Errorf("%q becomes %q, %v, want %q, %v", test.target, got[1:], ok, test.want, test.ok)
		}
	}
}

// The canonical form stays as it is, whoever parses it, and whatever is taken
// for it without a closer look is it.
func FuzzAppendTarget(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b%2F..%2Fc//d/.", "/%25%32%65/..;/", "//h/%zz?/../%2e", "/..", "/a/./..//.."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got, ok := AppendTarget(nil, []byte(target))
		again, okAgain := AppendTarget(nil, got)
		if !bytes.Equal(again, got) || ok && !okAgain {
			t.Fatalf("%q becomes %q and then %q, %v", target, got, again, okAgain)
		}
		path, _, _ := strings.Cut(target, "?")
		if canonical, _, _ := strings.Cut(string(got), "?"); IsCanonicalPath([]byte(path)) && canonical != path {
			t.Fatalf("%q is taken for canonical but becomes %q", path, canonical)
		}
		if strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }) {
			return
		}
		var uri fasthttp.URI
		if err := uri.Parse([]byte("host"), got); err != nil {
			t.Fatalf("fasthttp refuses %q: %v", got, err)
		}
		if escaped, _ := AppendTarget(nil, []byte(strings.ReplaceAll(string(uri.Path()), "%", "%25"))); !strings.ContainsAny(string(uri.Path()), "?") && string(escaped) != string(uri.PathOriginal()) {
			t.Fatalf("fasthttp sees %q in %q", uri.Path(), got)
		}
		if string(uri.Host()) != "host" {
			t.Fatalf("%q has the host %q", got, uri.Host())
		}
	})
}
