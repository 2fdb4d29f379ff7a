package static

import (
	"errors"
	"fmt"
	"os"

	"github.com/valyala/fasthttp"
)

// A Dir serves the files of one directory. It is safe for concurrent use.
type Dir struct {
	root *os.Root
	kept kept
}

// Open returns a Dir for the directory dir. If that is moved or replaced later,
// the Dir stays with the one that was opened.
func Open(dir string) (*Dir, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open directory %q to serve files from: %w", dir, err)
	}
	return &Dir{root: root}, nil
}

// Close gives the directory back. Answers under way are completed; further
// requests get 500.
func (d *Dir) Close() error {
	d.kept.clear()
	return d.root.Close()
}

// Serve sets resp to the answer to req: the file that path names, or an error
// with a short text. It sets the status, the body and the headers that it knows
// about, and leaves other headers as they are. A large file becomes a body stream
// that closes the file when fasthttp is done with it.
//
// The path is relative to the directory, decoded and canonical, with or without
// a leading slash; it is not used after Serve returns. The path of req itself
// serves only to make the Location of a redirect.
//
// The error is for the log. It is nil unless the operating system or the sandbox
// around the directory refused something; the answer is complete either way.
func (d *Dir) Serve(req *fasthttp.Request, resp *fasthttp.Response, path []byte) error {
	if !req.Header.IsGet() && !req.Header.IsHead() {
		resp.Header.Set(fasthttp.HeaderAllow, "GET, HEAD")
		fail(req, resp, fasthttp.StatusMethodNotAllowed)
		return nil
	}
	f, err := d.find(req, path)
	switch {
	case err == nil:
		return f.serve(req, resp)
	case errors.Is(err, errDirectory):
		redirect(req, resp)
		return nil
	}
	status := statusOf(err)
	fail(req, resp, status)
	if status == fasthttp.StatusNotFound || errors.Is(err, errNoIndex) {
		return nil
	}
	return err
}
