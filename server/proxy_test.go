package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phasm/server/upstream"
)

// proxyConfig has one route to an upstream with these peers, and more lines for
// its table.
func proxyConfig(lines string, peers ...string) string {
	for i, p := range peers {
		peers[i] = fmt.Sprintf("%q", strings.TrimPrefix(p, "http://"))
	}
	return "[upstreams.app]\npeers = [" + strings.Join(peers, ", ") + "]\n" + lines + `
[routes.app]
match = "/"
upstream = "app"
`
}

// peerOf serves with net/http until the test ends.
func peerOf(t testing.TB, handler http.HandlerFunc) string {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// rawPeer is a peer that treats each connection by hand.
func rawPeer(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(20 * time.Second))
			serving.Go(func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	return l.Addr().String()
}

// answers is a raw peer's way to read each request and write the same answer.
func answers(answer string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
			io.WriteString(c, strings.ReplaceAll(answer, "\n", "\r\n"))
			if !strings.Contains(answer, "\nContent-Length:") && !strings.Contains(answer, "\nTransfer-Encoding:") {
				return
			}
		}
	}
}

// closedAddress is where nobody listens.
func closedAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return l.Addr().String()
}

// What the peer gets is what the client has sent, without what concerns the
// connection, and with what peers are told of the client.
func TestProxyRequest(t *testing.T) {
	got := make(chan string, 1)
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		var head strings.Builder
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line == "\r\n" {
				got <- strings.ReplaceAll(head.String(), "\r\n", "\n")
				head.Reset()
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	})
	forwarded := "X-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: a.test\n\n"
	for _, test := range []struct{ lines, request, want string }{
		{"", "GET /a%20b/../c?q=%20x&y HTTP/1.1\nHost: a.test\nAccept: */*\nX-Two: 1\nX-Two: 2\nCookie: a=b; c=d\n\n",
			"GET /c?q=%20x&y HTTP/1.1\nHost: a.test\nCookie: a=b; c=d\nAccept: */*\nX-Two: 1\nX-Two: 2\n" + forwarded},
		{"", "GET / HTTP/1.1\nHost: a.test\nConnection: keep-alive\nKeep-Alive: 1\nTE: trailers\nProxy-Connection: x\nUpgrade: x\nExpect: 100-continue\nX-Forwarded-For: 9.9.9.9\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil\nForwarded: for=9.9.9.9\n\n",
			"GET / HTTP/1.1\nHost: a.test\n" + forwarded},
		{`host = "peer"` + "\n" + `forwarded = "off"`, "GET /%2e%2e/%3Fx;y=z/%25 HTTP/1.1\nHost: a.test\n\n", "GET /%3Fx;y=z/%25 HTTP/1.1\nHost: PEER\n\n"},
		{`forwarded = "off"`, "GET /? HTTP/1.0\n\n", "GET /? HTTP/1.1\nHost: PEER\n\n"},
		{`host = "app.internal"` + "\n" + `forwarded = "standard"`, "GET / HTTP/1.0\nHost: a.test\n\n",
			"GET / HTTP/1.1\nHost: app.internal\nForwarded: for=127.0.0.1;proto=http;host=\"a.test\"\n\n"},
	} {
		s := start(t, proxyConfig(test.lines, peer))
		c := s.dial()
		c.send(test.request)
		if r := c.receive("GET"); r.StatusCode != 200 || r.body != "ok" {
			t.Errorf("%d %q", r.StatusCode, r.body)
		}
		if want := strings.ReplaceAll(test.want, "PEER", peer); <-got != want {
			t.Errorf("the peer got something else than %s", want)
		}
		s.stop()
	}
}

