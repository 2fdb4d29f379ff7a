package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framesClient is a client of HTTP/2 that sends what no library would.
type framesClient struct {
	*http2.Framer
	t      *testing.T
	conn   net.Conn
	stream uint32 // of the last request
	block  bytes.Buffer
	encode *hpack.Encoder
}

// frames opens a connection of HTTP/2.
func (s *tlsServer) frames(settings ...http2.Setting) *framesClient {
	s.t.Helper()
	config := s.clientConfig("first.example")
	config.NextProtos = []string{"h2"}
	c, _ := s.secure(config)
	return newFrames(s.t, c.Conn, settings...)
}

func newFrames(t *testing.T, c net.Conn, settings ...http2.Setting) *framesClient {
	t.Helper()
	f := &framesClient{Framer: http2.NewFramer(c, c), t: t, conn: c}
	f.encode = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return f
}

// request sends a head: names and values by turns, where a GET for /all of first.example
// has none of its own.
func (f *framesClient) request(end bool, fields ...string) {
	f.t.Helper()
	f.stream = max(1, f.stream+2)
	f.stream |= 1
	f.block.Reset()
	names := strings.Join(fields, "\n")
	for _, usual := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/all"}} {
		if !strings.Contains(names, usual[0]+"\n") {
			f.encode.WriteField(hpack.HeaderField{Name: usual[0], Value: usual[1]})
		}
	}
	for i := 0; i < len(fields); i += 2 {
		f.encode.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.stream, BlockFragment: f.block.Bytes(), EndStream: end, EndHeaders: true}); err != nil {
		f.t.Fatal(err)
	}
}

// answer is what comes for the last request: its status, "reset" with the code, or that the
// connection ends. Pings are answered.
func (f *framesClient) answer() string {
	f.t.Helper()
	status := ""
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return fmt.Sprint(status, err)
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			f.WritePing(true, frame.Data)
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.GoAwayFrame:
			status += "goaway " + frame.ErrCode.String() + " "
		}
		if frame.Header().StreamID != f.stream {
			continue
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status += frame.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return strings.TrimSpace(status + " reset " + frame.ErrCode.String())
		}
		if frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return status
		}
	}
}

// What a head says twice, in two ways, is refused as over HTTP/1.1.
func TestHTTP2HeadsThatDisagree(t *testing.T) {
	s := startTLS(t, probesInFile)
	f := s.frames()
	for _, test := range []struct {
		want   string
		fields []string
	}{
		{"200", []string{":authority", "a"}},
		{"200", []string{":authority", "a", "host", "A:443"}},
		{"200", []string{"host", "a"}},
		{"200", []string{":authority", "a", "content-length", "0"}},
		{"400", []string{":authority", "a", "host", "b"}},
		{"400", []string{":authority", "a", "host", ""}},
		{"400", []string{":authority", "a", "host", "a", "host", "b"}},
		{"400", []string{"host", "a", "host", "a"}},
		{"400", []string{"host", "a", "host", "b"}},
		{"400", []string{"cookie", "x"}},
		{"400", []string{":authority", "a", "content-length", "5"}},
		{"400", []string{":authority", "a", "content-length", "0", "content-length", "0"}},
		{"400", []string{":authority", "a", "content-length", "00"}},
		{"400", []string{":authority", "a", "content-length", "x"}},
		{"400", []string{":authority", "a", "content-length", ""}},
		{"501", []string{":method", "CONNECTED", ":authority", "a"}},
		{"417", []string{":authority", "a", "expect", "much"}},
	} {
		f.request(true, test.fields...)
		if got := f.answer(); got != test.want {
			t.Errorf("%q: %s, want %s", test.fields, got, test.want)
		}
	}
	f.request(false, ":authority", "a", ":method", "POST", "content-length", "02", "do", "a.content:body")
	f.WriteData(f.stream, true, []byte("ok"))
	if got := f.answer(); got != "400" && got != "400 reset NO_ERROR" {
		t.Errorf("a length with a zero in front: %s", got)
	}
	waitFor(t, "the log", func() bool { return strings.Contains(s.adminGet("/metrics"), `code="400"} 12`) })
}

