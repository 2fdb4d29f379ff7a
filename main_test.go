package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds phasm once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("phasm-under-test-%d", os.Getpid()))
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.Remove(path)
	}
	os.Exit(code)
}

// phasm makes a command of the built binary, in an environment whose cache
// belongs to the tests.
func phasm(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Dir(testCache()))
	return c
}

// fails runs phasm and expects exit code 1 and an error without a stack trace.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	c := phasm(t, args...)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	err := c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("phasm %q ended with %v, want exit code 1", args, err)
	}
	if regexp.MustCompile(`goroutine \d+ \[running\]:\n(main|phasm|runtime)\.`).Match(stderr.Bytes()) {
		t.Errorf("phasm %q printed a stack trace:\n%s", args, stderr.Bytes())
	}
	return stderr.String()
}

// write writes a file into a new directory and answers its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckReportsEveryMistake(t *testing.T) {
	file := write(t, "bad.toml", `[server]
worker = 2
[server.timeouts]
idle = 65
[server.log]
level = "verbose"
[listeners.main]
address = "127.0.0.1"
[plugins.hello]
source = "nowhere"
[plugins.hello.limits]
memory = "lots"
[routes.one]
match = "GET /{x"
respond = {status = 99}
[routes.two]
match = "/two"
content = "helo"
[routes.three]
match = "/three"
respond = {body = "x"}
redirect = {to = "/y"}
[route.four]
`)
	got := fails(t, "-t", "-c", file)
	for _, want := range []string{
		":2: server.worker: ", ":4: server.timeouts.idle: ", ":6: server.log.level: ", ":8: listeners.main.address: ",
		":10: plugins.hello.source: ", ":12: plugins.hello.limits.memory: ", ":14: routes.one.match: ",
		":15: routes.one.respond.status: ", `:18: routes.two.content: no plugin named "helo"; did you mean "hello"?`,
		":19: routes.three: ", ":23: route: ",
	} {
		if !strings.Contains(got, file+want) {
			t.Errorf("no problem at %s in\n%s", want, got)
		}
	}
}

// Whoever checks a configuration sees the warnings, wherever its log goes.
func TestCheckShowsWarnings(t *testing.T) {
	probe, err := filepath.Abs("server/testdata/probe")
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"", "[server.log]\nfile = \"server.log\"\n", "[server.log]\nlevel = \"error\"\n"} {
		file := write(t, "run.toml", hi+log+fmt.Sprintf("[plugins.idle]\nsource = %q\nconfig = {name = \"idle\"}\n", probe))
		out, err := phasm(t, "-t", "-c", file).CombinedOutput()
		if err != nil || bytes.Count(out, []byte("plugins.idle: no route and no phase uses this plugin")) != 1 {
			t.Errorf("with %q: %v\n%s", log, err, out)
		}
	}
}

