package server

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
)

// FuzzAgainstNetHTTP receives requests as phasm and as net/http do: what phasm
// accepts, net/http must understand in the same way, down to where the next
// request begins.
func FuzzAgainstNetHTTP(f *testing.F) {
	s := loaded(f, hygieneConfig)
	for _, test := range hygieneCases(f) {
		f.Add([]byte(test.request + "GET /next HTTP/1.1\r\nHost: b\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		wire := &bytesConn{in: bytes.NewReader(in)}
		c := s.newConn(wire)
		defer c.free()
		defer c.letGo()
		defer c.x.reset()
		if !c.awaitRequest() {
			return
		}
		x := &c.x
		x.begin()
		if x.receive() != 0 {
			return
		}
		x.prepare()
		for bytes.HasPrefix(in, []byte("\r\n")) { // which net/http does not pass over
			in = in[2:]
		}
		theirs := bytes.NewReader(in)
		r := bufio.NewReader(theirs)
		q, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", in, err)
		}
		compareHeads(t, x, q)
		body, err := io.ReadAll(&bodyReader{x: x})
		want, wantErr := io.ReadAll(q.Body)
		if err != nil {
			return // stricter than net/http with chunks: the connection ends
		}
		if wantErr != nil || !bytes.Equal(body, want) {
			t.Fatalf("%q has the body %q, and for net/http %q, %v", in, body, want, wantErr)
		}
		rest, _ := io.ReadAll(c.r)
		restWanted, _ := io.ReadAll(r)
		if !bytes.Equal(rest, restWanted) {
			t.Fatalf("behind %q stands %q, and for net/http %q", in, rest, restWanted)
		}
	})
}

func compareHeads(t *testing.T, x *exchange, q *http.Request) {
	t.Helper()
	h := &x.request.Header
	if string(h.Method()) != q.Method {
		t.Fatalf("method %q, for net/http %q", h.Method(), q.Method)
	}
	target := q.URL.EscapedPath()
	if q.URL.ForceQuery || q.URL.RawQuery != "" {
		target += "?" + q.URL.RawQuery
	}
	if canonical, ok := host.AppendTarget(nil, []byte(target)); !x.head.asterisk && (!ok || string(canonical) != string(h.RequestURI())) {
		t.Fatalf("target %q, for net/http %q", h.RequestURI(), target)
	}
	if canonical, _ := appendAuthority(nil, []byte(q.Host), false); string(canonical) != string(h.Host()) {
		t.Fatalf("host %q, for net/http %q", h.Host(), q.Host)
	}
	if length := max(x.head.length, -1); length != q.ContentLength && (x.head.length != -2 || q.ContentLength != 0) {
		t.Fatalf("length %d, for net/http %d", x.head.length, q.ContentLength)
	}
	got := http.Header{}
	for name, value := range h.All() {
		got.Add(string(name), string(value))
	}
	for name, values := range got {
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Cookie", "User-Agent", "Content-Type":
			continue // which one of the two keeps elsewhere, or once
		}
		want := q.Header.Values(name)
		if !slices.EqualFunc(values, want, func(a, b string) bool { return strings.Trim(a, " \t") == strings.Trim(b, " \t") }) {
			t.Fatalf("%s is %q, for net/http %q: %q", name, values, want, slices.Collect(maps.Keys(got)))
		}
	}
}

// bodyReader reads an exchange's body.
type bodyReader struct {
	x  *exchange
	at int64
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.x.ReadBody(p, b.at, false, time.Time{})
	b.at += int64(n)
	if err == os.ErrDeadlineExceeded {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