// A client that takes nothing has its time, for the last bytes of a small
// response as well, whatever else it answers.
func TestHTTP2TakesNothing(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.timeouts]\nwrite = \"300ms\"\n")
	f := s.frames(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	f.request(true, ":authority", "a", "do", "a.content:write:small")
	if got := f.answer(); !strings.HasSuffix(got, "reset INTERNAL_ERROR") {
		t.Errorf("got %s", got)
	}
	// One that takes it late has it whole.
	f.request(true, ":authority", "a", "do", "a.content:write:small")
	f.WriteWindowUpdate(f.stream, 100)
	if got := f.answer(); got != "200" {
		t.Errorf("got %s", got)
	}
}

// Heads have the limits that they have over HTTP/1.1.
func TestHTTP2HeadSize(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.limits]\nheader_size = \"4KiB\"\nheaders = 100\n"+
		"[server.access_log]\nfile = \"access.log\"\nformat = \"combined\"\n")
	f := s.frames()
	many := []string{":authority", "a"}
	for i := range 95 {
		many = append(many, fmt.Sprintf("x-header-%02d", i), "0123456789")
	}
	large := []string{":authority", "a", "x-large", strings.Repeat("x", 4000)}
	for _, test := range []struct {
		want   string
		fields []string
	}{{"200", many}, {"431", append(many, many[2:]...)}, {"200", large}, {"431", append(large, "x-more", strings.Repeat("x", 100))}, {"431", append(large, large[2:]...)}} {
		f.request(true, test.fields...)
		if got := f.answer(); got != test.want {
			t.Errorf("%d fields: %s, want %s", len(test.fields)/2, got, test.want)
		}
		c := s.dialTLS()
		c.send("GET /all HTTP/1.1\nHost: a\n" + headLines(test.fields[2:]) + "\n")
		if r := c.receive("GET"); fmt.Sprint(r.StatusCode) != test.want {
			t.Errorf("HTTP/1.1: %d, want %s", r.StatusCode, test.want)
		}
	}
	waitFor(t, "the access log", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.dir, "access.log"))
		return strings.Count(string(text), "\" 431 ") == 6
	})
}

func headLines(fields []string) (lines string) {
	for i := 0; i < len(fields); i += 2 {
		lines += fields[i] + ": " + fields[i+1] + "\n"
	}
	return lines
}

// dialTLS opens a connection of HTTP/1.1.
func (s *tlsServer) dialTLS() *client {
	c, _ := s.secure(s.clientConfig("first.example"))
	return c
}

// A connection that drain takes for idle, just before its first request is read,
// has that served.
func TestHTTP2DrainMeetsTheHandshake(t *testing.T) {
	s := startTLS(t, probesInFile)
	begin := func(then func(*conn)) net.Conn {
		here, there := tcpPair(t)
		go func() {
			c := s.admit(here, false)
			c.listener = s.sockets.listeners[0]
			if !c.handshake() {
				t.Error("the handshake fails")
			}
			then(c)
			c.serveHTTP2()
			c.end()
		}()
		config := s.clientConfig("first.example")
		config.NextProtos = []string{"h2"}
		return newClient(t, tls.Client(there, config)).Conn
	}
	f := newFrames(t, begin(func(c *conn) { c.net.SetReadDeadline(time.Unix(1, 0)) })) // as drain has it
	f.request(true, ":authority", "a")
	if got := f.answer(); got != "200" {
		t.Errorf("got %s", got)
	}
	f.conn.Close()

	// One that says nothing more does not hold up the end, as net/http lets it
	// for ten seconds.
	begun := make(chan struct{})
	silent := begin(func(*conn) { close(begun) })
	if err := silent.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	<-begun
	stopped, since := s.stopping(), time.Now()
	<-stopped
	if took := time.Since(since); took > 8*time.Second {
		t.Errorf("the server took %v to stop", took)
	}
}

