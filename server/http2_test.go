package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// http2Client is a client that speaks HTTP/2 only.
func (s *tlsServer) http2Client() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	transport := &http.Transport{
		TLSClientConfig: s.clientConfig("first.example"), Protocols: protocols, DisableCompression: true,
		ExpectContinueTimeout: 20 * time.Second,
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends a request with the header Do and reads the answer.
func (s *tlsServer) ask(c *http.Client, method, target, do string, body io.Reader) response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+s.address+target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Do", do)
	answer, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v after %.100q", method, target, err, text)
	}
	if answer.ProtoMajor != 2 {
		s.t.Fatalf("%s %s: answered in %s", method, target, answer.Proto)
	}
	return response{answer, string(text)}
}

// A request by HTTP/2 takes the way of every other.
func TestHTTP2Exchanges(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.access_log]\nfile = \"access.log\"\nformat = \"combined\"\n")
	c := s.http2Client()
	for _, test := range []struct {
		method, target, do, body string
		status                   int
		want                     string
		headers                  map[string]string
	}{
		{"GET", "/all", "a.content:write:hello", "", 200, "hello", map[string]string{"X-Filtered": "s", "Content-Length": "5", "Server": "phasm"}},
		{"GET", "/all?x=1", "a.content:var:server_protocol a.content:var:scheme a.content:var:request_uri a.content:var:ssl_server_name", "", 200,
			"server_protocol=HTTP/2.0\nscheme=https\nrequest_uri=/all?x=1\nssl_server_name=first.example\n", nil},
		{"GET", "/all", "a.access:exit:403", "", 403, "403 Forbidden\n", nil},
		{"GET", "/all", "a.rewrite:redirect:/elsewhere", "", 307, "", map[string]string{"Location": "/elsewhere"}},
		{"GET", "/none", "", "", 404, "404 Not Found\n", nil},
		{"GET", "/plain/7", "b.content:param:id", "", 200, "id=7", nil},
		{"GET", "/fixed", "", "", 200, "[fixed!]", nil},
		{"HEAD", "/bare/hello.txt", "", "", 200, "", nil},
		{"POST", "/all", "a.content:body", "some body", 200, "a read 9: some body", nil},
		{"POST", "/all", "a.access:body b.access:body", "twice", 200, "a read 5: twiceb read 5: twice", nil},
		{"POST", "/all", "a.access:exit:413", strings.Repeat("x", 1<<20), 413, "", nil},
		{"GET", "/all", "a.content:writes:700000", "", 200, strings.Repeat("x", 700000), map[string]string{"Content-Length": "700000"}},
		{"GET", "/all", "a.content:write:ab a.content:flush a.content:write:cd", "", 200, "abcd", map[string]string{"Content-Length": ""}},
		{"GET", "/all", "a.content:status:204", "", 204, "", nil},
		{"GET", "/all", "a.content:header:X-A=1 a.content:header:Connection=close a.content:header:Keep-Alive=1 a.content:write:x", "", 200, "x",
			map[string]string{"X-A": "1", "Connection": "", "Keep-Alive": ""}},
		{"GET", "/all", "a.content:panic", "", 500, "500 Internal Server Error\n", nil},
	} {
		var body io.Reader
		if test.body != "" {
			body = strings.NewReader(test.body)
		}
		r := s.ask(c, test.method, test.target, test.do, body)
		if r.StatusCode != test.status || test.want != "" && r.body != test.want {
			t.Errorf("%s %s (%s): %d %.200q", test.method, test.target, test.do, r.StatusCode, r.body)
		}
		for name, want := range test.headers {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s %s (%s): %s is %q", test.method, test.target, test.do, name, got)
			}
		}
	}
	if s.connections() != 1 {
		t.Errorf("there are %d connections", s.connections())
	}
	s.await("trace s.rewrite a.rewrite b.rewrite s.access a.access b.access a.content s.header_filter a.header_filter a.body_filter s.log a.log")
	waitFor(t, "the access log", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.dir, "access.log"))
		return strings.Contains(string(text), `"GET /fixed HTTP/2.0" 200`)
	})
	if metrics := s.adminGet("/metrics"); !strings.Contains(metrics, `phasm_requests_total{route="fixed",method="GET",code="200"} 1`) || !strings.Contains(metrics, "phasm_panics_total 0") {
		t.Error("the metrics lack the requests, or have panics")
	}
}

// Bodies pass in both directions at once, piece by piece, and a body without a
// length as well.
func TestHTTP2Streams(t *testing.T) {
	s := startTLS(t, probesInFile)
	c := s.http2Client()
	r, w := io.Pipe()
	go func() {
		for range 100 {
			w.Write(bytes.Repeat([]byte("y"), 5000))
		}
		w.Close()
	}()
	if got := s.ask(c, "POST", "/all", "a.content:body", r); !strings.HasPrefix(got.body, "a read 500000: yyy") {
		t.Errorf("got %.100q", got.body)
	}

	request, _ := http.NewRequest("GET", "https://"+s.address+"/all", nil)
	request.Header.Set("Do", "a.content:write:first a.content:flush a.content:sleep:30000 a.content:write:second")
	answer, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 5)
	if _, err := io.ReadFull(answer.Body, piece); err != nil || string(piece) != "first" {
		t.Errorf("got %q, %v", piece, err)
	}
	answer.Body.Close() // resets the stream, which the plugin sees
	s.await("sleep: closed", "plugin=a")
	if s.connections() != 1 {
		t.Error("the connection is not the same any more")
	}
}

