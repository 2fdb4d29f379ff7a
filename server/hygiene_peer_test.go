package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nginxBehind has nginx write down what it understands of each request.
const nginxBehind = `
	log_format understood '$status "$request_method $request_uri $http_host" "$path" "$fields" "$body"';
	access_log access.log understood;
	server {
		listen %s;
		underscores_in_headers on;
		ignore_invalid_headers off;
		set $path "";
		set $fields "";
		set $body "";
		location / {
			content_by_lua_block {
				ngx.req.read_body()
				ngx.var.path = ngx.escape_uri(ngx.var.uri)
				ngx.var.body = ngx.escape_uri(ngx.req.get_body_data() or "")
				local fields = {}
				for name, values in pairs(ngx.req.get_headers(0)) do
					for _, value in ipairs(type(values) == "table" and values or {values}) do
						table.insert(fields, name .. "=" .. value)
					end
				end
				table.sort(fields)
				ngx.var.fields = ngx.escape_uri(table.concat(fields, "\n"))
				ngx.header.content_length = 10
				ngx.print("understood")
			}
		}
	}
`

const peerHygieneConfig = `
[plugins.witness]
source = "witness"
config = {%s}
[server.phases]
access = ["witness"]
[upstreams.nginx]
peers = ["%s"]
[routes.all]
match = "/"
upstream = "nginx"
[routes.propfind]
match = "PROPFIND /dav/"
upstream = "nginx"
[routes.trace]
match = "TRACE /trace"
upstream = "nginx"
`

// A real nginx behind the server understands each request as routes and
// plugins have, gets it once, and gets none of those that are refused.
func TestHygieneInFrontOfNginx(t *testing.T) {
	t.Run("streamed", func(t *testing.T) { testHygieneInFrontOfNginx(t, false) })
	t.Run("read by a plugin", func(t *testing.T) { testHygieneInFrontOfNginx(t, true) })
}

func testHygieneInFrontOfNginx(t *testing.T, readBody bool) {
	address := freeAddress(t)
	dir := startNginx(t, address, fmt.Sprintf(nginxBehind, address), "ndk_http_module", "ngx_http_lua_module")
	option := ""
	if readBody {
		option = `body = "read"`
	}
	s := start(t, fmt.Sprintf(peerHygieneConfig, option, address))
	const canary = "GET /canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	var want []account
	for _, test := range hygieneCases(t) {
		c := s.dial()
		io.WriteString(c.Conn, test.request+canary)
		sent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimLeft(test.request, "\r\n"))))
		method, body := "", []byte(nil)
		if err == nil {
			method = sent.Method
			body, _ = io.ReadAll(sent.Body)
		}
		r, err := http.ReadResponse(c.r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("line %d: %q gets no answer: %v", test.line, test.request, err)
		}
		io.Copy(io.Discard, r.Body)
		if test.status >= 400 {
			if closed := c.closed(); r.StatusCode != test.status || !closed {
				t.Errorf("line %d: %q got %d, and the connection is closed: %v", test.line, test.request, r.StatusCode, closed)
			}
			continue
		}
		if r.StatusCode != 204 { // which is the server's own answer
			want = append(want, testimony(t, r, address, readBody, body))
		}
		if r, err = http.ReadResponse(c.r, nil); err != nil {
			t.Fatalf("line %d: behind %q the next request gets no answer: %v", test.line, test.request, err)
		}
		want = append(want, testimony(t, r, address, readBody, nil))
	}
	want = append(want, testimony(t, s.do("GET", "/last").Response, address, readBody, nil))
	var got []account
	if !eventually(func() bool {
		got = understood(t, filepath.Join(dir, "access.log"))
		return len(got) > 0 && strings.Contains(got[len(got)-1].line, " /last ")
	}) {
		t.Error("nginx has not got the last request")
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("request %d: nginx understood\n%+v\nand should have understood\n%+v", i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	if len(want) < 60 {
		t.Errorf("nginx got only %d requests", len(want))
	}
}

// account is a request as somebody has understood it.
type account struct {
	status int    // of the answer
	line   string // method, target and host
	path   string // decoded
	fields string // that are for all recipients
	body   string
}

// understood is nginx's log.
func understood(t *testing.T, path string) (accounts []account) {
	t.Helper()
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		var a account
		if _, err := fmt.Sscanf(line, "%d %q %q %q %q\n", &a.status, &a.line, &a.path, &a.fields, &a.body); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		a.path, a.fields, a.body = unescaped(t, a.path), endToEnd(unescaped(t, a.fields)), unescaped(t, a.body)
		accounts = append(accounts, a)
	}
	return accounts
}

// testimony is what nginx must have understood, by what the witness has seen
// and, where it has not looked, by the body that was sent.
func testimony(t *testing.T, r *http.Response, nginx string, readBody bool, body []byte) account {
	t.Helper()
	said := func(name string) string {
		values := r.Header.Values("Witness-" + name)
		if len(values) != 1 {
			t.Fatalf("the witness does not say one %s: %d %v", name, r.StatusCode, r.Header)
		}
		return unescaped(t, values[0])
	}
	a := account{r.StatusCode, said("Line"), said("Path"), endToEnd(said("Fields")), string(body)}
	if strings.HasSuffix(a.line, " ") {
		a.line += nginx // the peer's own name, where the client has none
	}
	route := "all"
	switch method, rest, _ := strings.Cut(a.line, " "); {
	case method == "TRACE" && strings.HasPrefix(rest, "/trace "):
		route, a.path, a.fields = "trace", "", "" // nginx answers 405 without more ado
	case method == "PROPFIND" && strings.HasPrefix(rest, "/dav/"):
		route = "propfind"
	}
	if said("Route") != route {
		t.Errorf("%q went by the route %q", a.line, said("Route"))
	}
	if seen := said("Body"); readBody && seen != a.body {
		t.Errorf("%q: a plugin saw the body %q, where %q was sent", a.line, seen, body)
	}
	return a
}

func unescaped(t *testing.T, s string) string {
	t.Helper()
	s, err := url.PathUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// endToEnd leaves those of a request's fields that pass through a proxy as they
// are.
func endToEnd(fields string) string {
	var kept []string
	for field := range strings.SplitSeq(fields, "\n") {
		switch name, _, _ := strings.Cut(field, "="); name {
		case "", "host", "connection", "content-length", "transfer-encoding", "expect",
			"upgrade", "keep-alive", "te", "trailer", "proxy-connection", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host":
		default:
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, "\n")
}
