package server

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phasm/plugins/source"
	"phasm/server/config"
)

// listenerTables open a server on free ports. A test's configuration is put
// behind them.
const listenerTables = `
[listeners.main]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
`

// testServer is a running server.
type testServer struct {
	*Server
	t       *testing.T
	address string
	dir     string // of the configuration file, where there is one
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stop    func()

	endsWith string // a part of the error that Serve is to end with
}

// testBuilder builds guests as the tests' servers do.
func testBuilder() *source.Builder {
	return &source.Builder{Cache: filepath.Join(testCache(), "build")}
}

// testCache is shared by all tests, and by those of the program, so that each
// guest is built once.
func testCache() string { return filepath.Join(os.TempDir(), "phasm-test-cache", "phasm") }

// start serves a configuration until the test ends. Paths in it are relative
// to testdata.
func start(t *testing.T, text string) *testServer {
	t.Helper()
	c, err := config.Parse(filepath.Join("testdata", "test.toml"), []byte(text+listenerTables))
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Log.File == "" {
		c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
	}
	return serve(t, c)
}

// startFile serves a configuration file that the test can change by write.
// Paths in it may begin with TESTDATA.
func startFile(t *testing.T, text string) *testServer {
	t.Helper()
	dir := t.TempDir()
	writeConfig(t, dir, text)
	return startFileIn(t, dir)
}

// startFileIn serves the config.toml of a directory.
func startFileIn(t *testing.T, dir string) *testServer {
	t.Helper()
	c, err := config.Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, c)
	s.dir = dir
	return s
}

func (s *testServer) write(text string) {
	s.t.Helper()
	writeConfig(s.t, s.dir, text)
}

// writeConfig writes a configuration file as editors do, by rename. Listeners
// and a log file are added where the text has none.
func writeConfig(t *testing.T, dir, text string) {
	t.Helper()
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"[listeners.main]\naddress = \"127.0.0.1:0\"\n", "[admin]\naddress = \"127.0.0.1:0\"\n", "[server.log]\nfile = \"server.log\"\n"} {
		if head, _, _ := strings.Cut(table, "\n"); !strings.Contains(text, head) {
			text += "\n" + table
		}
	}
	writeFile(t, dir, "config.toml.new", strings.ReplaceAll(text, "TESTDATA", testdata))
	if err := os.Rename(filepath.Join(dir, "config.toml.new"), filepath.Join(dir, "config.toml")); err != nil {
		t.Fatal(err)
	}
}

// reload reloads the configuration file, which must be good.
func (s *testServer) reload() {
	s.t.Helper()
	if err := s.Reload(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// serve serves a configuration until the test ends.
func serve(t *testing.T, c *config.Config) *testServer {
	t.Helper()
	s, err := New(t.Context(), c, Options{Cache: testCache()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	stopped := false
	ts := &testServer{Server: s, t: t, address: s.Addresses()[0].String(), ctx: ctx, cancel: cancel}
	ts.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel(nil)
		err := <-served
		if ok := err == nil; ok != (ts.endsWith == "") || !ok && !strings.Contains(err.Error(), ts.endsWith) {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			if text, err := os.ReadFile(s.generation.Load().config.Server.Log.File); err == nil {
				t.Logf("server log:\n%s", text)
			}
		}
	}
	t.Cleanup(ts.stop)
	for !s.metrics.ready.Load() {
		time.Sleep(time.Millisecond)
	}
	return ts
}

// client is one raw connection to a server.
type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (s *testServer) dial() *client {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return newClient(s.t, nc)
}

func newClient(t *testing.T, nc net.Conn) *client {
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{nc, t, bufio.NewReader(nc)}
}

// send writes bytes as they are; lines may end in a bare newline in the test's
// text, which becomes CRLF.
func (c *client) send(text string) {
	c.t.Helper()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// response is a response with its body.
type response struct {
	*http.Response
	body string
}

// receive reads the response to a request of that method.
func (c *client) receive(method string) response {
	c.t.Helper()
	r, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("cannot read the response: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("cannot read the body: %v after %q", err, body)
	}
	return response{r, string(body)}
}

// closed tells whether the server closes the connection now.
func (c *client) closed() bool {
	_, err := c.r.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// do sends one request over a connection of its own and reads the answer.
func (s *testServer) do(method, target string, headers ...string) response {
	s.t.Helper()
	c := s.dial()
	defer c.Close() // a test may ask thousands of times
	c.send(method + " " + target + " HTTP/1.1\nHost: test\nConnection: close\n" + strings.Join(append(headers, "", ""), "\n"))
	return c.receive(method)
}

// get is do for the body of a GET.
func (s *testServer) get(target string, headers ...string) string {
	s.t.Helper()
	r := s.do("GET", target, headers...)
	if r.StatusCode != 200 {
		s.t.Errorf("GET %s: status %d, %q", target, r.StatusCode, r.body)
	}
	return r.body
}

// admin gets a page of the admin listener.
func (s *testServer) adminGet(path string) string {
	s.t.Helper()
	r, err := http.Get("http://" + s.AdminAddress().String() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// eventually waits until a condition holds, and tells whether it did.
func eventually(holds func() bool) bool {
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// waitFor waits until a condition holds that the rest of the test needs.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !eventually(holds) {
		t.Fatalf("waited for %s in vain", what)
	}
}

// writeFile writes a file, and the directories it is in, below dir.
func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// requireCommand skips a test for want of a program, but never in CI.
func requireCommand(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		message := "this test needs " + name + ": make deps installs it"
		if os.Getenv("CI") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
}

// closeIdleConnections closes what the tests' HTTP client keeps open.
func closeIdleConnections() { http.DefaultTransport.(*http.Transport).CloseIdleConnections() }

// writeCertificate writes a certificate as ca.pem.
func writeCertificate(t *testing.T, dir string, c *x509.Certificate) {
	t.Helper()
	writeFile(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
}

// connections counts the open connections.
func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// ServeConn serves one connection, and returns when it is closed: as
// fasthttp's Server does.
func (s *Server) ServeConn(nc net.Conn) {
	if c := s.admit(nc, false); c != nil {
		defer c.contain()
		c.serveAlone()
	}
}