// A client that waits for "100 Continue" sends its body only to those who want
// it.
func TestHTTP2ExpectContinue(t *testing.T) {
	s := startTLS(t, probesInFile)
	c := s.http2Client()
	for do, want := range map[string]bool{"a.access:exit:403": false, "a.content:body": true} {
		var told atomic.Bool
		request, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got100Continue: func() { told.Store(true) },
			Got1xxResponse: func(int, textproto.MIMEHeader) error { return nil },
		}), "POST", "https://"+s.address+"/all", strings.NewReader("hello"))
		request.Header.Set("Do", do)
		request.Header.Set("Expect", "100-continue")
		answer, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if told.Load() != want {
			t.Errorf("%s: told to go on: %v, status %d", do, told.Load(), answer.StatusCode)
		}
	}
}

// The limits hold.
func TestHTTP2Limits(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.limits]\nbody = \"10KiB\"\nheaders = 20\nheader_size = \"4KiB\"\nrequests = 30\n")
	c := s.http2Client()
	big := strings.Repeat("x", 20<<10)
	if r := s.ask(c, "POST", "/all", "a.content:body", strings.NewReader(big)); r.StatusCode != 413 {
		t.Errorf("too large by its length: %d", r.StatusCode)
	}
	if r := s.ask(c, "POST", "/all", "a.content:body", io.MultiReader(strings.NewReader(big))); r.StatusCode != 413 {
		t.Errorf("too large as it comes: %d", r.StatusCode)
	}
	for what, set := range map[string]func(http.Header){
		"many headers": func(h http.Header) {
			for i := range 20 {
				h.Add("X-Many", string(rune('a'+i)))
			}
		},
		"a large header": func(h http.Header) { h.Set("X-Large", strings.Repeat("x", 4080)) },
	} {
		request, _ := http.NewRequest("GET", "https://"+s.address+"/all", nil)
		set(request.Header)
		answer, err := c.Do(request)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode != 431 {
			t.Errorf("%s: %d", what, answer.StatusCode)
		}
	}
	for range 60 { // over the connection's limit: others take its place
		if r := s.ask(c, "GET", "/all", "a.content:write:x", nil); r.StatusCode != 200 {
			t.Errorf("got %d", r.StatusCode)
		}
	}
	waitFor(t, "the first connections to end", func() bool { return s.connections() == 1 })
}

// Exchanges that fail after their head leave a stream that is reset, and the
// connection as it was.
func TestHTTP2CutOff(t *testing.T) {
	s := startTLS(t, probesInFile)
	c := s.http2Client()
	request, _ := http.NewRequest("GET", "https://"+s.address+"/all", nil)
	request.Header.Set("Do", "a.content:write:ab a.content:flush a.content:panic")
	answer, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the response seems to be whole: %q", text)
	}
	if r := s.ask(c, "GET", "/all", "a.content:write:x", nil); r.body != "x" || s.connections() != 1 {
		t.Errorf("got %q over %d connections", r.body, s.connections())
	}
}

// A write that nobody takes, and a body that does not come, have their time.
func TestHTTP2Timeouts(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.timeouts]\nwrite = \"300ms\"\nbody = \"300ms\"\n")
	c := s.http2Client()
	r, w := io.Pipe()
	defer w.Close()
	request, _ := http.NewRequest("POST", "https://"+s.address+"/all", r)
	request.Header.Set("Do", "a.content:body")
	go w.Write([]byte("half"))
	answer, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != 408 {
		t.Errorf("got %d %q", answer.StatusCode, text)
	}

	// Neither ends an exchange that waits for itself.
	if r := s.ask(c, "POST", "/all", "a.access:body a.content:write:1 a.content:flush a.content:sleep:700 a.content:write:2", strings.NewReader("x")); r.body != "a read 1: x12" {
		t.Errorf("got %q", r.body)
	}

	request, _ = http.NewRequest("GET", "https://"+s.address+"/all", nil)
	request.Header.Set("Do", "a.content:writes:8000000")
	if answer, err = c.Do(request); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the write to be given up", func() bool { return s.inFlight() == 0 })
	if text, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("all %d bytes have come", len(text))
	}
}

