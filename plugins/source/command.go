package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// oldest is the first Go release with -buildmode=c-shared and
// //go:wasmexport for wasip1.
const oldest = "go1.24"

// stopDelay is how long an interrupted go command may take to clean up its
// work directory before it is killed.
const stopDelay = 2 * time.Second

// target makes the go command build for the sandbox, whatever the
// environment says.
var target = []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}

// unrelated are GO… variables that change neither what is built nor from
// what: they must not make a server rebuild that runs with GOGC=200.
var unrelated = []string{
	"GOCACHE", "GOCACHEPROG", "GOCOVERDIR", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTMPDIR", "GOTRACEBACK",
}

// command is the go command as one build runs it.
type command struct {
	path  string   // of the executable; empty when there is none
	err   error    // why there is none
	shown string   // the source directory as the user wrote it, for messages
	dir   string   // the same, resolved: where the command runs
	env   []string // the whole environment
}

func (b *Builder) command(shown, dir string) *command {
	name := b.Go
	if name == "" {
		name = "go"
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path = ""
	}
	env := (&exec.Cmd{Env: b.Env, Dir: dir}).Environ()
	return &command{path: path, err: err, shown: shown, dir: dir, env: append(env, target...)}
}

// identity changes when another go command is used or it is updated in
// place. It is empty when there is no go command.
func (c *command) identity() string {
	info, err := os.Stat(c.path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d", c.path, info.Size(), info.ModTime().UnixNano())
}

// settings are the environment variables that steer a build.
func (c *command) settings() []string {
	var set []string
	for _, entry := range c.env {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "GO") && !slices.Contains(unrelated, name) {
			set = append(set, entry)
		}
	}
	slices.Sort(set)
	return set
}

// run runs the go command and returns its standard output. When the command
// fails, the error is what it wrote to standard error, tidied.
func (c *command) run(ctx context.Context, args ...string) ([]byte, error) {
	if c.err != nil {
		return nil, missing(c.err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopDelay

	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		switch text := tidy(stderr.String(), c.shown); {
		case text == "":
			return nil, fmt.Errorf("go %s: %w", args[0], err)
		case strings.Contains(text, "\n"):
			return nil, fmt.Errorf("go %s:\n%s", args[0], text)
		default:
			return nil, errors.New(text)
		}
	}
	if err != nil {
		return nil, missing(err)
	}
	return stdout.Bytes(), nil
}

// missing says what to do about a go command that could not be started.
func missing(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return errors.New("it needs the go command on PATH; or ship a compiled module with path = …")
	}
	return fmt.Errorf("cannot run the go command: %w", err)
}

// checkVersion refuses a toolchain that cannot build plugins. Versions that
// do not compare, like those of a development tree, are left to try.
func checkVersion(v string) error {
	for _, field := range strings.Fields(v) {
		if version.IsValid(field) && version.Compare(field, oldest) < 0 {
			return fmt.Errorf("the go command is %s, but plugins need Go %s or newer; or ship a compiled module with path = …",
				field, strings.TrimPrefix(oldest, "go"))
		}
	}
	return nil
}
