package source

import (
	"strings"
	"testing"
)

func TestTidy(t *testing.T) {
	for _, test := range []struct{ name, output, want string }{
		{"empty", "", ""},
		{"progress", "go: downloading a.b/c v1.0.0\n# hello\n\n", ""},
		{"a compiler's line", "# hello\n./main.go:3:1: undefined: x\n", "dir/main.go:3:1: undefined: x"},
		{"of the package beside", "../sdk/a.go:3:1: bad\n", "sdk/a.go:3:1: bad"},
		{"absolute", "/src/main.go:3:1: bad\n", "/src/main.go:3:1: bad"},
		{"continued", "main.go:4:2: no module provides a.b/c; to add it:\n\tgo get a.b/c\r\n", "dir/main.go:4:2: no module provides a.b/c; to add it:\n\tgo get a.b/c"},
		{"no place", "go: cannot find main module\n", "go: cannot find main module"},
		{"a crash of the compiler", "main.go:1:1: internal compiler error: x\n\ngoroutine 1 [running]:\nmain.main()\n", "dir/main.go:1:1: internal compiler error: x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := tidy(test.output, "dir"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func FuzzTidy(f *testing.F) {
	f.Add("# x\n./main.go:3:1: y\n../:1\n:2:\n/a.go:1\n")
	f.Fuzz(func(t *testing.T, output string) {
		if n := strings.Count(tidy(output, "dir"), "\n"); n > maxLines {
			t.Errorf("%d lines", n)
		}
	})
}

func TestCheckVersion(t *testing.T) {
	for version, ok := range map[string]bool{
		"go1.24":                        true,
		"go1.24rc1":                     true,
		"go1.26.8":                      true,
		"go1.23.12":                     false,
		"go1.9":                         false,
		"go1.22.1 X:rangefunc":          false,
		"go1.24.0 X:boringcrypto":       true,
		"devel go1.27-8ae493b5 Mon Jan": true,
		"":                              true,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("checkVersion(%q) = %v", version, err)
		}
	}
}
