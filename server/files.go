package server

import "phasm/server/static"

// files is content from a directory. The file's name is what the end of the
// route's pattern left open, {rest...} or the part after a trailing slash
// (nginx: alias); where the pattern leaves nothing open it is the whole path
// (nginx: root).
type files struct{ dir *static.Dir }

func openFiles(dir string) (content, error) {
	d, err := static.Open(dir)
	if err != nil {
		return nil, err
	}
	return &files{d}, nil
}

func (f *files) serve(x *exchange) {
	path, open := x.params.Rest()
	if !open {
		path = x.path
	}
	if err := f.dir.Serve(&x.request, &x.response, path); err != nil {
		x.generation.log.Warn("cannot serve a file", "path", string(path), "route", x.Route, "error", err)
	}
}

func (f *files) close() { f.dir.Close() }
