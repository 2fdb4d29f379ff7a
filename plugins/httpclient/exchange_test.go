package httpclient

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/sdk/abi"
)

func TestExchange(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["X-B"] = []string{"1", "2"}
		w.Header().Set("Connection", "X-Secret")
		w.Header().Set("X-Secret", "of the connection")
		w.WriteHeader(201)
		fmt.Fprint(w, r.Method, " ", r.RequestURI, " ", r.Host == r.Header.Get("X-Host"), " ", r.ContentLength, " ", string(body), " ", r.Header)
	})
	c := client(t, Options{})
	r := get(t, s.URL+"/a%2fb//c?d=%20e&f")
	r.Method, r.Body = "PUT", []byte("body")
	for _, field := range [][2]string{
		{"x-host", s.Listener.Addr().String()}, {"host", "evil.example"}, {"Content-Length", "1000"}, {"transfer-encoding", "chunked"}, {"Upgrade", "websocket"},
		{"Connection", "close, x-hop"}, {"X-Hop", "1"}, {"X-A", "1"}, {"x-a", "2"}, {"Te", "trailers"}, {"Trailer", "X"}, {"Expect", "100-continue"}, {"Proxy-Authorization", "x"},
	} {
		r.AddHeader(field[0], field[1])
	}
	a := do(t, c, r)
	want := "PUT /a%2fb//c?d=%20e&f true 4 body map[Content-Length:[4] User-Agent:[phasm] X-A:[1 2] X-Host:[" + s.Listener.Addr().String() + "]]"
	if a.status != 201 || a.body != want || a.errno != 0 || a.reason != "" {
		t.Errorf("got %+v, want %s", a, want)
	}
	if fmt.Sprint(a.header["X-B"]) != "[1 2]" || a.header["X-Secret"] != nil || a.header["Connection"] != nil || a.header.Get("Content-Length") == "" {
		t.Errorf("the headers are %v", a.header)
	}
}

// A hundred megabytes go both ways at once, through what is little memory.
func TestStream(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.WriteHeader(200)
		io.Copy(w, r.Body)
	})
	c := client(t, Options{})
	for _, length := range []int64{-1, 100 << 20} {
		r := get(t, s.URL)
		r.Method, r.Stream, r.Length = "POST", true, length
		x := c.Start(r)
		piece := bytes.Repeat([]byte("0123456789abcdef"), 1<<9)
		var received, sent int64
		var most uint64
		buf := make([]byte, 4<<10)
		for eof := false; !eof; {
			for sent < 100<<20 {
				n, errno := x.Write(piece[sent%16:])
				if errno == abi.Busy {
					break
				}
				if errno != 0 {
					t.Fatalf("writing fails: %v, %s", errno, x.Reason())
				}
				if sent += int64(n); sent > 100<<20 && length > 0 {
					t.Fatal("more than announced was taken")
				}
				if left := 100<<20 - sent; left < int64(len(piece)) {
					piece = piece[:max(left, 16)]
				}
				if sent >= 100<<20 {
					x.CloseWrite()
				}
			}
			n, errno := x.Read(buf)
			switch {
			case errno == abi.Busy:
				select {
				case <-x.Wake():
				case <-time.After(20 * time.Second):
					t.Fatalf("stuck after %d sent and %d received", sent, received)
				}
			case errno != 0:
				t.Fatalf("reading fails: %v, %s", errno, x.Reason())
			case n == 0:
				eof = true
			}
			for i, b := range buf[:min(n, 64)] {
				if b != "0123456789abcdef"[(received+int64(i))%16] {
					t.Fatalf("byte %d is %q", received+int64(i), b)
				}
			}
			if received += int64(n); received>>24 != (received-int64(n))>>24 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		if received != sent || received < 100<<20 {
			t.Errorf("%d sent, %d received", sent, received)
		}
		if most > 16<<20 {
			t.Errorf("%d MiB of memory are in use", most>>20)
		}
		if got := unlist(x.Header()).Get("X-Length"); got != fmt.Sprint(length) {
			t.Errorf("the length is %s, want %d", got, length)
		}
		x.Close()
	}
}

func TestWriteRules(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	c := client(t, Options{})
	fixed := c.Start(get(t, s.URL))
	defer fixed.Close()
	if _, errno := fixed.Write([]byte("x")); errno != abi.BadArgument || fixed.CloseWrite() != abi.BadArgument {
		t.Errorf("a body that does not stream: %v", errno)
	}
	r := get(t, s.URL)
	r.Method, r.Stream, r.Length = "POST", true, 4
	x := c.Start(r)
	defer x.Close()
	for _, write := range []struct {
		text string
		want abi.Errno
	}{{"12345", abi.BadArgument}, {"12", 0}, {"345", abi.BadArgument}, {"34", 0}, {"5", abi.BadArgument}} {
		if _, errno := x.Write([]byte(write.text)); errno != write.want {
			t.Errorf("writing %q: %v, want %v", write.text, errno, write.want)
		}
	}
	x.CloseWrite()
	if _, errno := x.Write([]byte("x")); errno != abi.BadArgument {
		t.Errorf("writing after the end: %v", errno)
	}
	if a := finish(t, x); a.body != "1234" || a.errno != 0 {
		t.Errorf("got %+v", a)
	}
	empty := get(t, s.URL)
	empty.Method, empty.Stream, empty.Length = "POST", true, 0
	if a := do(t, c, empty); a.status != 200 || a.body != "" {
		t.Errorf("an empty stream: %+v", a)
	}
	short := get(t, s.URL)
	short.Method, short.Stream, short.Length = "POST", true, 4
	x = c.Start(short)
	defer x.Close()
	x.Write([]byte("1"))
	x.CloseWrite()
	if a := finish(t, x); a.errno != abi.IO {
		t.Errorf("a body shorter than announced: %+v", a)
	}
}

