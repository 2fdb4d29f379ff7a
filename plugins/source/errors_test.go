package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phasm/plugins/source"
)

// The whole text of each error a user can cause. DIR stands for the plugin's
// directory.
func TestErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string // over a plugin that builds; "" removes
		dir   string            // below the plugin's directory
		goCmd string            // a script in place of the go command
		want  string
	}{
		{
			name: "no directory",
			dir:  "nowhere",
			want: "there is no such directory",
		},
		{
			name: "a file",
			dir:  "main.go",
			want: "it is a file; name the directory of its package",
		},
		{
			name:  "no Go files",
			files: map[string]string{"empty/README.md": "text", "empty/main_test.go": "package main\n"},
			dir:   "empty",
			want:  "there are no Go files in it",
		},
		{
			name:  "a library",
			files: map[string]string{"lib/lib.go": "package lib\n"},
			dir:   "lib",
			want:  "it is package lib; a plugin is a package main",
		},
		{
			name:  "one mistake",
			files: map[string]string{"answer.go": "package main\n\nconst answer = 1 +;\n"},
			want:  "DIR/answer.go:3:19: syntax error: unexpected semicolon, expected expression",
		},
		{
			name:  "several mistakes",
			files: map[string]string{"answer.go": "package main\n\nconst answer = one\n\nvar _ = two\n"},
			want:  "go build:\nDIR/answer.go:3:16: undefined: one\nDIR/answer.go:5:9: undefined: two",
		},
		{
			name:  "a mistake in a dependency",
			files: map[string]string{"answer.go": "package main\n\nimport \"plugin.test/hello/part\"\n\nconst answer = part.One\n", "part/part.go": "package part\n\nconst One = one\n"},
			want:  "DIR/part/part.go:3:13: undefined: one",
		},
		{
			name:  "a file missing to embed",
			files: map[string]string{"page.go": "package main\n\nimport _ \"embed\"\n\n//go:embed page.html\nvar page string\n"},
			want:  "DIR/page.go:5:12: pattern page.html: no matching files found",
		},
		{
			name:  "a go.mod that is none",
			files: map[string]string{"go.mod": "modul x\n"},
			want:  "go list:\ngo: errors parsing go.mod:\nDIR/go.mod:1: unknown directive: modul",
		},
		{
			name:  "a very long report",
			goCmd: `i=0; while [ $i -lt 30 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1`,
			want:  "go env:\n" + lines(20) + "… and 10 lines more",
		},
		{
			name:  "a failure without a word",
			goCmd: "exit 3",
			want:  "go env: exit status 3",
		},
		{
			name:  "an old toolchain",
			goCmd: `echo '{"GOVERSION": "go1.23.4"}'`,
			want:  "the go command is go1.23.4, but plugins need Go 1.24 or newer; or ship a compiled module with path = …",
		},
		{
			name:  "no toolchain",
			goCmd: "-",
			want:  "it needs the go command on PATH; or ship a compiled module with path = …",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := plugin(t)
			for name, text := range test.files {
				write(t, root, name, text)
			}
			b := &source.Builder{Cache: t.TempDir()}
			switch test.goCmd {
			case "":
			case "-":
				b.Go = "no-such-go-command"
			default:
				b.Go = script(t, test.goCmd)
			}
			dir := filepath.Join(root, test.dir)
			_, _, err := b.Build(t.Context(), dir)
			if err == nil {
				t.Fatal("built")
			}
			want := `cannot build plugin source "` + dir + `": ` + strings.ReplaceAll(test.want, "DIR", dir)
			if err.Error() != want {
				t.Errorf("error:\n%s\nwant:\n%s", err, want)
			}
			if left, _ := filepath.Glob(filepath.Join(b.Cache, "*", "build-*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// A relative directory stays relative in the compiler's lines, so that they
// lead to the file from where the user is.
func TestErrorsAreRelative(t *testing.T) {
	dir := plugin(t)
	write(t, dir, "answer.go", "package main\n\nconst answer = one\n")
	t.Chdir(filepath.Dir(dir))
	_, _, err := (&source.Builder{}).Build(t.Context(), "./hello")
	want := `cannot build plugin source "./hello": hello/answer.go:3:16: undefined: one`
	if err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
}

func TestUnusableCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(cache, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := plugin(t)
	_, _, err := (&source.Builder{Cache: cache}).Build(t.Context(), dir)
	want := `cannot build plugin source "` + dir + `": cannot make the build cache: `
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error: %v, want %s…", err, want)
	}
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("line " + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "\n")
	}
	return strings.ReplaceAll(b.String(), "line 0", "line ")
}