// Behind trusted proxies the client is whom they name.
func TestTrustedProxies(t *testing.T) {
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"])
	})
	for _, test := range []struct{ trusted, how, sent, want, remote string }{
		{`"127.0.0.0/8", "10.0.0.1"`, "append", "1.2.3.4, 10.0.0.1", "[1.2.3.4, 10.0.0.1, 127.0.0.1] [https] [test]", "1.2.3.4"},
		{`"127.0.0.0/8"`, "append", "9.9.9.9, 1.2.3.4", "[9.9.9.9, 1.2.3.4, 127.0.0.1] [https] [test]", "1.2.3.4"},
		{`"127.0.0.0/8"`, "replace", "9.9.9.9, 1.2.3.4", "[1.2.3.4] [https] [test]", "1.2.3.4"},
		{`"127.0.0.0/8"`, "append", "9.9.9.9, nonsense", "[9.9.9.9, nonsense, 127.0.0.1] [https] [test]", "127.0.0.1"},
		{`"10.0.0.0/8"`, "append", "1.2.3.4", "[127.0.0.1] [http] [test]", "127.0.0.1"},
	} {
		s := start(t, "[server]\ntrusted_proxies = ["+test.trusted+"]\n"+proxyConfig(fmt.Sprintf("forwarded = %q", test.how), peer)+`
[server.access_log]
file = "`+filepath.Join(t.TempDir(), "access")+`"
`)
		if got := s.get("/", "X-Forwarded-For: "+test.sent, "X-Forwarded-Proto: https"); got != test.want {
			t.Errorf("%v: the peer got %s", test, got)
		}
		s.stop()
		if log, err := os.ReadFile(s.generation.Load().config.Server.AccessLog.File); err != nil || !strings.Contains(string(log), `"remote_addr":"`+test.remote+`"`) {
			t.Errorf("%v: the log says %s %v", test, log, err)
		}
	}
}

