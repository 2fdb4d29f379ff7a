package httpclient

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"phasm/sdk/abi"
)

// client is a client for one test, after which nothing of it may run any more.
func client(t testing.TB, o Options) *Client {
	t.Helper()
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// serve runs a server on a loopback port.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// listen accepts connections and gives each to a function; nil does not even
// answer them.
func listen(t testing.TB, each func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			if each != nil {
				go each(c)
			}
		}
	}()
	return l.Addr().String()
}

// get is a request for a URL that is granted.
func get(t testing.TB, rawURL string) *Request {
	t.Helper()
	u, err := ParseURL(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	grants, err := ParseGrants([]string{GrantFor(u)})
	if err != nil {
		t.Fatal(err)
	}
	return &Request{Method: "GET", URL: u, Grants: grants, Length: -1}
}

// await waits for something of an exchange's.
func await(t testing.TB, x Exchange, try func() (int, abi.Errno)) (int, abi.Errno) {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		if n, errno := try(); errno != abi.Busy {
			return n, errno
		}
		select {
		case <-x.Wake():
		case <-deadline:
			t.Fatal("nothing happens")
		}
	}
}

// reader is an exchange's body.
type reader struct {
	t testing.TB
	x Exchange
}

func (r reader) Read(p []byte) (int, error) {
	n, errno := await(r.t, r.x, func() (int, abi.Errno) { return r.x.Read(p) })
	switch {
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// answer is what a request has led to.
type answer struct {
	status int
	header http.Header
	body   string
	errno  abi.Errno
	reason string
}

// do sends a request and waits for all of the answer.
func do(t testing.TB, c *Client, r *Request) answer {
	t.Helper()
	x := c.Start(r)
	defer x.Close()
	return finish(t, x)
}

func finish(t testing.TB, x Exchange) answer {
	t.Helper()
	var a answer
	a.status, a.errno = await(t, x, x.Status)
	a.header = unlist(x.Header())
	if a.errno == 0 {
		body, err := io.ReadAll(reader{t, x})
		a.body = string(body)
		a.errno, _ = err.(abi.Errno)
	}
	a.reason = x.Reason()
	return a
}

// want checks an answer that must fail.
func (a answer) wantError(t testing.TB, errno abi.Errno, reason string) {
	t.Helper()
	if a.errno != errno || !strings.Contains(a.reason, reason) {
		t.Errorf("the error is %v, %q, want %v, %q", a.errno, a.reason, errno, reason)
	}
}

func unlist(list []byte) http.Header {
	h := http.Header{}
	next := func() string {
		n := binary.LittleEndian.Uint32(list)
		item := string(list[4 : 4+n])
		list = list[4+n:]
		return item
	}
	for len(list) > 0 {
		name := next()
		h[name] = append(h[name], next())
	}
	return h
}

// settled waits until no more goroutines run than before.
func settled(t testing.TB, before int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
}