// A server that answers without reading the body ends the writing.
func TestEarlyAnswer(t *testing.T) {
	address := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 1))
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		c.Close()
	})
	r := get(t, "http://"+address)
	r.Method, r.Stream = "POST", true
	x := client(t, Options{}).Start(r)
	defer x.Close()
	for {
		_, errno := await(t, x, func() (int, abi.Errno) { return x.Write(make([]byte, 8<<10)) })
		if errno == abi.Closed || errno == abi.IO { // a reset may overtake the answer
			break
		} else if errno != 0 {
			t.Fatalf("writing fails: %v %s", errno, x.Reason())
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var connections sync.Map
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections.Store(r.RemoteAddr, true)
		io.WriteString(w, strings.Repeat("x", 100<<10))
	})
	c := client(t, Options{})
	for range 20 {
		if a := do(t, c, get(t, s.URL)); len(a.body) != 100<<10 {
			t.Fatalf("got %d bytes, %v", len(a.body), a.errno)
		}
	}
	n := 0
	connections.Range(func(_, _ any) bool { n++; return true })
	if n != 1 {
		t.Errorf("20 requests took %d connections", n)
	}
}

func TestAtOnce(t *testing.T) {
	const n = 64
	var arrived sync.WaitGroup
	arrived.Add(n)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // nobody is answered before all are there
		io.WriteString(w, r.URL.Path)
	})
	c := client(t, Options{})
	var all []Exchange
	for i := range n {
		all = append(all, c.Start(get(t, s.URL+"/"+fmt.Sprint(i))))
	}
	for i, x := range all {
		if a := finish(t, x); a.body != "/"+fmt.Sprint(i) {
			t.Errorf("request %d: %+v", i, a)
		}
		x.Close()
	}
}

func TestBrokenAnswers(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		errno        abi.Errno
	}{
		{"nothing", "", abi.IO},
		{"garbage", "garbage\r\n\r\n", abi.IO},
		{"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", abi.IO},
		{"cut off in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", abi.IO},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12", abi.IO},
		{"huge head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 128<<10) + "\r\n\r\n", abi.IO},
		{"until it closes", "HTTP/1.0 200 OK\r\n\r\n12345", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := listen(t, func(c net.Conn) {
				c.Read(make([]byte, 4<<10))
				io.WriteString(c, test.answer)
				c.(*net.TCPConn).CloseWrite()
			})
			a := do(t, client(t, Options{}), get(t, "http://"+address))
			if a.errno != test.errno || (a.reason == "") != (test.errno == 0) {
				t.Errorf("got %+v, want %v", a, test.errno)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	do(t, client(t, Options{}), get(t, "http://"+l.Addr().String())).wantError(t, abi.IO, "refused")
}

func TestDecompress(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		if r.URL.Path == "/broken" {
			io.WriteString(w, "this is no gzip")
			return
		}
		z := gzip.NewWriter(w)
		io.WriteString(z, strings.Repeat("x", 1<<20))
		z.Close()
	})
	c := client(t, Options{})
	if a := do(t, c, get(t, s.URL)); a.body != "plain" {
		t.Errorf("unasked: %+v", a)
	}
	asked := func(path string, most int64) answer {
		r := get(t, s.URL+path)
		r.Decompress, r.Most = true, most
		return do(t, c, r)
	}
	if a := asked("/", 0); len(a.body) != 1<<20 || a.errno != 0 || a.header["Content-Encoding"] != nil || a.header["Content-Length"] != nil {
		t.Errorf("%d bytes, %v, %v", len(a.body), a.errno, a.header)
	}
	asked("/broken", 0).wantError(t, abi.IO, "decompress")
	if a := asked("/", 1<<20); len(a.body) != 1<<20 || a.errno != 0 {
		t.Errorf("as long as allowed: %d bytes, %v", len(a.body), a.errno)
	}
	a := asked("/", 1<<20-1)
	a.wantError(t, abi.NoMemory, "longer")
}

// Decompressing is work, also where nothing comes of it, and only as much of it
// is done as the plugin has room for.
func TestDecompressingIsWork(t *testing.T) {
	const size = 8 << 20
	var bomb, hollow bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, size))
	z.Close()
	for range 20_000 { // members without content
		z.Reset(&hollow)
		z.Close()
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		if r.URL.Path == "/bomb" {
			w.Write(bomb.Bytes())
		} else {
			w.Write(hollow.Bytes())
		}
	})
	c := client(t, Options{})
	start := func(path string, decompress bool) Exchange {
		r := get(t, s.URL+path)
		r.Decompress = decompress
		x := c.Start(r)
		t.Cleanup(x.Close)
		await(t, x, x.Status)
		return x
	}
	x := start("/bomb", false)
	if finish(t, x); x.Worked() != 0 {
		t.Error("what is not decompressed is work")
	}
	x = start("/bomb", true)
	await(t, x, func() (int, abi.Errno) { return x.Read(make([]byte, 1)) })
	if begun := x.Worked(); begun > size/100*perByte {
		t.Errorf("for the first byte it has worked for %v", begun)
	}
	if a := finish(t, x); len(a.body) != size-1 {
		t.Fatalf("%d bytes, %v", len(a.body), a.errno)
	}
	if all := x.Worked(); all < size/100 || all > (size+1<<20)*perByte {
		t.Errorf("for all of it it has worked for %v", all)
	}
	if again := x.Worked(); again != 0 {
		t.Errorf("and once more for %v", again)
	}
	x = start("/hollow", true)
	if a := finish(t, x); a.body != "" || a.errno != 0 || x.Worked() < time.Millisecond {
		t.Errorf("for nothing it has worked for too little, or answers %d bytes, %v", len(a.body), a.errno)
	}
}