// Compiled code is kept where nobody else can have put any, or nowhere.
func TestNoCacheInACommonDirectory(t *testing.T) {
	module, common := filepath.Join(t.TempDir(), "probe.wasm"), t.TempDir()
	if out, err := phasm(t, "build", "server/testdata/probe", "-o", module).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := write(t, "run.toml", hi+fmt.Sprintf("[plugins.p]\npath = %q\nconfig = {name = \"p\"}\n", module))
	c := phasm(t, "-t", "-c", file)
	c.Env = []string{"TMPDIR=" + common}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(common); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Who ends phasm before it serves has not made a mistake in its configuration.
func TestStopWhileStarting(t *testing.T) {
	probe, err := filepath.Abs("server/testdata/probe")
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "run.toml", hi+fmt.Sprintf("[plugins.p]\nsource = %q\nconfig = {name = \"p\"}\n", probe))
	for _, test := range []struct {
		flags []string
		want  string
	}{
		{nil, ""},
		{[]string{"-t"}, "phasm: stopped before all was checked\n"},
	} {
		log := filepath.Join(t.TempDir(), "stderr")
		stderr, err := os.Create(log)
		if err != nil {
			t.Fatal(err)
		}
		defer stderr.Close()
		c := phasm(t, append(test.flags, "-c", file)...)
		c.Env = append(c.Env, "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+filepath.Join(filepath.Dir(testCache()), "go-build"))
		c.Stderr = stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		awaitIn(t, log, "building plugin source")
		c.Process.Signal(syscall.SIGTERM)
		err = c.Wait()
		text, _ := os.ReadFile(log)
		_, after, _ := strings.Cut(string(text), "source="+probe+"\n")
		if (err == nil) != (test.want == "") || after != test.want {
			t.Errorf("phasm %q ended with %v:\n%s", test.flags, err, text)
		}
	}
}

func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	corrupt := write(t, "corrupt.wasm", "\x00asm\x01\x00\x00\x00\x01\xff\xff\xff")
	probe, err := filepath.Abs("server/testdata/probe")
	if err != nil {
		t.Fatal(err)
	}
	const route = "[routes.r]\nmatch = \"/\"\n"
	listener := "[listeners.main]\naddress = \"127.0.0.1:0\"\n"
	for name, test := range map[string]struct{ config, want string }{
		"missing module": {listener + "[plugins.p]\npath = \"gone.wasm\"\n" + route + `content = "p"`, `:4: plugins.p.path: `},
		"corrupt module": {listener + fmt.Sprintf("[plugins.p]\npath = %q\n", corrupt) + route + `content = "p"`, `:4: plugins.p.path: the module `},
		"panic in init": {listener + fmt.Sprintf("[plugins.p]\nsource = %q\nconfig = {name = \"p\", fail = \"init\"}\n", probe) + route + `content = "p"`,
			`:4: plugins.p.source: cannot call _initialize: panic: told to fail`},
		"panic in init_worker": {listener + fmt.Sprintf("[plugins.p]\nsource = %q\nconfig = {name = \"p\", fail = \"init_worker\"}\n", probe) + route + `content = "p"`,
			`plugin "p" failed in init_worker: panic: told to fail`},
		"port in use": {fmt.Sprintf("[listeners.main]\naddress = %q\n", taken.Addr()) + route + `respond = {body = "x"}`,
			":2: listeners.main.address: cannot listen on " + taken.Addr().String() + ": bind: address already in use"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			file := write(t, "config.toml", test.config)
			if got := fails(t, "-c", file); !strings.Contains(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	if got := fails(t, "-c", "nowhere.toml"); !strings.Contains(got, `"nowhere.toml"`) || !strings.Contains(got, "phasm new DIR") {
		t.Errorf("a missing configuration: %s", got)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"frobnicate"}, {"-x"}, {"build"}, {"build", "dir"}, {"new"}, {"new", "-x"}, {"config.toml"}} {
		c := phasm(t, args...)
		c.Dir = t.TempDir()
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !bytes.Contains(out, []byte("phasm -t")) {
			t.Errorf("phasm %q: %v\n%s", args, err, out)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"new", "-h"}, {"build", "-h"}} {
		c := phasm(t, args...)
		c.Dir = t.TempDir()
		if out, err := c.Output(); err != nil || string(out) != usage {
			t.Errorf("phasm %q: %v\n%s", args, err, out)
		}
	}
}

// running is phasm as a process.
type running struct {
	cmd     *exec.Cmd
	address string
	url     string
	file    string // its configuration
	log     string
	done    chan error
}

// runPhasm starts phasm with a configuration for a port of the test's choice.
func runPhasm(t *testing.T, dir, config string, flags ...string) *running {
	t.Helper()
	return runChanged(t, dir, config, func(*exec.Cmd) {}, flags...)
}

// runChanged is runPhasm for a command that is changed before it is started.
func runChanged(t *testing.T, dir, config string, change func(*exec.Cmd), flags ...string) *running {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	file := filepath.Join(dir, "run.toml")
	r := &running{cmd: phasm(t, append(flags, "-c", file)...), address: address, url: "http://" + address,
		file: file, log: filepath.Join(t.TempDir(), "stderr"), done: make(chan error, 1)}
	r.configure(t, config)
	stderr, err := os.Create(r.log)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	r.cmd.Stderr = stderr
	change(r.cmd)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.done <- r.cmd.Wait() }()
	t.Cleanup(func() {
		r.cmd.Process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(r.log)
			t.Logf("phasm's log:\n%s", text)
		}
	})
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return r
		}
		select {
		case err := <-r.done:
			t.Fatalf("phasm ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("phasm does not listen")
		}
	}
}

// configure writes the configuration, the first or another one.
func (r *running) configure(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(strings.ReplaceAll(config, "127.0.0.1:8080", r.address)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until a path answers with a text.
func (r *running) waitFor(t *testing.T, path, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := r.get(t, path)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s answers %q, not %q", path, got, want)
		}
	}
}