// The peer's answer arrives as it is, but for what concerns the connection to
// it.
func TestProxyResponse(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 8<<10)
	for name, test := range map[string]struct {
		method, answer string
		status         int
		header         string // a part of it
		body           string
	}{
		"length":          {"GET", "HTTP/1.1 200 OK\nContent-Type: x/y\nContent-Length: 5\nX-A: 1\nX-A: 2\n\nhello", 200, "Content-Length:[5] Content-Type:[x/y] Date:[D] Server:[phasm] X-A:[1 2]", "hello"},
		"no type":         {"GET", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "Content-Length:[1] Date:[D] Server:[phasm]", "x"},
		"chunks":          {"GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5;ext=1\nhello\n1\n!\n0\n\n", 200, "Date:[D] Server:[phasm]", "hello!"},
		"until the end":   {"GET", "HTTP/1.1 200 OK\n\nhello", 200, "Date:[D] Server:[phasm]", "hello"},
		"1.0":             {"GET", "HTTP/1.0 200 OK\nContent-Length: 5\n\nhello", 200, "Content-Length:[5] Date:[D] Server:[phasm]", "hello"},
		"long":            {"GET", fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n%s", len(long), long), 200, "Content-Length:[131072] Date:[D] Server:[phasm]", long},
		"empty":           {"GET", "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n", 404, "Content-Length:[0] Date:[D] Server:[phasm]", ""},
		"204":             {"GET", "HTTP/1.1 204 No Content\nContent-Length: 0\n\n", 204, "Date:[D] Server:[phasm]", ""},
		"304":             {"GET", "HTTP/1.1 304 Not Modified\nEtag: x\nContent-Length: 7\n\n", 304, "Date:[D] Etag:[x] Server:[phasm]", ""},
		"head":            {"HEAD", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", 200, "Content-Length:[5] Date:[D] Server:[phasm]", ""},
		"head, chunks":    {"HEAD", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", 200, "Date:[D] Server:[phasm]", ""},
		"of a connection": {"GET", "HTTP/1.1 200 OK\nConnection: keep-alive, X-Drop\nX-Drop: 1\nKeep-Alive: a\nProxy-Connection: b\nServer: c\nDate: d\nUpgrade: e\nContent-Length: 1\n\nx", 200, "Content-Length:[1] Date:[D] Server:[phasm]", "x"},
		"cookies":         {"GET", "HTTP/1.1 200 OK\nSet-Cookie: a=b; Path=/\nSet-Cookie: c=d\nContent-Length: 1\n\nx", 200, "Content-Length:[1] Date:[D] Server:[phasm] Set-Cookie:[a=b; Path=/ c=d]", "x"},
		"reason":          {"GET", "HTTP/1.1 418 Short and stout\nContent-Length: 1\n\nx", 418, "Content-Length:[1] Date:[D] Server:[phasm]", "x"},
		"bare line feeds": {"GET", "HTTP/1.1 200 OK\rContent-Length: 1\r\rx", 200, "Content-Length:[1] Date:[D] Server:[phasm]", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := answers(test.answer)
			if name == "bare line feeds" {
				answer = func(c net.Conn, r *bufio.Reader) {
					http.ReadRequest(r)
					io.WriteString(c, strings.ReplaceAll(test.answer, "\r", "\n"))
				}
			}
			s := start(t, proxyConfig("", rawPeer(t, answer)))
			c := s.dial()
			for range 3 { // on one connection
				c.send(test.method + " / HTTP/1.1\nHost: test\n\n")
				r := c.receive(test.method)
				r.Header.Set("Date", "D")
				if got := fmt.Sprint(r.Header); r.StatusCode != test.status || r.body != test.body || got != "map["+test.header+"]" {
					t.Errorf("%s, header %s, body %.100q", r.Status, got, r.body)
				}
				if name == "reason" && r.Status != "418 Short and stout" {
					t.Error(r.Status)
				}
				if name == "bare line feeds" {
					break
				}
			}
		})
	}
}

// Answers that are none, or that somebody could understand in another way.
func TestMalformedPeers(t *testing.T) {
	var answer atomic.Pointer[string]
	s := start(t, proxyConfig("tries = 1", rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, strings.ReplaceAll(*answer.Load(), "\n", "\r\n"))
	})))
	for _, text := range []string{
		"", "\n", "nonsense\n\n", "HTTP/1.1 200\nX", "HTTP/2.0 200 OK\n\n", "HTTP/1.1 20 OK\n\n", "HTTP/1.1 2000 OK\n\n", "HTTP/1.1 600 OK\n\n", "HTTP/1.1  200 OK\n\n",
		"HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n\nx", "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked\n\nx",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 1\n\nx", "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\nx", "HTTP/1.1 200 OK\nTransfer-Encoding: identity\n\nx",
		"HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n0\n\n", "HTTP/1.1 200 OK\nContent-Length: +1\n\nx", "HTTP/1.1 200 OK\nContent-Length: 0x1\n\nx", "HTTP/1.1 200 OK\nContent-Length: 9999999999999999999\n\nx",
		"HTTP/1.1 200 OK\nContent-Length: \n\nx", "HTTP/1.1 200 OK\nContent-Length: 1, 1\n\nx", "HTTP/1.1 200 OK\nContent-Length : 1\n\nx", "HTTP/1.1 200 OK\nX: 1\n folded\nContent-Length: 1\n\nx",
		"HTTP/1.1 200 OK\n: 1\n\n", "HTTP/1.1 200 OK\nX\n\n", "HTTP/1.1 200 OK\nX Y: 1\n\n", "HTTP/1.1 200 OK\nX: a\x00b\n\n", "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\n",
		"HTTP/1.1 200 OK\nX: " + strings.Repeat("x", 17<<10) + "\n\n", strings.Repeat("HTTP/1.1 103 Early Hints\n\n", 20),
	} {
		answer.Store(&text)
		c := s.dial()
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		r, err := http.ReadResponse(c.r, nil)
		for err == nil && r.StatusCode < 200 {
			r, err = http.ReadResponse(c.r, nil)
		}
		if err != nil || r.StatusCode != 502 {
			t.Errorf("%.80q: %v %v", text, r, err)
		}
		c.Close()
	}
}

// A body that ends early must not look whole to the client.
func TestPeerEndsEarly(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\nContent-Length: 10\n\nhello", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\nx\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello!\n0\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-5\nhello\n0\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\nno field\n\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nffffffffffffffff\nhello",
	} {
		s := start(t, proxyConfig("", rawPeer(t, func(c net.Conn, r *bufio.Reader) {
			http.ReadRequest(r)
			io.WriteString(c, strings.ReplaceAll(answer, "\n", "\r\n"))
		})))
		c := s.dial()
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		r, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("%.80q: the body %q looks whole", answer, body)
		}
		s.stop()
	}
}

