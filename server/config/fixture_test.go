package config

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// TestFixtures reads each file of testdata: a configuration, a line of dashes,
// and the Config or the problems expected of it.
func TestFixtures(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			const dashes = "----------\n"
			input, want, found := strings.Cut(string(data), dashes)
			if !found {
				t.Fatal("no line of dashes")
			}
			got := result(t, input)
			if *update {
				if err := os.WriteFile(file, []byte(input+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// result is what a fixture shows of a configuration.
func result(t *testing.T, input string) string {
	c, err := Parse("config.toml", []byte(input))
	if err != nil {
		if !errors.As(err, new(*Error)) {
			t.Errorf("error is %T, want *Error", err)
		}
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, w := range c.Warnings {
		b.WriteString("warning: " + w.String() + "\n")
	}
	c.Warnings = nil
	dump := json.NewEncoder(&b)
	dump.SetIndent("", "  ")
	dump.SetEscapeHTML(false)
	if err := dump.Encode(c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