func (r *running) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (r *running) end(t *testing.T, sig os.Signal) {
	t.Helper()
	r.cmd.Process.Signal(sig)
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("phasm ended with %v after %v", err, sig)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("phasm does not end after %v", sig)
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGINT} {
		dir := t.TempDir()
		r := runPhasm(t, dir, `[listeners.main]
address = "127.0.0.1:8080"
[server.access_log]
file = "access.log"
[routes.hi]
match = "/"
respond = {body = "hi"}
`)
		if got := r.get(t, "/one"); got != "hi" {
			t.Errorf("got %q", got)
		}
		log := filepath.Join(dir, "access.log")
		awaitIn(t, log, `"uri":"/one"`)
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		r.cmd.Process.Signal(syscall.SIGUSR1)
		awaitIn(t, log, "")
		waitUntil(t, "the new file is in use, which is there before", func() bool {
			r.get(t, "/two")
			text, err := os.ReadFile(log)
			return err == nil && strings.Contains(string(text), `"uri":"/two"`)
		})
		r.get(t, "/three")
		r.end(t, sig)
		awaitIn(t, log, `"uri":"/three"`)
	}
}

// Whoever reads the logs may end: that takes no server with it, as a write to a
// pipe without a reader does by default.
func TestReaderOfLogsEnds(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r := runChanged(t, t.TempDir(), hi+"[admin]\naddress = \"127.0.0.1:0\"\n[server.access_log]\nfile = \"stdout\"\n", func(c *exec.Cmd) {
		c.Stdout, c.Stderr = writer, writer
	})
	writer.Close()
	admin, lines := "", bufio.NewScanner(reader)
	for admin == "" && lines.Scan() {
		_, admin, _ = strings.Cut(lines.Text(), "listener=admin address=")
	}
	reader.Close()
	r.cmd.Process.Signal(syscall.SIGHUP) // which is logged
	waitUntil(t, "writes to both logs have failed", func() bool {
		r.get(t, "/")
		metrics, err := http.Get("http://" + admin + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer metrics.Body.Close()
		text, err := io.ReadAll(metrics.Body)
		return err == nil && len(regexp.MustCompile(`phasm_log_write_errors_total\{log="\w+"\} [1-9]`).FindAll(text, -1)) == 2
	})
	r.end(t, syscall.SIGTERM)
}

// halfRequest opens a connection and sends a part of a request, which phasm
// has read when the function returns.
func (r *running) halfRequest(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	// The answer to the first says that the second has arrived with it.
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	first, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, 1<<10)), nil)
	if err != nil || first.StatusCode != 200 {
		t.Fatalf("%v, %v", first, err)
	}
	return c
}

const hi = `[listeners.main]
address = "127.0.0.1:8080"
[routes.hi]
match = "/"
respond = {body = "hi"}
`

