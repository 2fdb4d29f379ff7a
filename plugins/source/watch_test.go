package source_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"phasm/plugins/source"
)

// Whatever state a plugin is in, its inputs have the file that changes next.
// The steps build on each other.
func TestInputs(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "hello")
	write(t, dir, "go.mod", goMod)
	write(t, dir, "main.go", mainGo)
	write(t, dir, "answer.go", answerGo)
	link := filepath.Join(root, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for _, step := range []struct {
		name   string
		change map[string]string
		builds bool
		has    []string
	}{
		{"as it was", nil, true, []string{"go.mod", "go.sum", "main.go", "answer.go", "../go.work"}},
		{"a new file", map[string]string{"new.go": "package main\n"}, true, []string{"new.go"}},
		{"a package that is not there", map[string]string{"new.go": "package main\n\nimport _ \"plugin.test/hello/part/one\"\n"}, false, []string{"new.go"}},
		{"it comes, broken", map[string]string{"part/one/one.go": "package one\n\nfunc {\n"}, false, []string{"new.go", "part/one/one.go"}},
		{"a type error", map[string]string{"part/one/one.go": "package one\n\nconst One int = \"1\"\n"}, false, []string{"new.go", "part/one/one.go"}},
		{"mended", map[string]string{"part/one/one.go": "package one\n"}, true, []string{"new.go", "part/one/one.go"}},
		{"imports cut off", map[string]string{"new.go": "package main\n\nimport _ \"plugin.test/hello/part/one\n"}, false, []string{"new.go", "main.go"}},
		{"a bad go.mod", map[string]string{"new.go": "package main\n", "go.mod": goMod + "require\n"}, false, []string{"go.mod", "main.go"}},
		{"embedded", map[string]string{"go.mod": goMod, "new.go": "package main\n\nimport _ \"embed\"\n\n//go:embed page.html\nvar page string\n"}, false, []string{"new.go"}},
		{"embedded and there", map[string]string{"page.html": "<p>"}, true, []string{"page.html"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			for name, text := range step.change {
				write(t, dir, name, text)
			}
			for _, as := range []string{dir, link} {
				b := &source.Builder{Cache: cache} // as for each reload
				if _, _, err := b.Build(t.Context(), as); (err == nil) != step.builds {
					t.Errorf("the build: %v", err)
				}
				inputs := b.Inputs(as)
				for _, name := range step.has {
					if !slices.Contains(inputs, filepath.Join(dir, name)) {
						t.Errorf("%s is not among the inputs %q", name, inputs)
					}
				}
				if as == dir && !slices.Equal(inputs, b.Inputs(link)) {
					t.Error("a symbolic link has other inputs")
				}
			}
		})
	}
	// Nothing is known of what was never built, or has gone.
	fresh := &source.Builder{}
	if inputs := fresh.Inputs(dir); !slices.Contains(inputs, filepath.Join(dir, "main.go")) || !slices.Contains(inputs, filepath.Join(dir, "go.mod")) {
		t.Errorf("before any build: %q", inputs)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if inputs := fresh.Inputs(dir); !slices.Contains(inputs, filepath.Join(dir, "go.mod")) {
		t.Errorf("after the directory went: %q", inputs)
	}
}