// Interim answers and trailers go on to clients that know them.
func TestInterimAnswersAndTrailers(t *testing.T) {
	s := start(t, proxyConfig("", rawPeer(t, answers("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n2\nok\n0\nX-Sum: 7\nContent-Length: 1\n\n"))))
	c := s.dial()
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil || r.StatusCode != 103 || r.Header.Get("Link") != "</a>" {
		t.Fatal(r, err)
	}
	if r, err = http.ReadResponse(c.r, nil); err != nil || r.StatusCode != 200 || r.Header.Get("Link") != "" {
		t.Fatal(r, err)
	}
	if body, err := io.ReadAll(r.Body); err != nil || string(body) != "ok" || fmt.Sprint(r.Trailer) != "map[X-Sum:[7]]" {
		t.Errorf("%q %v %v", body, err, r.Trailer)
	}
}

// Interim answers reach clients of HTTP/2 as well: browsers want early hints there
// only.
func TestInterimAnswersOverHTTP2(t *testing.T) {
	s := startTLS(t, proxyConfig("", rawPeer(t, answers("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\nConnection: x\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok"))))
	var interim []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		interim = append(interim, fmt.Sprint(code, h))
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, "GET", "https://"+s.address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.http2Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "ok" || answer.StatusCode != 200 || answer.Header.Get("Link") != "" || answer.Header["Content-Type"] != nil {
		t.Errorf("%d %v %q %v", answer.StatusCode, answer.Header, body, err)
	}
	if got, want := fmt.Sprint(interim), "[103 map[Link:[</a>]]]"; got != want {
		t.Errorf("before it: %s, want %s", got, want)
	}
}

// Bodies of all kinds arrive at the peer as they were sent.
func TestProxyBodies(t *testing.T) {
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %v %v %s", len(body), r.TransferEncoding, err, strings.TrimLeft(string(body), "x"))
	})
	s := start(t, "[plugins.probe]\nsource = \"probe\"\nconfig = {name = \"p\"}\n"+strings.Replace(proxyConfig("", peer), `match = "/"`, "match = \"/\"\nrewrite = [\"probe\"]", 1))
	long := strings.Repeat("x", 300_000)
	for _, test := range []struct{ headers, body, want string }{
		{"Content-Length: 0\n", "", "0 [] <nil> "},
		{"Content-Length: 5\n", "hello", "5 [] <nil> hello"},
		{"Content-Length: 300000\n", long, "300000 [] <nil> "},
		{"Transfer-Encoding: chunked\n", "5\nhello\n1\n!\n0\n\n", "6 [chunked] <nil> hello!"},
		{"Transfer-Encoding: chunked\n", "493e0\n" + long + "\n0\n\n", "300000 [chunked] <nil> "},
		{"Transfer-Encoding: chunked\n", "0\n\n", "0 [chunked] <nil> "},
	} {
		for _, together := range []bool{true, false} {
			c := s.dial()
			head := "POST / HTTP/1.1\nHost: a\n" + test.headers + "\n"
			if together {
				c.send(head + test.body)
			} else {
				c.send(head)
				half := len(test.body) / 2
				c.send(test.body[:half])
				c.send(test.body[half:])
			}
			if r := c.receive("POST"); r.StatusCode != 200 || r.body != test.want {
				t.Errorf("%s: %d %q, want %q", test.headers, r.StatusCode, r.body, test.want)
			}
			c.send("GET / HTTP/1.1\nHost: a\n\n") // the connection goes on
			if r := c.receive("GET"); r.body != "0 [] <nil> " {
				t.Errorf("%s: and then %q", test.headers, r.body)
			}
		}
	}
}

// A client that waits for it is told to go on, and one whose body is larger than
// it may be is told so.
func TestProxyBodyLimits(t *testing.T) {
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	s := start(t, "[server.limits]\nbody = \"100KiB\"\n[server.timeouts]\nbody = \"300ms\"\n"+proxyConfig("", peer))
	c := s.dial()
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n")
	if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatal(line, err)
	}
	c.r.ReadString('\n')
	c.send("hello")
	if r := c.receive("POST"); r.body != "5" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
	c = s.dial()
	c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1e000\n" + strings.Repeat("x", 0x1e000) + "\n0\n\n")
	if r := c.receive("POST"); r.StatusCode != 413 {
		t.Errorf("too large: %d %q", r.StatusCode, r.body)
	}
	c = s.dial()
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhe")
	if r := c.receive("POST"); r.StatusCode != 408 {
		t.Errorf("too slow: %d %q", r.StatusCode, r.body)
	}
	if g := s.group("app").State().Peers[0]; g.Failures != 0 || g.Connections != 0 {
		t.Errorf("the peer gets the blame: %+v", g)
	}
}