// tcpPair is both ends of a connection.
func tcpPair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, dialErr := net.Dial("tcp", l.Addr().String())
	here, err = l.Accept()
	if err := errors.Join(dialErr, err); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	return here, there
}

// A limit that a reload has lowered below what a connection has served already
// ends it.
func TestHTTP2RequestsAfterReload(t *testing.T) {
	s := startTLS(t, fixedConfig+tlsTables)
	f := s.frames()
	for range 5 {
		f.request(true, ":authority", "a")
		f.answer()
	}
	s.write(fixedConfig + tlsTables + "[server.limits]\nrequests = 3\n")
	s.reload()
	f.request(true, ":authority", "a")
	got := f.answer()
	f.stream = 0
	if got += " " + f.answer(); !strings.Contains(got, "goaway NO_ERROR") {
		t.Errorf("got %s", got)
	}
}

// While the server waits for a stream it asks the client once to send no more.
func TestHTTP2EndsOnce(t *testing.T) {
	s := startTLS(t, probesInFile)
	f := s.frames()
	f.request(true, ":authority", "a", "do", "a.content:sleep:1000")
	waitFor(t, "the exchange to run", func() bool { return s.inFlight() == 1 })
	stopped := s.stopping()
	if got := f.answer(); got != "goaway NO_ERROR 200" {
		t.Errorf("got %s", got)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := bytes.Count(stacks, []byte("http.(*Server).Shutdown(")); n > 1 {
		t.Errorf("%d goroutines end the connection", n)
	}
	<-stopped
}

// What is refused, or is meant for the server as a whole, stands in the access
// log as what it was.
func TestHTTP2LogsRefusals(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.access_log]\nfile = \"access.log\"\nformat = \"combined\"\n")
	f := s.frames()
	for _, test := range []struct{ want, method, target string }{
		{"204", "OPTIONS", "*"}, {"501", "TRACE", "/all"}, {"400", "GET", "/all#x"}, {"404", "GET", "/none"}, {"400", "GET x", "/all"},
		{"400", "GET", "/" + strings.Repeat("y", 300) + "#"},
	} {
		f.request(true, ":authority", "a", ":method", test.method, ":path", test.target)
		if got := f.answer(); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.method, test.target, got, test.want)
		}
	}
	f.request(true, ":authority", "a", ":path", "/last")
	text := []byte(nil)
	waitFor(t, "the access log", func() bool {
		text, _ = os.ReadFile(filepath.Join(s.dir, "access.log"))
		return bytes.Contains(text, []byte("/last"))
	})
	for _, want := range []string{
		`"OPTIONS * HTTP/2.0" 204`, `"TRACE /all HTTP/2.0" 501`, `"GET /all#x HTTP/2.0" 400`, `"GET /none HTTP/2.0" 404`, `"GET%20x/all" 400`,
		`"GET /` + strings.Repeat("y", 195) + `" 400`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
}

// A peer that answers early is heard over HTTP/2 as well, the client is told to send no
// more, and the connection serves others.
func TestHTTP2EarlyAnswer(t *testing.T) {
	s := startTLS(t, "[server.limits]\nbody = \"1GiB\"\n"+proxyConfig("", rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := r.ReadString('\n'); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop")
			io.CopyN(io.Discard, r, 1<<20)
		}
	}))+tlsTables)
	f := s.frames()
	for range 3 {
		f.request(false, ":authority", "a", ":method", "POST", "content-length", "900000000")
		f.WriteData(f.stream, false, make([]byte, 10000))
		if got := f.answer(); got != "413" {
			t.Errorf("got %s", got)
		}
		frame, err := f.ReadFrame()
		for ; err == nil && frame.Header().Type == http2.FrameWindowUpdate; frame, err = f.ReadFrame() {
		}
		if reset, ok := frame.(*http2.RSTStreamFrame); !ok || reset.ErrCode != http2.ErrCodeNo {
			t.Errorf("then %v, %v", frame, err)
		}
	}
}