// TERM and QUIT let a request finish that has begun, INT does not, and a
// second signal ends the process as it would without phasm.
func TestSignalsAndRunningRequests(t *testing.T) {
	for _, test := range []struct {
		signals []os.Signal
		served  bool
		ends    string
	}{
		{[]os.Signal{syscall.SIGTERM}, true, "<nil>"},
		{[]os.Signal{syscall.SIGQUIT}, true, "<nil>"},
		{[]os.Signal{syscall.SIGINT}, false, "<nil>"},
		{[]os.Signal{syscall.SIGTERM, syscall.SIGTERM}, false, "signal: terminated"},
		{[]os.Signal{syscall.SIGTERM, syscall.SIGINT}, false, "signal: interrupt"},
	} {
		r := runPhasm(t, t.TempDir(), hi)
		c := r.halfRequest(t)
		for i, sig := range test.signals {
			if i > 0 {
				awaitIn(t, r.log, "msg=stopping")
			}
			r.cmd.Process.Signal(sig)
		}
		if test.served {
			awaitIn(t, r.log, "msg=stopping")
			io.WriteString(c, "Host: a\r\n\r\n")
		}
		answer, _ := io.ReadAll(c)
		if served := strings.HasSuffix(string(answer), "hi"); served != test.served {
			t.Errorf("after %v the rest of the request is answered %q", test.signals, answer)
		}
		select {
		case err := <-r.done:
			if fmt.Sprint(err) != test.ends {
				t.Errorf("after %v phasm ended with %v, want %v", test.signals, err, test.ends)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("phasm does not end after %v", test.signals)
		}
	}
}

func TestHangupReloads(t *testing.T) {
	r := runPhasm(t, t.TempDir(), hi)
	r.waitFor(t, "/", "hi")
	r.configure(t, strings.Replace(hi, `"hi"`, `"ho"`, 1))
	r.cmd.Process.Signal(syscall.SIGHUP)
	r.waitFor(t, "/", "ho")
	r.configure(t, "nonsense")
	r.cmd.Process.Signal(syscall.SIGHUP)
	awaitIn(t, r.log, r.file+":1: ")
	r.configure(t, hi)
	r.cmd.Process.Signal(syscall.SIGHUP)
	r.waitFor(t, "/", "hi")
	r.end(t, syscall.SIGTERM)
}

func TestWatchReloads(t *testing.T) {
	r := runPhasm(t, t.TempDir(), hi, "-watch")
	r.configure(t, strings.Replace(hi, `"hi"`, `"ho"`, 1))
	r.waitFor(t, "/", "ho")
	r.end(t, syscall.SIGINT)
}

// activated has phasm started as systemd starts it, with a listening socket of
// that name.
func activated(c *exec.Cmd, names string, sockets ...*os.File) {
	c.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`}, append([]string{c.Path}, c.Args[1:]...)...)
	c.Path = "/bin/sh"
	c.Env = append(c.Env, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)), "LISTEN_FDNAMES="+names)
	c.ExtraFiles = sockets
}

// opened is a socket that somebody else has opened, and its address.
func opened(t *testing.T, network, address string) (*os.File, string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, l.Addr().String()
}

// Whoever connects before phasm is there is served: the socket is systemd's.
// Reloads keep it, and can leave it and come back.
func TestSystemdSocket(t *testing.T) {
	one, address := opened(t, "tcp", "127.0.0.1:0")
	two, second := opened(t, "tcp", "127.0.0.1:0")
	early, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	early.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(early, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

	config := hi + "[listeners.web]\naddress = \"systemd:web\"\n"
	r := runChanged(t, t.TempDir(), config, func(c *exec.Cmd) { activated(c, "web:web", one, two) })
	if answer, err := io.ReadAll(early); err != nil || !strings.HasSuffix(string(answer), "hi") {
		t.Errorf("who came before phasm got %q, %v", answer, err)
	}
	for _, step := range []struct{ config, answer string }{
		{strings.Replace(config, `"hi"`, `"ho"`, 1), "ho"},
		{strings.Replace(hi, `"hi"`, `"he"`, 1), ""},
		{config, "hi"},
	} {
		r.configure(t, step.config)
		r.cmd.Process.Signal(syscall.SIGHUP)
		if step.answer == "" {
			r.waitFor(t, "/", "he")
			continue
		}
		r.waitFor(t, "/", step.answer)
		for _, address := range []string{address, second} {
			resp, err := http.Get("http://" + address)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(body) != step.answer {
				t.Errorf("%s answers %q", address, body)
			}
		}
	}
	r.end(t, syscall.SIGTERM)
}

func TestSystemdSocketErrors(t *testing.T) {
	tcp, _ := opened(t, "tcp", "127.0.0.1:0")
	local, _ := opened(t, "unix", filepath.Join(t.TempDir(), "socket"))
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	file := write(t, "config.toml", strings.Replace(hi, "127.0.0.1:8080", "systemd:web", 1))
	for name, test := range map[string]struct {
		names   string
		sockets []*os.File
		want    string
	}{
		"none":          {"", nil, "systemd has passed no sockets: start its socket unit, which starts the service"},
		"another name":  {"http:https", []*os.File{tcp, tcp}, `systemd has passed no socket of that name, but "http", "https": FileDescriptorName in the socket unit gives it`},
		"a local one":   {"web", []*os.File{local}, "is not one of TCP"},
		"no socket":     {"web", []*os.File{plain}, "cannot be listened on: "},
		"the second is": {"web:web", []*os.File{tcp, local}, "is not one of TCP"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			c := phasm(t, "-c", file)
			activated(c, test.names, test.sockets...)
			out, err := c.CombinedOutput()
			if err == nil || !strings.Contains(string(out), file+":2: listeners.main.address: cannot listen on systemd:web: ") || !strings.Contains(string(out), test.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// waitUntil waits until a condition holds.
func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain until " + what)
		}
	}
}

// awaitIn waits until a file exists and holds a text.
func awaitIn(t *testing.T, file, text string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		got, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(got), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has %q, not %q (%v)", file, got, text, err)
		}
	}
}

// phasm new writes a plugin that its own test passes and phasm serves, with
// the binary alone.
func TestNewPlugin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my-plugin")
	if out, err := phasm(t, "new", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	test := exec.Command("go", "test", "./...")
	test.Dir = dir
	test.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
	if out, err := test.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config, err := os.ReadFile(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	r := runPhasm(t, dir, string(config))
	r.end(t, syscall.SIGTERM)

	module := filepath.Join(t.TempDir(), "x.wasm")
	if out, err := phasm(t, "build", dir, "-o", module).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check := write(t, "file.toml", fmt.Sprintf("[listeners.main]\naddress = \"127.0.0.1:0\"\n[plugins.p]\npath = %q\n[routes.r]\nmatch = \"/\"\ncontent = \"p\"\n", module))
	if out, err := phasm(t, "-t", "-c", check).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("the configuration is good")) {
		t.Errorf("%v\n%s", err, out)
	}
}