// A peer that answers before it has the whole body is heard.
func TestEarlyAnswer(t *testing.T) {
	s := start(t, "[server.limits]\nbody = \"1GiB\"\n"+proxyConfig("", rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := r.ReadString('\n'); err == nil {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nstop")
			io.CopyN(io.Discard, r, 1<<20)
		}
	})))
	c := s.dial()
	c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 900000000\n\n")
	go func() {
		piece := make([]byte, 64<<10)
		for {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}()
	if r := c.receive("POST"); r.StatusCode != 413 || r.body != "stop" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
}

// What arrives from the peer goes on before the rest is there.
func TestProxyStreams(t *testing.T) {
	more := make(chan struct{})
	peer := peerOf(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprint(w, i)
			w.(http.Flusher).Flush()
			select {
			case <-more:
			case <-time.After(10 * time.Second):
			}
		}
	})
	s := start(t, "[plugins.probe]\nsource = \"probe\"\nconfig = {name = \"p\"}\n"+proxyConfig("", peer)+
		"[routes.filtered]\nmatch = \"/filtered\"\nupstream = \"app\"\nbody_filter = [\"probe\"]\n")
	for _, target := range []string{"/", "/filtered"} {
		c := s.dial()
		c.send("GET " + target + " HTTP/1.1\nHost: a\n\n")
		r, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			b := make([]byte, 1)
			if _, err := io.ReadFull(r.Body, b); err != nil || b[0] != byte('0'+i) {
				t.Fatalf("%s: %q %v", target, b, err)
			}
			more <- struct{}{}
		}
		if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q %v", target, rest, err)
		}
	}
}

// Which peers are asked, and what the client gets where none has answered.
func TestProxyTries(t *testing.T) {
	var asked atomic.Int64
	good := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "good %s", body)
	})
	busy := peerOf(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(503)
		io.WriteString(w, "its own")
	})
	rude := rawPeer(t, func(_ net.Conn, r *bufio.Reader) { http.ReadRequest(r); asked.Add(1) })
	silent := rawPeer(t, func(c net.Conn, r *bufio.Reader) { http.ReadRequest(r); asked.Add(1); io.Copy(io.Discard, r) })
	dead := closedAddress(t)
	const order = "max_fails = 0\nread_timeout = \"300ms\"\n"
	for _, test := range []struct {
		lines   string
		peers   []string
		method  string
		body    string
		status  int
		want    string
		atFirst int64 // how many others have been asked
	}{
		{"", []string{dead, good}, "GET", "", 200, "good ", 0},
		{"", []string{dead, good}, "POST", "hello", 200, "good hello", 0}, // nothing of it has been sent
		{"", []string{rude, good}, "GET", "", 200, "good ", 1},
		{"", []string{rude, good}, "POST", "hello", 502, "", 1},
		{"", []string{rude, good}, "PUT", "hello", 502, "", 1}, // the body is gone
		{"", []string{silent, good}, "GET", "", 200, "good ", 1},
		{"", []string{silent, good}, "POST", "", 504, "", 1},
		{"tries = 1\n", []string{rude, good}, "GET", "", 502, "", 1},
		{"tries = 3\n", []string{rude, dead, good}, "GET", "", 200, "good ", 1},
		{"", []string{rude, dead, good}, "GET", "", 502, "", 1},
		{"", []string{busy, good}, "GET", "", 503, "", 1},
		{"retry_status = \"502-503\"\n", []string{busy, good}, "GET", "", 200, "good ", 1},
		{"retry_status = \"502-503\"\n", []string{busy, good}, "POST", "hello", 503, "", 1},
		{"retry_status = \"502-503\"\n", []string{busy}, "GET", "", 503, "its own", 1}, // there is nobody else
		{"retry_status = \"502-503\"\ntries = 3\n", []string{rude, busy}, "GET", "", 503, "its own", 2},
		{"", []string{silent}, "GET", "", 504, "", 1},
		{"tries = 3\n", []string{dead, silent}, "GET", "", 504, "", 1},
		{"", []string{dead}, "GET", "", 502, "", 0},
	} {
		asked.Store(0)
		s := start(t, proxyConfig(order+test.lines, slices.Clone(test.peers)...))
		c := s.dial()
		c.send(fmt.Sprintf("%s / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: %d\n\n%s", test.method, len(test.body), test.body))
		if r := c.receive(test.method); r.StatusCode != test.status || test.want != "" && r.body != test.want || asked.Load() != test.atFirst {
			t.Errorf("%+v: %d %q, %d asked", test, r.StatusCode, r.body, asked.Load())
		}
		if s.group("app").State().Peers[0].Connections != 0 {
			t.Errorf("%+v: %+v", test, s.group("app").State())
		}
		s.stop()
	}
}

