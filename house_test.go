package main_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// imports says which of our packages each package may import outside of its
// tests. A line names only packages above it, so the imports form no circle
// and the table reads from the ground up.
var imports = []struct{ pkg, may string }{
	{"sdk/abi", ""},
	{"sdk/internal/imports", "sdk/abi"},
	{"sdk/internal/phases", "sdk/abi"},
	{"sdk", "sdk/abi sdk/internal/imports sdk/internal/phases"},
	{"sdk/sdktest", "sdk sdk/abi sdk/internal/imports sdk/internal/phases"},
	{"sdk/scaffold", "sdk"},
	{"wasm-examples/*", "sdk"},

	{"pool", ""},
	{"plugins/internal/wasmtest", ""},
	{"plugins/meter", ""},
	{"plugins/metric", ""},
	{"plugins/suggest", ""},
	{"plugins/socket", ""},
	{"plugins/source", ""},
	{"plugins/zone", "pool"},
	{"plugins/zone/zonetest", "plugins/zone"},
	{"plugins/memory", ""},
	{"plugins/httpclient", "sdk/abi"},
	{"plugins/redis/command", ""},
	{"plugins/redis", "plugins/socket plugins/redis/command"},
	{"plugins/redis/redistest", ""},
	{"plugins/rediszone", "plugins/redis plugins/zone"},
	{"plugins/automaton", ""},
	{"plugins/host", "sdk/abi pool plugins/automaton plugins/meter plugins/zone plugins/metric plugins/httpclient plugins/redis plugins/redis/command"},
	{"plugins/host/gen", "sdk/abi plugins/host"},
	{"plugins", "sdk/abi pool plugins/memory plugins/meter plugins/metric plugins/source plugins/suggest plugins/zone plugins/host plugins/redis"},

	{"server/certificate", ""},
	{"server/certificate/certificatetest", ""},
	{"server/deadline", ""},
	{"server/router", ""},
	{"server/static", ""},
	{"server/upstream", "pool plugins/socket server/deadline"},
	{"server/config", "sdk/abi plugins/suggest plugins/httpclient plugins/redis/command server/router"},
	{"server", "sdk/abi pool plugins/memory plugins/meter plugins/metric plugins/source plugins/zone plugins/httpclient plugins/socket " +
		"plugins/redis plugins/redis/command plugins/rediszone plugins/host plugins " +
		"server/certificate server/deadline server/router server/static server/upstream server/config"},

	{"bench/plugin", "sdk"},
	{"bench/plugin/redis", "sdk"},
	{"bench/floor", ""},
	{"bench/httpwasm", ""},
	{"bench/httpwasm/guest", ""},
	{"bench/openloop", ""},
	{"bench", "bench/openloop"},
	{".", "sdk sdk/scaffold plugins/source server/config server"},
}

// topLevel is what the repository's root may hold, beside Go's test files.
const topLevel = "main.go server pool plugins sdk wasm-examples bench deploy config.toml " +
	"go.mod go.sum default.pgo README.md Makefile .ci .github .gitignore .golangci.yml"

// TestHouse checks the rules of the house on this repository.
func TestHouse(t *testing.T) {
	files := repository(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			problems, err := r.check(files)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				t.Error(p)
			}
		})
	}
}

// Were the table's order broken, it would allow a circle.
func TestImportsReadFromTheGroundUp(t *testing.T) {
	above := map[string]bool{}
	for _, row := range imports {
		for _, may := range strings.Fields(row.may) {
			if !above[may] {
				t.Errorf("%s may import %s, which does not stand above it", row.pkg, may)
			}
		}
		if above[row.pkg] {
			t.Errorf("%s stands there twice", row.pkg)
		}
		above[row.pkg] = true
	}
}

// repository reads the files that git keeps or would keep, by path.
func repository(t *testing.T) map[string][]byte {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("cannot list the repository's files: %v", err)
	}
	files := map[string][]byte{}
	var folders []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.FromSlash(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, but not yet for git
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
		folders = append(folders, filepath.Dir(name))
	}
	// go test keeps a result while the files and folders it saw opened stay as
	// they are: so a new file counts, too.
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		if _, err := os.ReadDir(folder); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
