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
	abs, err := resolve(dir)
	if err != nil {
		abs, err = filepath.Abs(dir) // the files are gone; they may come back
	}
	if err != nil {
		return nil
	}
	b.mu.Lock()
	in := b.inputs[abs]
	b.mu.Unlock()
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
