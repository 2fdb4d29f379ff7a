package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// accessLine is a line of the access log in JSON.
type accessLine struct {
	Time          string  `json:"time"`
	RequestID     string  `json:"request_id"`
	RemoteAddr    string  `json:"remote_addr"`
	Host          string  `json:"host"`
	Request       *string `json:"request"` // of requests that were never parsed, instead of the next three
	Method        *string `json:"method"`
	URI           *string `json:"uri"`
	Protocol      *string `json:"protocol"`
	Status        int     `json:"status"`
	BytesSent     int64   `json:"bytes_sent"`
	BodyBytesSent int64   `json:"body_bytes_sent"`
	RequestTime   float64 `json:"request_time"`
	Route         string  `json:"route"`
	Referer       string  `json:"referer"`
	UserAgent     string  `json:"user_agent"`
}

// parseAccess reads a line as strictly as the format is promised.
func parseAccess(t *testing.T, line string) (l accessLine) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Fatalf("%q is not UTF-8", line)
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%q is more than one object", line)
	}
	return l
}

// withAccessLog adds an access log to a configuration and answers its name.
func withAccessLog(t *testing.T, text string) (with, file string) {
	file = filepath.Join(t.TempDir(), "access.log")
	return text + "[server.access_log]\nfile = \"" + file + "\"\n", file
}

