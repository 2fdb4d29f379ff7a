package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

// The generator needs only plugins/host and sdk/abi, neither of which imports
// what it writes: so it mends generated files that do not compile, too.
const mend = "run go generate ./plugins/host"

func TestGeneratedFilesAreCurrent(t *testing.T) {
	made, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range made {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Errorf("%v: %s", err, mend)
		} else if line := firstDifference(got, want); line != 0 {
			t.Errorf("%s differs from plugins/host/table.go in line %d: %s", name, line, mend)
		}
	}
}

// A file that the generator once wrote and writes no longer is left over.
func TestNoGeneratedFileIsLeftOver(t *testing.T) {
	made, err := files()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(root, "sdk/internal/imports/*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no generated files: %v, %v", paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), root+"/")
		if made[name] == nil && bytes.Contains(data, []byte(generated)) {
			t.Errorf("%s is no longer generated: remove it", name)
		}
	}
}

func TestFirstDifference(t *testing.T) {
	for _, c := range []struct {
		got, want string
		line      int
	}{
		{"", "", 0},
		{"a\nb\n", "a\nb\n", 0},
		{"a\nb\n", "a\nc\n", 2},
		{"a\n", "a\nb\n", 2},
		{"a\nb\n", "a\n", 2},
		{"a\nb", "a\nb\n", 3},
		{"", "a", 1},
	} {
		if line := firstDifference([]byte(c.got), []byte(c.want)); line != c.line {
			t.Errorf("%q and %q: line %d, want %d", c.got, c.want, line, c.line)
		}
	}
}

// firstDifference is the number of the first line that differs, 0 where none
// does.
func firstDifference(got, want []byte) int {
	if bytes.Equal(got, want) {
		return 0
	}
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	line := 0
	for line < len(a) && line < len(b) && bytes.Equal(a[line], b[line]) {
		line++
	}
	return line + 1
}
