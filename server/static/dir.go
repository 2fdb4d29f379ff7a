package static

import (
	"errors"
	"fmt"
	"os"

	"github.com/valyala/fasthttp"
)

// A Dir serves the files of one directory. It is safe for concurrent use.
type Dir struct {
	name string
	kept kept
}

// Open returns a Dir for the directory dir, which must be there. If another one
// takes its place later, be it by a symbolic link that is turned, its files are
// served as soon as those that are kept are forgotten.
func Open(dir string) (*Dir, error) {
	d := &Dir{name: dir}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	root.Close()
	return d, nil
}

// open opens the directory that has the name now. The caller closes it.
func (d *Dir) open() (*os.Root, error) {
	root, err := os.OpenRoot(d.name)
	if err != nil {
		return nil, fmt.Errorf("%w %q to serve files from: %v", errNoDirectory, d.name, err)
	}
	return root, nil
}

// Close forgets the files that are kept. Answers under way are completed.
func (d *Dir) Close() { d.kept.clear() }

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
