package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inputs says what a build sees, so that a later sum notices any change that
// could make a new build come out different: a file edited, added to a package
// or removed from one, an embedded file, another version of a dependency.
// Packages of the module cache are left out: go.sum pins their content.
type inputs struct {
	Packages []pkg    `json:"packages"`
	Files    []string `json:"files"` // may be absent: to appear is a change too

	built string // the sum of what the module was built from, empty where none is known
}

// pkg is a package that goes into the module.
type pkg struct {
	Dir   string   `json:"dir"`
	Embed []string `json:"embed,omitempty"` // patterns of //go:embed
}

// moduleFiles are looked for in the source directory and up the tree.
var moduleFiles = []string{"go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt"}

// sourceTypes are the file types that the go command takes into a package,
// or stumbles over, without cgo.
var sourceTypes = []string{
	".go", ".s", ".S", ".sx", ".h", ".hh", ".hpp", ".hxx", ".syso",
	".c", ".cc", ".cpp", ".cxx", ".m", ".f", ".F", ".for", ".f90", ".swig", ".swigcxx",
}

// visible tells whether a file of this name in a package's directory can
// change the build. go.mod cuts the directory off its module, default.pgo is
// the profile that the compiler takes by itself.
func visible(name string) bool {
	if name == "go.mod" || name == "default.pgo" {
		return true
	}
	return name[0] != '.' && name[0] != '_' && !strings.HasSuffix(name, "_test.go") &&
		slices.Contains(sourceTypes, filepath.Ext(name))
}

// listInputs asks the go command what a build in its directory would see. It
// refuses packages that are no plugins and toolchains that cannot build one.
// With an error it answers what it has found nevertheless.
func listInputs(ctx context.Context, c *command) (*inputs, error) {
	var env struct{ GOVERSION, GOENV, GOMODCACHE, GOROOT string }
	out, err := c.run(ctx, "env", "-json", "GOVERSION", "GOENV", "GOMODCACHE", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("cannot read the output of go env: %w", err)
	}
	if err := checkVersion(env.GOVERSION); err != nil {
		return nil, err
	}
	// VERSION tells an updated toolchain even where the go command on PATH is
	// only a wrapper around it.
	in := &inputs{Files: []string{filepath.Join(env.GOROOT, "VERSION")}}
	if env.GOENV != "" && env.GOENV != "off" {
		in.Files = append(in.Files, env.GOENV)
	}
	in.Files = append(in.Files, moduleFilesOf(c.dir)...)
	list := []string{"list", "-deps", "-buildvcs=false", "-json=ImportPath,Dir,Name,Standard,EmbedPatterns,Module", "."}
	out, err = c.run(ctx, list...)
	if err == nil {
		return in, in.addPackages(out, env.GOMODCACHE)
	}
	// Something is missing or broken: with -e it lists what is there, and where
	// the rest was looked for.
	if out, e := c.run(ctx, slices.Insert(list, 1, "-e")...); e == nil {
		_ = in.addPackages(out, env.GOMODCACHE)
	}
	if len(in.Packages) == 0 {
		in.Packages = []pkg{{Dir: c.dir}}
	}
	return in, err
}

// moduleFilesOf are where a directory's module files may be.
func moduleFilesOf(dir string) (files []string) {
	for ; ; dir = filepath.Dir(dir) {
		for _, name := range moduleFiles {
			files = append(files, filepath.Join(dir, name))
		}
		if dir == filepath.Dir(dir) {
			return files
		}
	}
}

// listed is a package as go list describes it.
type listed struct {
	ImportPath, Dir, Name string // no directory where the package is missing
	Standard              bool
	EmbedPatterns         []string
	Module                *struct{ Path, Dir, GoMod string }
}

// addPackages reads the output of go list -deps, in which the plugin's own
// package comes last.
func (in *inputs) addPackages(output []byte, moduleCache string) error {
	var plugin listed
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("cannot read the output of go list: %w", err)
		}
		packages, plugin = append(packages, p), p
	}
	for _, p := range packages {
		if p.Dir == "" {
			p.Dir = p.within(plugin)
		}
		if p.Dir == "" || p.Standard || strings.HasPrefix(p.Dir, moduleCache+string(filepath.Separator)) {
			continue
		}
		in.Packages = append(in.Packages, pkg{Dir: p.Dir, Embed: p.EmbedPatterns})
		if p.Module != nil && !slices.Contains(in.Files, p.Module.GoMod) {
			in.Files = append(in.Files, p.Module.GoMod)
		}
	}
	if plugin.Name != "main" {
		return fmt.Errorf("it is package %s; a plugin is a package main", plugin.Name)
	}
	return nil
}

// within is the directory that a package would have in the plugin's own
// module, empty where it would not be in it.
func (p *listed) within(plugin listed) string {
	if m := plugin.Module; m != nil {
		if below, ours := strings.CutPrefix(p.ImportPath, m.Path+"/"); ours {
			return filepath.Join(m.Dir, filepath.FromSlash(below))
		}
	}
	return ""
}

// sum hashes the content of all inputs, and the settings.
func (in *inputs) sum(settings []string) string {
	h := sha256.New()
	fmt.Fprintf(h, "settings %q\n", settings)
	for _, name := range in.Files {
		hashFile(h, os.Open, name)
	}
	for _, p := range in.Packages {
		fmt.Fprintf(h, "package %q %q\n", p.Dir, p.Embed)
		dir := os.DirFS(p.Dir)
		for _, name := range p.files(dir) {
			hashFile(h, dir.Open, name)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// files lists what of the package's directory goes into a build. What a
// pattern embeds is taken a little too wide, files that begin with '.' or '_'
// included: an unneeded build costs less than a missed one.
func (p *pkg) files(dir fs.FS) []string {
	var names []string
	entries, _ := fs.ReadDir(dir, ".") // a package that is gone has no files: a change
	for _, e := range entries {
		if file(e) && visible(e.Name()) {
			names = append(names, e.Name())
		}
	}
	for _, pattern := range p.Embed {
		matches, _ := fs.Glob(dir, strings.TrimPrefix(pattern, "all:"))
		for _, match := range matches {
			_ = fs.WalkDir(dir, match, func(name string, e fs.DirEntry, err error) error {
				if err == nil && file(e) {
					names = append(names, name)
				}
				return nil
			})
		}
	}
	return names
}

// file tells whether reading e cannot block, as a named pipe would.
func file(e fs.DirEntry) bool { return e.Type()&^fs.ModeSymlink == 0 }

// hashFile adds a file's name and content to h. A file that cannot be read
// counts as another content: the build will say what is wrong with it.
func hashFile[F io.ReadCloser](h hash.Hash, open func(string) (F, error), name string) {
	content := sha256.New()
	state := "absent"
	if f, err := open(name); err == nil {
		state = "read"
		if _, err := io.Copy(content, f); err != nil {
			state = "unreadable"
		}
		_ = f.Close()
	}
	fmt.Fprintf(h, "%s %q %x\n", state, name, content.Sum(nil))
}