// All routes to an upstream share what there may be of further tries.
func TestRetryBudgetIsTheUpstreams(t *testing.T) {
	s := start(t, proxyConfig("", "127.0.0.1:1")+"[routes.other]\nmatch = \"/other\"\nupstream = \"app\"\n")
	budgets := map[*retryBudget]int{}
	for _, r := range s.generation.Load().all {
		if p, ok := r.content.(*proxy); ok {
			budgets[p.budget]++
		}
	}
	if len(budgets) != 1 {
		t.Errorf("%v", budgets)
	}
}

// Peers that fail under load must not get twice the load.
func TestRetryBudget(t *testing.T) {
	b := newRetryBudget(10)
	for range 1000 {
		b.request()
	}
	retries := 0
	for range 1000 {
		if b.retry() {
			retries++
		}
	}
	if retries != 100+100 {
		t.Errorf("%d retries of 1000 requests in ten seconds", retries)
	}
	b.window.Store(time.Now().Add(-11 * time.Second).UnixNano())
	if !b.retry() {
		t.Error("there is none in the next window")
	}
}

// Connections are kept, and one that the peer has closed meanwhile does no harm.
func TestKeptConnections(t *testing.T) {
	var opened, closed atomic.Int64
	closing := make(chan struct{})
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		opened.Add(1)
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-closing:
				c.Close()
				closed.Add(1)
			case <-done:
			}
		}()
		answers("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")(c, r)
	})
	s := start(t, proxyConfig("", peer))
	for range 10 {
		if got := s.get("/"); got != "ok" {
			t.Error(got)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	for _, method := range []string{"GET", "POST"} {
		closing <- struct{}{}
		waitFor(t, "the peer to close", func() bool { return closed.Load() > 0 })
		if r := s.do(method, "/", "Content-Length: 0"); r.body != "ok" {
			t.Errorf("%s: %d %q", method, r.StatusCode, r.body)
		}
		closed.Store(0)
	}
	if g := s.group("app").State().Peers[0]; g.Failures != 0 {
		t.Errorf("%+v", g)
	}
}

// A client that goes takes its request to the peer with it.
func TestClientGoneFromProxy(t *testing.T) {
	gone := make(chan struct{}, 1)
	begun := make(chan struct{}, 1)
	peer := peerOf(t, func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	s := start(t, proxyConfig("", peer))
	c := s.dial()
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	<-begun
	c.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the peer still works for nobody")
	}
	waitFor(t, "the exchange to end", func() bool { return s.group("app").State().Peers[0].Connections == 0 })
	if g := s.group("app").State().Peers[0]; g.Failures != 0 {
		t.Errorf("the peer gets the blame: %+v", g)
	}
}

// An upgraded connection is the client's and the peer's alone.
func TestTunnel(t *testing.T) {
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		request, err := http.ReadRequest(r)
		if err != nil || request.Header.Get("Upgrade") == "" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+request.Header.Get("Upgrade")+"\r\nX-Key: "+request.Header.Get("X-Key")+"\r\n\r\nearly ")
		io.Copy(c, r) // an echo
	})
	s := start(t, proxyConfig("", peer))
	c := s.dial()
	c.send("GET /ws HTTP/1.1\nHost: a\nConnection: keep-alive, Upgrade\nUpgrade: websocket\nX-Key: k\n\nsent at once ")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil || r.StatusCode != 101 || r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("X-Key") != "k" {
		t.Fatal(r, err)
	}
	big := strings.Repeat("x", 1<<20)
	go func() {
		io.WriteString(c.Conn, "and later ")
		io.WriteString(c.Conn, big)
		c.Conn.(*net.TCPConn).CloseWrite()
	}()
	if all, err := io.ReadAll(c.r); err != nil || string(all) != "early sent at once and later "+big {
		t.Errorf("%d bytes, %.60q %v", len(all), all, err)
	}
	waitFor(t, "the tunnel to end", func() bool { return s.group("app").State().Peers[0].Connections == 0 })
	if g := s.group("app").State().Peers[0]; g.Requests != 1 {
		t.Errorf("the peer's answer does not count: %+v", g)
	}
	for _, headers := range []string{"Connection: Upgrade\nUpgrade: h2c\n", "Connection: Upgrade\nUpgrade: H2C\n", "Upgrade: websocket\n", "Connection: Upgrade\nUpgrade: websocket, h2c\n"} {
		c := s.dial()
		c.send("GET / HTTP/1.1\nHost: a\n" + headers + "\n")
		if r := c.receive("GET"); r.body != "plain" {
			t.Errorf("%q: %d %q", headers, r.StatusCode, r.body)
		}
	}
}

