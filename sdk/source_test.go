//go:build !wasip1

package sdk_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phasm/sdk"
)

// TestSource compares what is embedded with what is there.
func TestSource(t *testing.T) {
	var want, got []string
	for _, dir := range []string{".", "abi", "internal/imports", "internal/phases", "sdktest"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				want = append(want, filepath.ToSlash(name))
			}
		}
	}
	err := fs.WalkDir(sdk.Source, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		got = append(got, name)
		embedded, err := fs.ReadFile(sdk.Source, name)
		if err != nil {
			return err
		}
		file, err := os.ReadFile(name)
		if string(embedded) != string(file) {
			t.Errorf("%s is not what is embedded", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the list in source.go holds\n%v\nwant\n%v", got, want)
	}
}
