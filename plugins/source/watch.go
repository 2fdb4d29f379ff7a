package source

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Inputs lists the files that a build of the plugin in dir would see: if none
// of them changes, is added or goes, neither does the module. It goes by what
// this Builder's last build of it has found, a failed one as well, and without
// one knows the directory alone. Some of the files may not exist.
func (b *Builder) Inputs(dir string) []string {
	abs, in := b.learned(dir)
	if in == nil {
		in = &inputs{Packages: []pkg{{Dir: abs}}, Files: moduleFilesOf(abs)}
	}
	files := map[string]bool{}
	for _, name := range in.Files {
		files[name] = true
	}
	for _, p := range in.Packages {
		for _, name := range p.files(os.DirFS(p.Dir)) {
			files[filepath.Join(p.Dir, filepath.FromSlash(name))] = true
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// Changed tells whether the plugin in dir would be built from something else now
// than it was by this Builder's last build, a failed one as well: also where a file
// has come and gone in between. Without such a build it is false.
func (b *Builder) Changed(dir string) bool {
	abs, in := b.learned(dir)
	return in != nil && in.built != "" && in.built != in.sum(b.command(dir, abs).settings())
}

// learned is a source directory's physical path, and what learn keeps for it.
func (b *Builder) learned(dir string) (abs string, in *inputs) {
	abs, err := resolve(dir)
	if err != nil {
		abs, err = filepath.Abs(dir) // the files are gone; they may come back
	}
	if err != nil {
		return dir, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return abs, b.inputs[abs]
}

// learn keeps the inputs of a build for Inputs.
func (b *Builder) learn(dir string, in *inputs) {
	if in == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inputs == nil {
		b.inputs = map[string]*inputs{}
	}
	b.inputs[dir] = in
}