// Of a peer that switches to what nobody has asked for nothing is left, not for
// the peer that is asked next either.
func TestUnwantedUpgradeLeavesNothing(t *testing.T) {
	unwanted := rawPeer(t, answers("HTTP/1.1 101 Whatever\nConnection: Upgrade\nUpgrade: x\nX-Of: the first\n\n"))
	good := rawPeer(t, answers("HTTP/1.1 200 OK\nContent-Length: 2\nX-Of: the second\n\nok"))
	for want, peers := range map[string][]string{"200 OK the second": {unwanted, good}, "502 Bad Gateway ": {unwanted}} {
		s := start(t, proxyConfig("", peers...))
		if r := s.do("GET", "/"); r.Status+" "+r.Header.Get("X-Of") != want {
			t.Errorf("%s %q, want %q", r.Status, r.Header["X-Of"], want)
		}
	}
}

// Silence ends a tunnel.
func TestSilentTunnel(t *testing.T) {
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		io.Copy(io.Discard, r)
	})
	s := start(t, proxyConfig("read_timeout = \"200ms\"", peer))
	c := s.dial()
	c.send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
	if r, err := http.ReadResponse(c.r, nil); err != nil || r.StatusCode != 101 {
		t.Fatal(r, err)
	}
	if !c.closed() {
		t.Error("it goes on")
	}
}

// Peers over TLS are who they say, or nobody.
func TestPeersOverTLS(t *testing.T) {
	peer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.TLS.ServerName) }))
	t.Cleanup(peer.Close)
	dir := t.TempDir()
	writeCertificate(t, dir, peer.Certificate())
	for lines, status := range map[string]int{
		"tls = {ca = \"DIR/ca.pem\"}": 200, "tls = {verify = false, server_name = \"x.test\"}": 200, "": 502,
		"tls = {ca = \"DIR/ca.pem\", server_name = \"other.test\"}": 502, "tls = {ca = \"DIR/ca.pem\", server_name = \"example.com\"}": 200,
	} {
		s := start(t, proxyConfig(strings.ReplaceAll(lines, "DIR", dir), peer.URL))
		for range 2 {
			if r := s.do("GET", "/"); r.StatusCode != status {
				t.Errorf("%s: %d %q", lines, r.StatusCode, r.body)
			}
		}
		s.stop()
	}
}

