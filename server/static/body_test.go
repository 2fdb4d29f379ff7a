package static

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// What a body says of its file is what whoever has the kernel send it needs.
func TestLargeBodiesCanUseSendfile(t *testing.T) {
	d, _ := fixture(t, site)
	for header, want := range map[string][]byte{"": big, "bytes=1-40000": big[1:40001]} {
		var req fasthttp.Request
		var resp fasthttp.Response
		req.SetRequestURI("/big.bin")
		req.Header.Set("Range", header)
		if err := d.Serve(&req, &resp, []byte("big.bin")); err != nil {
			t.Fatal(err)
		}
		part := resp.BodyStream().(*Part)
		var head [100]byte
		if _, err := io.ReadFull(part, head[:]); err != nil || !bytes.Equal(head[:], want[:100]) {
			t.Errorf("range %q: it begins with %.20q, error %v", header, head, err)
		}
		descriptor, start, length := part.Rest()
		rest := make([]byte, length+1)
		n, err := unix.Pread(descriptor, rest[:length], start)
		if err != nil || !bytes.Equal(rest[:n], want[100:]) {
			t.Errorf("range %q: %d of %d bytes come right from the file, error %v", header, n, len(want)-100, err)
		}
		part.Skip(length)
		if n, err := part.Read(rest); n != 0 || err != io.EOF {
			t.Errorf("range %q: behind the end there are %d bytes, error %v", header, n, err)
		}
		if got := part.InMemory(); got != (header == "") {
			t.Errorf("range %q: all of the file has been read: %v", header, got)
		}
		resp.Reset()
		d.kept.clear()
	}
}

// The stream is also read by those who do not write it to a connection.
func TestStreamWithoutConnection(t *testing.T) {
	d, _ := fixture(t, site)
	for name, read := range map[string]func(io.Reader) ([]byte, error){
		"Read":    func(r io.Reader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) },
		"WriteTo": func(r io.Reader) ([]byte, error) { var b bytes.Buffer; _, err := io.Copy(&b, r); return b.Bytes(), err },
	} {
		var req fasthttp.Request
		var resp fasthttp.Response
		req.SetRequestURI("/big.bin")
		if err := d.Serve(&req, &resp, []byte("big.bin")); err != nil {
			t.Fatal(err)
		}
		body, err := read(resp.BodyStream())
		if err != nil || !bytes.Equal(body, big) {
			t.Errorf("%s: %d bytes, error %v", name, len(body), err)
		}
		resp.Reset()
	}
}

// TestOverTCP asks fasthttp's server through net/http's client, on a single
// connection: one byte too many or too few would break the next response.
func TestOverTCP(t *testing.T) {
	d, _ := fixture(t, site)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if err := d.Serve(&ctx.Request, &ctx.Response, ctx.Path()); err != nil {
			t.Error(err)
		}
	}}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	defer func() {
		server.Shutdown()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()

	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	reused := 0
	for _, c := range []struct {
		method, path, part string
		status             int
		want               string
	}{
		{"GET", "/big.bin", "", 200, string(big)},
		{"GET", "/a.txt", "", 200, "0123456789"},
		{"HEAD", "/big.bin", "", 200, ""},
		{"GET", "/big.bin", "bytes=100-50000", 206, string(big[100:50001])},
		{"GET", "/none", "", 404, "404 Not Found\n"},
		{"HEAD", "/none", "", 404, ""},
		{"GET", "/docs/../a.txt", "", 200, "0123456789"},
		{"GET", "/%2e%2e/a.txt", "", 200, "0123456789"},
		{"GET", "/docs%2Fstyle.css", "", 200, "css"},
		{"GET", "/%252e%252e/a.txt", "", 404, "404 Not Found\n"},
		{"GET", "/a.txt%00", "", 404, "404 Not Found\n"},
	} {
		req, err := http.NewRequest(c.method, "http://"+l.Addr().String()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.part != "" {
			req.Header.Set("Range", c.part)
		}
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) {
				if info.Reused {
					reused++
				}
			},
		}))
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || string(body) != c.want {
			t.Errorf("%s %s: status %d, %d bytes, error %v", c.method, c.path, resp.StatusCode, len(body), err)
		}
	}
	if reused != 10 {
		t.Errorf("10 of 11 requests should have found the connection open, %d have", reused)
	}
}

func BenchmarkServe(b *testing.B) {
	d, _ := fixture(b, site)
	for _, c := range []struct{ name, path, accept string }{
		{"small", "/a.txt", ""}, {"nested", "/docs/style.css", "br, gzip"}, {"large", "/big.bin", ""}, {"missing", "/none", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			var req fasthttp.Request
			var resp fasthttp.Response
			req.SetRequestURI(c.path)
			req.Header.Set("Accept-Encoding", c.accept)
			b.ReportAllocs()
			for b.Loop() {
				d.Serve(&req, &resp, []byte(c.path))
				resp.Reset()
			}
		})
	}
}
