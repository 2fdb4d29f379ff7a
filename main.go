// Phasm is an HTTP server that takes each request through phases and runs
// sandboxed WebAssembly plugins in them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"phasm/plugins/source"
	"phasm/sdk"
	"phasm/sdk/scaffold"
	"phasm/server"
	"phasm/server/config"
)

const usage = `phasm serves HTTP by WebAssembly plugins.

  phasm [-c config.toml]         serve a configuration
  phasm -watch [-c config.toml]  serve it, and reload when it or a plugin's
                                 source changes
  phasm -t [-c config.toml]      check it: compile every plugin, bind nothing
  phasm build DIR -o FILE.wasm   build a Go plugin
  phasm new DIR                  write a plugin to start from
  phasm version                  print the version

Signals: HUP reloads the configuration; TERM and QUIT let running requests
finish, INT cuts them off, a second one of these ends at once; USR1 reopens the
log files.
`

func main() {
	err := run(os.Args[1:], os.Stdout)
	var misuse usageError
	switch {
	case errors.As(err, &misuse):
		fmt.Fprintf(os.Stderr, "phasm: %v\n\n%s", err, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "phasm: %v\n", err)
		os.Exit(1)
	}
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func run(args []string, stdout io.Writer) error {
	err := command(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return nil
	}
	return err
}

func command(args []string, stdout io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "build":
			return build(args[1:])
		case "new":
			return newPlugin(args[1:], stdout)
		case "version":
			fmt.Fprintf(stdout, "phasm %s %s\n", version(), runtime.Version())
			return nil
		case "help":
			return flag.ErrHelp
		}
	}
	return serve(args, stdout)
}

func serve(args []string, stdout io.Writer) error {
	flags := newFlags("phasm")
	file := flags.String("c", "config.toml", "")
	test := flags.Bool("t", false, "")
	watch := flags.Bool("watch", false, "")
	switch rest, err := parse(flags, args); {
	case err != nil:
		return err
	case len(rest) > 0:
		return usageError{fmt.Errorf("unknown command %q; a configuration is named with -c", rest[0])}
	}
	c, err := config.Load(*file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; name another file with -c, or have phasm new DIR write one", err)
	case err != nil:
		return err
	}
	if *test {
		for _, w := range c.Warnings { // for whoever checks, wherever the log goes
			fmt.Fprintln(stdout, "warning:", w)
		}
		c.Warnings = nil
	}
	ctx, stop := untilStopped()
	defer stop()
	reloads := notify(syscall.SIGHUP) // from the start: it would end the process
	reopens := notify(syscall.SIGUSR1)
	notify(syscall.SIGPIPE) // it would end the process with whoever reads its logs
	s, err := server.New(ctx, c, server.Options{
		Cache: cacheDir(), Version: version(), LookupEnv: os.LookupEnv,
		Inherited: activation.Files(true), // by systemd
	})
	switch {
	case err != nil && ctx.Err() != nil && *test:
		return errors.New("stopped before all was checked")
	case err != nil && ctx.Err() != nil:
		return nil // as asked
	case err != nil:
		return err
	}
	if *test {
		s.Close()
		fmt.Fprintf(stdout, "%s: the configuration is good\n", *file)
		return nil
	}
	if err := s.Listen(ctx); err != nil {
		s.Close()
		return err
	}
	go each(reopens, s.ReopenLogs)
	go each(reloads, func() { _ = s.Reload(ctx) }) // it has logged what is wrong
	if *watch {
		go s.Watch(ctx)
	}
	return s.Serve(ctx)
}

// untilStopped is a context that ends with the first signal to stop. The next
// one ends the process.
func untilStopped() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGINT)
	go func() {
		select {
		case sig := <-signals:
			signal.Stop(signals)
			if sig == syscall.SIGINT {
				cancel(server.ErrAtOnce)
			}
			cancel(nil)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// notify takes a signal from its default action. One that comes while another
// is at work waits, more do not.
func notify(sig os.Signal) <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	return signals
}

func each(signals <-chan os.Signal, f func()) {
	for range signals {
		f()
	}
}

func build(args []string) error {
	flags := newFlags("phasm build")
	out := flags.String("o", "", "")
	dirs, err := parse(flags, args)
	switch {
	case err != nil:
		return err
	case len(dirs) != 1 || *out == "":
		return usageError{errors.New("build takes a directory and -o FILE.wasm")}
	}
	builder := source.Builder{Log: slog.Default()}
	if dir := cacheDir(); dir != "" {
		builder.Cache = filepath.Join(dir, "build")
	}
	return builder.BuildFile(context.Background(), dirs[0], *out)
}

func newPlugin(args []string, stdout io.Writer) error {
	dirs, err := parse(newFlags("phasm new"), args)
	switch {
	case err != nil:
		return err
	case len(dirs) != 1:
		return usageError{errors.New("new takes the directory to write to")}
	}
	dir := dirs[0]
	files, err := scaffold.Write(dir, sdk.Source)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !strings.HasPrefix(f, "phasm/") { // the copy of the SDK
			fmt.Fprintln(stdout, filepath.Join(dir, f))
		}
	}
	fmt.Fprintf(stdout, "\nphasm -watch -c %s serves it, and what you make of it.\n", filepath.Join(dir, "config.toml"))
	return nil
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// parse lets flags stand after arguments, which it answers: phasm build DIR -o
// FILE. The error is flag.ErrHelp or a usageError.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, usageError{err}
		}
		if args = flags.Args(); len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// cacheDir is where builds and compiled plugins are kept between runs; empty for
// a user without a directory for such. One that others may write to will not do:
// what they put there would run here.
func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "phasm")
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