// Whatever a client sends, what the log holds is what it sent.
func TestAccessLogOfHostileClients(t *testing.T) {
	text, file := withAccessLog(t, fixedConfig)
	s := start(t, text)
	for i, test := range []struct{ method, target, referer, agent string }{
		{"GET", `/"quotes"`, `"`, `say "hi"`},
		{"GET", `/back\slash\`, `\`, `\"\\u0041`},
		{"PURGE", "/\xff\xc3(\xe2\x82", "\x80", "\xed\xa0\x80 surrogate"},
		{"GET", "/ütf-8/\U0001F600", "é", "\u2028\u2029"},
		{"GET", "/tab?a=b&c", "a\tb", "x\ty"},
		{"GET", "/%00%0a%22", "<script>", "},{"},
		{"GET", "http://elsewhere/absolute", "", ""},
		{"OPTIONS", "*", "-", "-"},
	} {
		begin := time.Now()
		c := s.dial()
		c.send(test.method + " " + test.target + " HTTP/1.1\nHost: h\nX-N: 1\nConnection: close\nReferer: " + test.referer + "\nUser-Agent: " + test.agent + "\n\n")
		r := c.receive(test.method)
		text := lineNumber(t, file, i)
		l := parseAccess(t, text)
		for name, pair := range map[string][2]string{
			"method": {*l.Method, test.method}, "uri": {*l.URI, test.target}, "protocol": {*l.Protocol, "HTTP/1.1"},
			"referer": {l.Referer, test.referer}, "user_agent": {l.UserAgent, test.agent}, "remote_addr": {l.RemoteAddr, "127.0.0.1"},
		} {
			if want := string([]rune(pair[1])); pair[0] != want {
				t.Errorf("%s is %q, want %q, in\n%s", name, pair[0], want, text)
			}
		}
		if l.Status != r.StatusCode || l.Request != nil {
			t.Errorf("status %d, request %v, want status %d and no request, in\n%s", l.Status, l.Request, r.StatusCode, text)
		}
		at, err := time.Parse(time.RFC3339Nano, l.Time)
		if err != nil || at.Before(begin.Truncate(time.Microsecond)) || at.After(time.Now()) || at.Location() != time.UTC {
			t.Errorf("the time is %s, %v", l.Time, err)
		}
		if l.RequestTime < 0 || l.RequestTime > time.Since(begin).Seconds() {
			t.Errorf("the request took %v s", l.RequestTime)
		}
	}
}

// A request that was never parsed is logged by its first line.
func TestAccessLogOfEarlyErrors(t *testing.T) {
	text, file := withAccessLog(t, fixedConfig+"[server.limits]\nheader_size = \"4KiB\"\n[server.timeouts]\nheader = \"50ms\"\n")
	s := start(t, text)
	for i, test := range []struct {
		request string
		status  int
		line    string
	}{
		{"GET /\x01\"\\\x7f\xff HTTP/1.1\nHost: a\n\n", 400, "GET /\x01\"\\\x7f\uFFFD HTTP/1.1"},
		{"\x16\x03\x01\x00\n\n", 400, "\x16\x03\x01\x00"},
		{"GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 5000) + "\n\n", 431, "GET / HTTP/1.1"},
		{"GET /" + strings.Repeat("x", 5000), 414, "GET /" + strings.Repeat("x", 195)},
		{"GET /slow HTTP/1.1\nHo", 408, "GET /slow HTTP/1.1"},
		{"GET /slow", 408, "GET /slow"},
		{"\n\n\n", 400, ""},
	} {
		c := s.dial()
		c.send(test.request)
		r := c.receive("GET")
		if test.status != 0 && r.StatusCode != test.status {
			t.Errorf("%.40q: status %d, want %d", test.request, r.StatusCode, test.status)
		}
		l := parseAccess(t, lineNumber(t, file, i))
		if l.Status != r.StatusCode || l.Request == nil || *l.Request != test.line || l.Method != nil || l.Route != "" {
			t.Errorf("%.40q: the log has %+v", test.request, l)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	text, file := withAccessLog(t, fixedConfig)
	s := start(t, text)
	const requests = 100
	c := s.dial()
	c.send(strings.Repeat("GET /hello HTTP/1.1\nHost: a\n\n", requests/2))
	for i := range requests {
		if i >= requests/2 {
			s.get("/hello")
		} else {
			c.receive("GET")
		}
	}
	form, seen := regexp.MustCompile(`^[0-9a-f]{32}$`), map[string]bool{}
	for i := range requests {
		id := parseAccess(t, lineNumber(t, file, i)).RequestID
		if !form.MatchString(id) || seen[id] {
			t.Errorf("request %d has the id %q, seen before: %v", i, id, seen[id])
		}
		seen[id] = true
	}
}

// lineNumber waits for the nth line of a file, counted from 0.
func lineNumber(t *testing.T, file string, n int) string {
	t.Helper()
	var lines []string
	waitFor(t, "a line", func() bool {
		text, _ := os.ReadFile(file)
		lines = strings.SplitAfter(string(text), "\n")
		return len(lines) > n+1
	})
	return lines[n]
}

// nginx's combined format, on requests with their addresses.
func TestCombined(t *testing.T) {
	const rest = ` [09/Nov/2025:07:04:05 +0530] `
	at := time.Date(2025, 11, 9, 7, 4, 5, 999, time.FixedZone("", 5*3600+1800))
	v4 := netip.MustParseAddrPort("192.0.2.7:4711")
	for _, test := range []struct {
		remote        netip.AddrPort
		request       string
		status        int
		head, body    int64
		want          string
		neverParsed   bool
		otherURIAfter string
	}{
		{remote: v4, request: "GET / HTTP/1.1\nHost: a\n", status: 200, head: 100, body: 612,
			want: `192.0.2.7 - -` + rest + `"GET / HTTP/1.1" 200 612 "-" "-"`},
		{remote: v4, request: "GET /a?b=c%20d HTTP/1.0\nReferer: http://x/?q=1\nUser-Agent: Mozilla/5.0 (X11; Linux)\n", status: 304, head: 100,
			want: `192.0.2.7 - -` + rest + `"GET /a?b=c%20d HTTP/1.0" 304 0 "http://x/?q=1" "Mozilla/5.0 (X11; Linux)"`},
		{remote: netip.MustParseAddrPort("[2001:db8::1]:80"), request: "POST /p HTTP/1.1\nHost: a\n", status: 502, head: 1, body: 5 << 30,
			want: `2001:db8::1 - -` + rest + `"POST /p HTTP/1.1" 502 5368709120 "-" "-"`},
		{remote: netip.MustParseAddrPort("[::ffff:192.0.2.8]:80"), request: "GET / HTTP/1.1\nHost: a\n", status: 200,
			want: `192.0.2.8 - -` + rest + `"GET / HTTP/1.1" 200 0 "-" "-"`},
		{remote: v4, request: "GET /\"\\~\xc3\xbc HTTP/1.1\nHost: a\nReferer: \"\\\nUser-Agent: a\tb\xff'\n", status: 200,
			want: `192.0.2.7 - -` + rest + `"GET /\x22\x5C~\xC3\xBC HTTP/1.1" 200 0 "\x22\x5C" "a\x09b\xFF'"`},
		{remote: v4, request: "GET /\x01\x1f\x7f HTTP/1.1", neverParsed: true, status: 400, body: 150,
			want: `192.0.2.7 - -` + rest + `"GET /\x01\x1F\x7F HTTP/1.1" 400 150 "-" "-"`},
		{remote: v4, neverParsed: true, status: 408,
			want: `192.0.2.7 - -` + rest + `"-" 408 0 "-" "-"`},
		{remote: v4, request: "GET /before HTTP/1.1\nHost: a\n", otherURIAfter: "/after", status: 200,
			want: `192.0.2.7 - -` + rest + `"GET /before HTTP/1.1" 200 0 "-" "-"`},
		{request: "GET / HTTP/1.1\nHost: a\n", status: 200,
			want: `- - -` + rest + `"GET / HTTP/1.1" 200 0 "-" "-"`},
	} {
		var x exchange
		x.init()
		x.RemoteAddr, x.Epoch = test.remote, at
		if test.neverParsed {
			x.unparsed, x.line = true, test.request
		} else {
			head := strings.ReplaceAll(test.request, "\n", "\r\n") + "\r\n"
			if err := x.request.Header.Read(bufio.NewReader(strings.NewReader(head))); err != nil {
				t.Fatalf("%q: %v", head, err)
			}
		}
		if test.otherURIAfter != "" {
			x.SetURI([]byte(test.otherURIAfter))
		}
		x.response.SetStatusCode(test.status)
		x.BytesSent, x.BodySent = test.head+test.body, test.body
		if got := string(appendCombined(nil, &x)); got != test.want+"\n" {
			t.Errorf("got\n%swant\n%s", got, test.want)
		}
	}
}

func TestAccessLogFormatIsConfigured(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	s := start(t, fixedConfig+"[server.access_log]\nfile = \""+file+"\"\nformat = \"combined\"\n")
	s.get("/hello", "Referer: http://x/", "User-Agent: test")
	form := regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /hello HTTP/1\.1" 200 6 "http://x/" "test"\n$`)
	if line := lineNumber(t, file, 0); !form.MatchString(line) {
		t.Errorf("got %q", line)
	}
}

// exchangeWith is an exchange whose every logged text is given.
func exchangeWith(line, method, uri, protocol, host, route, referer, agent string) *exchange {
	x := new(exchange)
	x.init()
	h := &x.request.Header
	h.SetMethod(method)
	h.SetRequestURI(uri)
	h.SetProtocol(protocol)
	h.SetHost(host)
	h.SetReferer(referer)
	h.SetUserAgent(agent)
	x.unparsed, x.line, x.Route = line != "", line, route
	x.Epoch = time.Unix(1, 2)
	x.BytesSent, x.BodySent = 12, 3
	return x
}

func addHostile(f *testing.F) {
	f.Add("", "GET", "/", "HTTP/1.1", "a", "route", "http://b/", "agent")
	f.Add("GET /\x00\x1f\x7f\"\\", "", "", "", "", "", "", "")
	f.Add("", "a\"b", "/\\u0000\xff\xc3", "\r\n", "\x00", "\"", "\xed\xa0\x80\u2028", "\\")
}

// Every line is one JSON object on one line, and its members hold what was
// sent, as far as that is UTF-8.
func FuzzAppendJSON(f *testing.F) {
	addHostile(f)
	f.Fuzz(func(t *testing.T, line, method, uri, protocol, host, route, referer, agent string) {
		x := exchangeWith(line, method, uri, protocol, host, route, referer, agent)
		got := appendJSON([]byte("before"), x, time.Millisecond)
		text, ok := strings.CutPrefix(string(got), "before")
		if !ok || strings.IndexFunc(text, isControl) != len(text)-1 || text[len(text)-1] != '\n' {
			t.Fatalf("%q is not one line behind what was there", got)
		}
		l := parseAccess(t, text)
		h := &x.request.Header
		same := func(got *string, want []byte) {
			if got == nil || *got != string([]rune(string(want))) {
				t.Errorf("got %v, want %q, in\n%s", got, want, text)
			}
		}
		if line != "" {
			same(l.Request, []byte(line))
		} else {
			same(l.Method, h.Method())
			same(l.URI, x.ReceivedURI())
			same(l.Protocol, h.Protocol())
		}
		same(&l.Host, h.Host())
		same(&l.Route, []byte(route))
		same(&l.Referer, h.Referer())
		same(&l.UserAgent, h.UserAgent())
		if l.BytesSent != 12 || l.BodyBytesSent != 3 || l.Status != 200 || l.RequestTime != 0.001 {
			t.Errorf("numbers are wrong in\n%s", text)
		}
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

var (
	combinedForm = regexp.MustCompile(`^- - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ` +
		`"((?:[ !#-\[\]-~]|\\x[0-9A-F]{2})*)" 200 3 "((?:[ !#-\[\]-~]|\\x[0-9A-F]{2})*)" "((?:[ !#-\[\]-~]|\\x[0-9A-F]{2})*)"` + "\n$")
	hexEscape = regexp.MustCompile(`\\x[0-9A-F]{2}`)
)

// Every line is one line, nothing in a field ends the field, and what was sent
// can be read back from it.
func FuzzCombined(f *testing.F) {
	addHostile(f)
	f.Fuzz(func(t *testing.T, line, method, uri, protocol, host, route, referer, agent string) {
		x := exchangeWith(line, method, uri, protocol, host, route, referer, agent)
		got := appendCombined(nil, x)
		fields := combinedForm.FindSubmatch(got)
		if fields == nil {
			t.Fatalf("%q is not of the form", got)
		}
		h := &x.request.Header
		request := line
		if line == "" {
			request = string(h.Method()) + " " + string(x.ReceivedURI()) + " " + string(h.Protocol())
		}
		for i, want := range []string{request, string(orDash(h.Referer())), string(orDash(h.UserAgent()))} {
			back := hexEscape.ReplaceAllFunc(fields[i+1], func(e []byte) []byte {
				return []byte{hexValue(e[2])<<4 | hexValue(e[3])}
			})
			if string(back) != want {
				t.Errorf("field %d of %q is %q, want %q", i, got, back, want)
			}
		}
	})
}

func hexValue(c byte) byte { return byte(strings.IndexByte(upperHex, c)) }

func TestAccessLineAllocatesNothing(t *testing.T) {
	long := strings.Repeat(`long "text" `, 20)
	parsed := exchangeWith("", "GET", "/"+long, "HTTP/1.1", long, long, long, long)
	bare := exchangeWith("", "GET", "/", "HTTP/1.1", "a", "", "", "")
	refused := exchangeWith(long, "", "", "", "", "", "", "")
	refused.RemoteAddr = netip.MustParseAddrPort("[::ffff:192.0.2.8]:80")
	dst := make([]byte, 0, 16<<10)
	for name, x := range map[string]*exchange{"parsed": parsed, "bare": bare, "refused": refused} {
		if n := testing.AllocsPerRun(100, func() { appendJSON(dst, x, time.Second) }); n != 0 {
			t.Errorf("%s: %v allocations for a line in JSON", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { appendCombined(dst, x) }); n != 0 {
			t.Errorf("%s: %v allocations for a combined line", name, n)
		}
	}
}

// Bytes sent are those that arrive at the client, all of them.
func TestAccessLogCountsBytes(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "small.txt", "small")
	writeFile(t, dir, "large.bin", strings.Repeat("0123456789abcdef", 200<<10/16))
	text, file := withAccessLog(t, probeConfig+"[routes.own]\nmatch = \"/own/\"\nstatic = \""+dir+"\"\n"+
		"[routes.filtered]\nmatch = \"/filtered/\"\nbody_filter = [\"mark\"]\nstatic = \""+dir+"\"\n"+
		"[server.limits]\nheader_size = \"4KiB\"\nbody = \"1KiB\"\n")
	s := start(t, text)
	const flushes = "Do: a.content:write:ab a.content:flush a.content:writes:70000 a.content:flush a.content:write:c"
	for i, test := range []struct{ name, route, head string }{
		{"fixed", "fixed", "GET /fixed HTTP/1.1"},
		{"plugin", "all", "GET /all HTTP/1.1\nDo: a.content:write:ab"},
		{"plugin, large", "all", "GET /all HTTP/1.1\nDo: a.content:writes:300000"},
		{"slow", "all", "GET /all HTTP/1.1\nDo: a.content:sleep:30"},
		{"empty", "all", "GET /all HTTP/1.1"},
		{"no content", "all", "GET /all HTTP/1.1\nDo: a.content:status:204"},
		{"flushed", "all", "GET /all HTTP/1.1\n" + flushes},
		{"flushed and filtered", "marked", "GET /marked HTTP/1.1\n" + flushes},
		{"flushed to HTTP/1.0", "all", "GET /all HTTP/1.0\n" + flushes},
		{"cut off", "all", "GET /all HTTP/1.1\nDo: a.content:write:ab a.content:flush a.content:panic"},
		{"HEAD", "all", "HEAD /all HTTP/1.1\nDo: a.content:write:ab"},
		{"HEAD, flushed", "all", "HEAD /all HTTP/1.1\n" + flushes},
		{"HEAD of a file", "own", "HEAD /own/large.bin HTTP/1.1"},
		{"small file", "own", "GET /own/small.txt HTTP/1.1"},
		{"large file", "own", "GET /own/large.bin HTTP/1.1"},
		{"large file, filtered", "filtered", "GET /filtered/large.bin HTTP/1.1"},
		{"range", "own", "GET /own/large.bin HTTP/1.1\nRange: bytes=7-100006"},
		{"unsatisfiable range", "own", "GET /own/large.bin HTTP/1.1\nRange: bytes=9999999-"},
		{"not modified", "own", "GET /own/small.txt HTTP/1.1\nIf-None-Match: *"},
		{"no route", "", "GET /nowhere HTTP/1.1"},
		{"redirect", "", "GET /own HTTP/1.1"},
		{"malformed", "", "GET /\x01 HTTP/1.1"},
		{"header too large", "", "GET / HTTP/1.1\nX: " + strings.Repeat("x", 5000)},
		{"body too large", "", "POST /all HTTP/1.1\nContent-Length: 1025"},
		{"fault", "all", "GET /all HTTP/1.1\nDo: a.access:panic"},
	} {
		c := s.dial()
		c.send(test.head + "\nHost: a\nConnection: close\n\n")
		got, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		head, body, whole := bytes.Cut(got, []byte("\r\n\r\n"))
		if r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(got)), nil); err != nil || !whole {
			t.Errorf("%s: %v in %q", test.name, err, head)
		} else if l := parseAccess(t, lineNumber(t, file, i)); l.Status != r.StatusCode || l.BytesSent != int64(len(got)) || l.BodyBytesSent != int64(len(body)) {
			t.Errorf("%s: the log has status %d, %d bytes and %d of the body, the client %d, %d and %d",
				test.name, l.Status, l.BytesSent, l.BodyBytesSent, r.StatusCode, len(got), len(body))
		} else if slow := test.name == "slow"; l.Route != test.route || slow && l.RequestTime < 0.03 {
			t.Errorf("%s: the log has the route %q and %v s", test.name, l.Route, l.RequestTime)
		}
	}
}
