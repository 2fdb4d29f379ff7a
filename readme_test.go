package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
	"phasm/server"
	"phasm/server/config"
)

// Every example's README shows commands and what they print. Here they are
// run against the example's own configuration, on free ports.
func TestExamples(t *testing.T) {
	readmes, err := filepath.Glob("wasm-examples/*/README.md")
	if err != nil || len(readmes) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, readme := range readmes {
		dir := filepath.Dir(readme)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if commands := linesOf(t, readme, "sh"); len(commands) > 0 {
				dir = buildExample(t, dir, commands)
			}
			runReadme(t, readme, filepath.Join(dir, "config.toml"))
		})
	}
}

// buildExample builds an example in another language than Go as its page says,
// in a copy of its folder, and answers the copy.
func buildExample(t *testing.T, dir string, commands []string) string {
	t.Helper()
	for _, command := range commands {
		name, _, _ := strings.Cut(command, " ")
		requireCommand(t, name)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-ec", strings.Join(commands, "\n"))
	cmd.Dir = folder
	// What make deps installs comes first: another rustc may not know the target.
	cmd.Env = append(os.Environ(), "PATH=/usr/bin:"+os.Getenv("PATH"))
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s as its page says: %v\n%s", dir, err, output)
	}
	return folder
}

// linesOf are the lines in a page's blocks of one language.
func linesOf(t *testing.T, page, language string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	inBlock := false
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimRight(line, "\n"); {
		case strings.HasPrefix(line, "```"):
			inBlock = line == "```"+language
		case inBlock:
			lines = append(lines, line)
		}
	}
	return lines
}

// The README's own requests run against config.toml as it stands.
func TestReadme(t *testing.T) {
	runReadme(t, "README.md", "config.toml")
}

// The README's table has every example.
func TestReadmeHasEveryExample(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("wasm-examples/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, folder := range folders {
		if link := "](" + filepath.ToSlash(folder) + ")"; !strings.Contains(string(text), link) {
			t.Errorf("README.md does not list %s", folder)
		}
	}
}

// runReadme runs the curl commands in a page's console blocks against a
// configuration and compares what they print.
func runReadme(t *testing.T, page, file string) {
	requests := consoleOf(t, page)
	if len(requests) == 0 {
		t.Fatalf("%s shows no request: a console block with a line \"$ curl …\"", page)
	}
	requireCommand(t, "curl")
	ports := serveFile(t, file)
	for _, r := range requests {
		command := r.command
		for from, to := range ports {
			command = strings.ReplaceAll(command, from, to)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		output, err := exec.CommandContext(ctx, "bash", "-c", command).Output()
		cancel()
		if err != nil {
			t.Errorf("%s:%d: %s: %v", page, r.line, r.command, err)
		}
		if got := strings.ReplaceAll(string(output), "\r", ""); strings.TrimRight(got, "\n") != r.output {
			t.Errorf("%s:%d: %s\nprints\n%s\nbut the page says\n%s", page, r.line, r.command, got, r.output)
		}
	}
}

// request is a command on a page and the output that the page promises.
type request struct {
	line    int
	command string
	output  string
}

// consoleOf finds the curl commands in a page's console blocks.
func consoleOf(t *testing.T, page string) []request {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var found []request
	inBlock, inCommand := false, false
	for i, line := range strings.Split(string(text), "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock, inCommand = line == "```console", false
		case inBlock && isCommand:
			if inCommand = strings.HasPrefix(command, "curl "); inCommand {
				found = append(found, request{line: i + 1, command: command})
			}
		case inBlock && inCommand:
			found[len(found)-1].output += line + "\n"
		}
	}
	for i := range found {
		found[i].output = strings.TrimRight(found[i].output, "\n")
	}
	return found
}

// serveFile serves a configuration with its addresses moved to free ports. It
// answers which address became which.
func serveFile(t *testing.T, file string) map[string]string {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for i := range c.Listeners {
		addresses = append(addresses, c.Listeners[i].Address)
	}
	if asksItself(c) {
		c = moved(t, file, addresses)
	} else {
		for i := range c.Listeners {
			c.Listeners[i].Address = "127.0.0.1:0"
		}
	}
	admin := c.Admin.Address
	if admin != "" {
		c.Admin.Address = "127.0.0.1:0"
	}
	for i := range c.Redis {
		c.Redis[i].Addresses = []string{redistest.Start(t).Address}
	}
	for i := range c.Zones {
		if file := &c.Zones[i].File; *file != "" {
			*file = filepath.Join(t.TempDir(), filepath.Base(*file)) // else the example would change
		}
	}
	c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
	c.Server.AccessLog.File = ""
	s, err := server.New(t.Context(), c, server.Options{Cache: testCache(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for i, a := range s.Addresses() {
		ports[addresses[i]] = a.String()
	}
	if admin != "" {
		ports[admin] = s.AdminAddress().String()
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text, _ := os.ReadFile(c.Server.Log.File)
			t.Logf("server log:\n%s", text)
		}
	})
	return ports
}

// asksItself tells whether a plugin of the configuration may send requests.
func asksItself(c *config.Config) bool {
	return slices.ContainsFunc(c.Plugins, func(p config.Plugin) bool { return len(p.Grants.HTTP) > 0 })
}

// moved is a configuration with other ports wherever it names those of its
// listeners: for plugins whose configuration does.
func moved(t *testing.T, file string, addresses []string) *config.Config {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, address := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // not before all have a port
		_, from, _ := net.SplitHostPort(address)
		_, to, _ := net.SplitHostPort(l.Addr().String())
		text = strings.ReplaceAll(text, ":"+from, ":"+to)
	}
	c, err := config.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testCache is the cache of the tests' phasm and of the tests of package server:
// each guest is built and compiled once for both.
func testCache() string { return filepath.Join(os.TempDir(), "phasm-test-cache", "phasm") }

// requireCommand skips a test for want of a program, but never in CI.
func requireCommand(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		message := fmt.Sprintf("this test needs %s: make deps installs it", name)
		if os.Getenv("CI") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
}

// The README's configuration is one that phasm -t accepts.
func TestReadmeConfiguration(t *testing.T) {
	text := strings.Join(linesOf(t, "README.md", "toml"), "\n")
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || text == "" {
		t.Fatalf("%v %q", err, text)
	}
	if output, err := phasm(t, "-t", "-c", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
