package static

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestIrregularFiles(t *testing.T) {
	d, dir := fixture(t, nil)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	get(t, d, "pipe").expect(t, "a pipe nobody writes to", 404, "-")

	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	get(t, d, "socket").expect(t, "a socket", 404, "-")
}

func TestUnreadable(t *testing.T) {
	d, dir := fixture(t, map[string]string{"a.txt": "x", "closed/a.txt": "x", "closed/index.html": "x", "b.css": "plain", "b.css.br": "BR"})
	for _, name := range []string{"a.txt", "closed", "b.css.br"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // nobody must get as far as that
		t.Fatal(err)
	}
	asNobody(t)
	for _, path := range []string{"a.txt", "closed/a.txt", "closed/"} {
		r := get(t, d, path)
		r.expect(t, path, 403, "403 Forbidden\n")
		if r.err == nil {
			t.Errorf("%s: no error for the log", path)
		}
	}
	get(t, d, "b.css", "Accept-Encoding: br").expect(t, "b.css", 200, "plain")
}

// asNobody takes root's right to read everything from the test, if it has it:
// the user that the kernel checks files against is one of each thread.
func asNobody(t *testing.T) {
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread()
	const nobody = 65534
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err == nil {
			runtime.UnlockOSThread() // else the thread ends with the goroutine
		}
	})
}