// However a request ends, nothing of it stays.
func TestNothingLeaks(t *testing.T) {
	stuck := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stuck":
			select {
			case <-stuck:
			case <-r.Context().Done():
			}
		case "/endless":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 64<<10))
			}
		case "/read":
			io.Copy(io.Discard, r.Body)
		}
	})
	defer close(stuck)
	c := client(t, Options{})
	do(t, c, get(t, s.URL))
	c.transport.CloseIdleConnections()
	s.CloseClientConnections()
	before := runtime.NumGoroutine()
	for i := range 60 {
		r := get(t, s.URL+[]string{"/stuck", "/endless", "/read"}[i%3])
		r.Method, r.Stream = "POST", i%3 == 2
		x := c.Start(r)
		switch i % 4 {
		case 0: // at once
		case 1:
			x.Write([]byte("x"))
		case 2:
			if i%3 == 1 {
				await(t, x, x.Status)
			}
		case 3:
			x.Close()
		}
		x.Close()
		if _, errno := x.Status(); errno != abi.Closed {
			t.Errorf("a closed request answers %v", errno)
		}
		if _, errno := x.Read(make([]byte, 1)); errno != abi.Closed {
			t.Errorf("a closed request reads %v", errno)
		}
	}
	c.running.Wait()
	c.transport.CloseIdleConnections()
	s.CloseClientConnections()
	settled(t, before)
}

func TestCloseEndsRequests(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := New(Options{})
	x := c.Start(get(t, s.URL))
	c.Close()
	for _, x := range []Exchange{x, c.Start(get(t, s.URL))} {
		if _, errno := x.Status(); errno != abi.Closed {
			t.Errorf("the request answers %v", errno)
		}
		x.Close()
	}
}

// A detached request goes on to its end, whether anybody reads or not.
func TestDetach(t *testing.T) {
	got := make(chan string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := w.Write(make([]byte, 1<<20)); err == nil { // more than the buffers hold
			got <- string(body)
		}
	})
	c := client(t, Options{})
	for _, early := range []bool{true, false} {
		r := get(t, s.URL)
		r.Method, r.Stream = "POST", true
		x := c.Start(r)
		x.Write([]byte("the body"))
		if errno := x.Detach(nil); errno != abi.BadArgument {
			t.Errorf("in the middle of the body: %v", errno)
		}
		x.CloseWrite()
		if !early {
			await(t, x, x.Status)
		}
		ended := make(chan struct{})
		if errno := x.Detach(func() { close(ended) }); errno != 0 {
			t.Errorf("it cannot be detached: %v", errno)
		}
		if body := <-got; body != "the body" {
			t.Errorf("the server got %q", body)
		}
		<-ended
	}
	x := c.Start(get(t, "http://127.0.0.1:1"))
	await(t, x, x.Status)
	c.running.Wait()
	ended := make(chan struct{})
	x.Detach(func() { close(ended) })
	<-ended
}

func BenchmarkRequest(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	c := client(b, Options{})
	r := get(b, s.URL)
	b.ReportAllocs()
	for b.Loop() {
		if a := do(b, c, r); a.body != "hello" {
			b.Fatal(a)
		}
	}
}

// A request says when nothing of it runs any more, exactly once.
func TestEnded(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stuck" {
			<-r.Context().Done()
		}
	})
	c := New(Options{})
	ended := make(chan struct{}, 100)
	start := func(path string) Exchange {
		r := get(t, s.URL+path)
		r.Ended = func() { ended <- struct{}{} }
		return c.Start(r)
	}
	finish(t, start("/"))
	start("/stuck").Close()
	start("/").Detach(func() {})
	c.running.Wait()
	c.Close()
	start("/").Close()
	if n := len(ended); n != 4 {
		t.Errorf("4 requests ended %d times", n)
	}
}
