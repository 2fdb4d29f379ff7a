package server

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"phasm/plugins/host"
)

// FuzzProxiedRequest passes requests on. What the peer gets is one request, the
// one that routes and plugins have seen, for a strict reader and for net/http;
// its body is what net/http reads in what the client has sent, and its trailer
// has only what was announced.
func FuzzProxiedRequest(f *testing.F) {
	s := loaded(f, proxyConfig("", "127.0.0.1:1"))
	for _, test := range hygieneCases(f) {
		f.Add([]byte(test.request))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := s.newConn(&bytesConn{in: bytes.NewReader(in)})
		defer c.free()
		defer c.letGo()
		defer c.x.reset()
		if !c.awaitRequest() {
			return
		}
		x := &c.x
		x.begin()
		if x.receive() != 0 || x.head.asterisk {
			return
		}
		x.prepare()
		x.match()
		passed := &x.passing
		passed.x, passed.proxy = x, x.route.content.(*proxy)
		var err error
		if passed.peer, err = passed.proxy.group.Pick(&passed.request); err != nil {
			t.Fatal(err)
		}
		var wire bytes.Buffer
		w := bufio.NewWriter(&wire)
		w.Write(passed.appendHead(nil))
		if x.body.copyRest(w, x, nil) != nil {
			return // the connection ends: it is no whole request
		}
		w.Flush()

		var head requestHead
		if status := head.scan(wire.Bytes()); status != 0 {
			t.Fatalf("%q goes on as %q, which gets %d", in, wire.Bytes(), status)
		}
		r := bufio.NewReader(bytes.NewReader(wire.Bytes()))
		q, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("%q goes on as %q: %v", in, wire.Bytes(), err)
		}
		body, err := io.ReadAll(q.Body)
		if rest, _ := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Fatalf("%q goes on as %q: %v, and %q stands behind it", in, wire.Bytes(), err, rest)
		}
		target := string(x.request.Header.RequestURI())
		canonical, ok := host.AppendTarget(nil, []byte(target))
		if q.Method != string(x.request.Header.Method()) || q.RequestURI != target || !ok || string(canonical) != target ||
			q.Host != string(x.request.Header.Host()) && (q.Host != passed.peer.Host() || len(x.request.Header.Host()) > 0) {
			t.Fatalf("%q goes on as %q", in, wire.Bytes())
		}
		for name := range q.Trailer {
			if !isAnnounced([]byte(name), passed.announced) || !strings.Contains(strings.ToLower(string(in)), strings.ToLower(name)) {
				t.Fatalf("%q goes on with the trailer %v", in, q.Trailer)
			}
		}
		sent, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimLeft(in, "\r\n"))))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", in, err)
		}
		if want, err := io.ReadAll(sent.Body); err != nil || !bytes.Equal(body, want) {
			t.Fatalf("%q goes on with the body %q, not %q, %v", in, body, want, err)
		}
	})
}