// Whoever stops the server waits for its streams, and the client is told to send
// no more.
func TestHTTP2Drains(t *testing.T) {
	s := startTLS(t, probesInFile)
	c := s.http2Client()
	s.ask(c, "GET", "/all", "a.content:write:x", nil)
	var asking sync.WaitGroup
	for range 10 {
		asking.Go(func() {
			if r := s.ask(c, "GET", "/all", "a.content:write:late a.content:flush a.content:sleep:500 a.content:write:r", nil); r.body != "later" {
				t.Errorf("got %q", r.body)
			}
		})
	}
	waitFor(t, "the exchanges to run", func() bool { return s.inFlight() == 10 })
	stopped := s.stopping()
	asking.Wait()
	<-stopped
}

// A reload changes nothing for those who are connected, but for what answers
// them.
func TestHTTP2Reloads(t *testing.T) {
	s := startTLS(t, "[routes.a]\nmatch = \"/\"\nrespond = {body = \"old\"}\n"+tlsTables)
	c := s.http2Client()
	s.ask(c, "GET", "/", "", nil) // else each of the following opens a connection
	var asking sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		asking.Go(func() {
			for !stop.Load() {
				if r := s.ask(c, "GET", "/", "", nil); r.body != "old" && r.body != "new" {
					t.Errorf("got %q", r.body)
				}
			}
		})
	}
	for _, body := range []string{"new", "old", "new", "old", "new"} {
		s.write("[routes.a]\nmatch = \"/\"\nrespond = {body = \"" + body + "\"}\n" + tlsTables)
		s.reload()
	}
	stop.Store(true)
	asking.Wait()
	if r := s.ask(c, "GET", "/", "", nil); r.body != "new" || s.connections() != 1 {
		t.Errorf("got %q over %d connections", r.body, s.connections())
	}
	waitFor(t, "the old generations to end", func() bool { return s.metrics.generations.Load() == 1 })
}

// A listener may say that it has HTTP/1.1 only.
func TestHTTP2Off(t *testing.T) {
	s := startTLS(t, fixedConfig+strings.Replace(tlsTables, "[listeners.main]", "[listeners.main]\nhttp2 = false", 1))
	config := s.clientConfig("first.example")
	config.NextProtos = []string{"h2", "http/1.1"}
	c, err := tls.Dial("tcp", s.address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("the protocol is %q", got)
	}
}

// A target or a method that would be another request in HTTP/1.1 is refused.
func TestHTTP2NotAnotherRequest(t *testing.T) {
	s := startTLS(t, probesInFile)
	for _, target := range []string{"/all HTTP/1.1", "/a\tb", "/all /fixed"} {
		r := &http.Request{Method: "GET", RequestURI: target, Host: "a"}
		head := string(appendRequestHead(nil, r))
		c := s.plainExchange(head)
		if !strings.HasPrefix(c, "HTTP/1.1 400 ") {
			t.Errorf("%q: %.50q", target, c)
		}
	}
}

// plainExchange has the server's driver answer a head.
func (s *testServer) plainExchange(head string) string {
	var memory bufferConn
	memory.request.Reset([]byte(head))
	c := s.newConn(&memory)
	s.add(c)
	c.serve()
	return string(memory.response)
}

// curl agrees.
func TestHTTP2Curl(t *testing.T) {
	requireCommand(t, "curl")
	if out, _ := exec.Command("curl", "-V").Output(); !strings.Contains(string(out), "HTTP2") {
		t.Skip("this curl has no HTTP/2")
	}
	s := startTLS(t, probesInFile)
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--http2", "--cacert", filepath.Join(s.dir, "authority.pem"), "--max-time", "20",
		"-H", "Do: a.content:body", "-d", "from curl", "-w", " %{http_version} %{http_code}", "https://"+s.address+"/all").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%v: %s", err, exit.Stderr)
	}
	if string(out) != "a read 9: from curl 2 200" {
		t.Errorf("got %q", out)
	}
}

// Bodies that nobody reads yet do not keep the connection's others waiting, however
// many there are.
func TestHTTP2UnreadBodies(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.timeouts]\nbody = \"1s\"\n")
	c := s.http2Client()
	s.ask(c, "GET", "/all", "a.content:write:x", nil) // else each of the following opens a connection
	ctx, cancel := context.WithCancel(t.Context())
	var sent atomic.Int64
	var asking sync.WaitGroup
	for range maxStreams - 1 {
		asking.Go(func() {
			body := io.TeeReader(strings.NewReader(strings.Repeat("x", 2*streamBuffer)), counter{&sent})
			unread, _ := http.NewRequestWithContext(ctx, "POST", "https://"+s.address+"/all", body)
			unread.Header.Set("Do", "a.content:sleep:60000")
			if answer, err := c.Do(unread); err == nil {
				answer.Body.Close()
			}
		})
	}
	waitFor(t, "all that is let in of the bodies to come", func() bool { return sent.Load() >= (maxStreams-1)*streamBuffer })
	if r := s.ask(c, "POST", "/all", "a.content:body", strings.NewReader("hello")); r.body != "a read 5: hello" || s.connections() != 1 {
		t.Errorf("%d %q over %d connections", r.StatusCode, r.body, s.connections())
	}
	cancel()
	asking.Wait()
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