// The pattern's open part goes behind upstream_path.
func TestUpstreamPath(t *testing.T) {
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
	text := "[upstreams.app]\npeers = [\"" + strings.TrimPrefix(peer, "http://") + "\"]\n"
	for i, route := range [][2]string{{"/api/", "/v2/"}, {"/strip/{rest...}", "/"}, {"/exact", "/other"}, {"/joined/{rest...}", "/x-"}} {
		text += fmt.Sprintf("[routes.r%d]\nmatch = %q\nupstream = \"app\"\nupstream_path = %q\n", i, route[0], route[1])
	}
	s := start(t, text)
	for target, want := range map[string]string{
		"/api/a%20b?q=1": "/v2/a%20b?q=1", "/api/": "/v2/", "/strip/a/b?": "/a/b?", "/strip/": "/", "/exact?x": "/other?x", "/joined/a": "/x-a", "/api/%2e%2e/api/c": "/v2/c",
	} {
		if got := s.get(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// What plugins have put into the response's head stays beside the peer's, and in
// the place of it.
func TestHeadersOfPluginsAndPeers(t *testing.T) {
	peer := rawPeer(t, answers("HTTP/1.1 200 OK\nX-Peer: p\nX-Both: p\nSet-Cookie: p=1\nContent-Length: 2\n\nok"))
	s := start(t, "[plugins.probe]\nsource = \"probe\"\nconfig = {name = \"p\"}\n"+strings.Replace(proxyConfig("", peer), `match = "/"`, "match = \"/\"\naccess = [\"probe\"]", 1))
	r := s.do("GET", "/", "Do: p.access:header:X-Both=own p.access:header:X-Own=own")
	if got := r.Header; r.body != "ok" || got.Get("X-Peer") != "p" || fmt.Sprint(got["X-Both"]) != "[own]" || got.Get("X-Own") != "own" || got.Get("Set-Cookie") != "p=1" {
		t.Errorf("%q %v", r.body, got)
	}
}

func TestProxyingAllocatesNothing(t *testing.T) {
	for name, rest := range map[string]string{
		"small":   "Content-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024),
		"chunked": "Transfer-Encoding: chunked\r\n\r\n400\r\n" + strings.Repeat("x", 1024) + "\r\n0\r\n\r\n",
		"large":   "Content-Length: 50000\r\n\r\n" + strings.Repeat("x", 50000),
	} {
		t.Run(name, func(t *testing.T) { testProxyingAllocatesNothing(t, rest) })
	}
}

func testProxyingAllocatesNothing(t *testing.T, rest string) {
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		request := make([]byte, 4096)
		answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\nEtag: x\r\n" + rest)
		for {
			if _, err := r.Read(request); err != nil {
				return
			}
			c.Write(answer)
		}
	})
	s := loaded(t, proxyConfig("", peer))
	requestsOf(t, s, getHello, 1000)
	const more = 2000
	few := testing.AllocsPerRun(5, func() { requestsOf(t, s, getHello, 100) })
	many := testing.AllocsPerRun(5, func() { requestsOf(t, s, getHello, 100+more) })
	if perRequest := (many - few) / more; perRequest >= 0.02 { // the deadline moves now and then
		t.Errorf("%.3f allocations per request", perRequest)
	}
}

// The time that a peer has taken is none that the request has waited for room.
func TestAQueuedRetryWaits(t *testing.T) {
	silent := rawPeer(t, func(c net.Conn, r *bufio.Reader) { http.ReadRequest(r); io.Copy(io.Discard, r) })
	good := peerOf(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "good") })
	s := start(t, fmt.Sprintf(`
[upstreams.app]
peers = [{address = %q}, {address = %q, max_connections = 1}]
max_fails = 0
read_timeout = "600ms"
queue = 1
queue_timeout = "500ms"
[routes.app]
match = "/"
upstream = "app"
`, silent, strings.TrimPrefix(good, "http://")))
	group := s.group("app")
	if err := group.Take(group.Peers()[1]); err != nil {
		t.Fatal(err)
	}
	c := s.dial()
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	waitFor(t, "the request to queue", func() bool { return group.State().Waiting == 1 })
	group.Peers()[1].Done(upstream.Served)
	if r := c.receive("GET"); r.body != "good" {
		t.Errorf("%d %q", r.StatusCode, r.body)
	}
}
