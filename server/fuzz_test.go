package server

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// bytesConn is a connection whose client sends some bytes and hangs up.
type bytesConn struct {
	memoryConn
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *bytesConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *bytesConn) Write(p []byte) (int, error) { return c.out.Write(p) }

// FuzzConnection sends any bytes over a connection. Whatever they are, the
// server does not panic, and what it answers is a sequence of responses that a
// client can tell apart.
func FuzzConnection(f *testing.F) {
	s := loaded(f, fixedConfig+`
[routes.files]
match = "/files/{path...}"
static = "www"
`)
	for _, seed := range []string{
		"GET /hello HTTP/1.1\nHost: a\n\n",
		"GET /hello HTTP/1.0\n\nGET /hello HTTP/1.1\nHost: a\n\n",
		"HEAD /files/hello.txt HTTP/1.1\nHost: a\nRange: bytes=1-3\n\n",
		"GET /files/../x?a=b#c HTTP/1.1\nHost: [::1]:80\nConnection: close\n\n",
		"POST /tea HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET /nothing HTTP/1.1\nHost: a\n\n",
		"POST /tea HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nExpect: 100-continue\n\n3\nabc\n0\n\n",
		"\n\nOPTIONS * HTTP/1.1\nHost: a\n x: y\n\n",
		"GET http://b/hello HTTP/1.1\nHost: a\n\n",
	} {
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c := &bytesConn{in: bytes.NewReader(in)}
		s.ServeConn(c)
		if n := s.metrics.panics.Get(); n != 0 {
			t.Fatalf("%d panics", n)
		}
		// Which responses have no body only the requests' methods tell.
		answers := bufio.NewReader(&c.out)
		requests := bufio.NewReader(bytes.NewReader(in))
		for {
			if _, err := answers.Peek(1); err == io.EOF {
				return
			}
			request, err := http.ReadRequest(requests)
			if err != nil {
				return // fasthttp and net/http differ: nothing to compare with
			}
			response, err := http.ReadResponse(answers, request)
			if err != nil {
				t.Fatalf("the answer to %q is no response: %v\n%q", in, err, c.out.Bytes())
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatalf("the answer to %q is cut off: %v", in, err)
			}
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return
			}
		}
	})
}
