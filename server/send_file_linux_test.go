package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fileConn is a connection that counts what the kernel is told to put into it by
// itself.
type fileConn struct {
	*net.TCPConn
	t     *testing.T
	bytes int64
	most  int64
}

// SyscallConn implements syscall.Conn.
func (c *fileConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return rawFile{raw, c}, err
}

// rawFile is a fileConn as a raw connection.
type rawFile struct {
	syscall.RawConn
	c *fileConn
}

// Write implements syscall.RawConn.
func (r rawFile) Write(f func(fd uintptr) bool) error {
	return r.RawConn.Write(func(fd uintptr) bool {
		before := r.c.put(fd)
		done := f(fd)
		n := r.c.put(fd) - before
		r.c.bytes += n
		r.c.most = max(r.c.most, n)
		return done
	})
}

// put is how many bytes were put into the socket so far.
func (c *fileConn) put(fd uintptr) int64 {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		c.t.Error(err)
		return 0
	}
	return int64(info.Bytes_sent-info.Bytes_retrans) + int64(info.Notsent_bytes)
}

// A large file goes from the file to the socket, in pieces.
func TestLargeFilesAreSentAsFiles(t *testing.T) {
	text, _, large := site(t)
	s := start(t, text)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan *fileConn)
	go func() {
		nc, err := listener.Accept()
		if err != nil {
			t.Error(err)
			close(served)
			return
		}
		fc := &fileConn{TCPConn: nc.(*net.TCPConn), t: t}
		s.ServeConn(fc)
		served <- fc
	}()
	c := (&testServer{t: t, address: listener.Addr().String()}).dial()
	c.send("GET /files/large.bin HTTP/1.1\nHost: a\n\nGET /files/large.bin HTTP/1.1\nHost: a\nRange: bytes=1-100000\nConnection: close\n\n")
	if r := c.receive("GET"); r.body != large {
		t.Errorf("got %d bytes, or others", len(r.body))
	}
	if r := c.receive("GET"); r.body != large[1:100001] {
		t.Errorf("got %d bytes, or others", len(r.body))
	}
	fc := <-served
	if fc == nil {
		return
	}
	if fc.bytes != largeFile+100000 || fc.most > sendPiece {
		t.Errorf("%d bytes were sent as a file, at most %d at once", fc.bytes, fc.most)
	}
}

// What goes through a loop is sent by it as far as the socket takes it, and else
// waits, without a byte too many or too few on the way.
func TestFilesAreSentFromALoop(t *testing.T) {
	text, dir, large := site(t)
	part := large[:100_000]
	writeFile(t, dir, "part.bin", part)
	s := start(t, text)
	const requests = 100 // more than any socket buffers
	slow := s.dial()
	if err := slow.Conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	slow.send(strings.Repeat("GET /files/part.bin HTTP/1.1\nHost: a\n\n", requests))
	quick := s.dial() // is served meanwhile
	for range 20 {
		quick.send("GET /files/part.bin HTTP/1.1\nHost: a\n\nGET /files/part.bin HTTP/1.1\nHost: a\nRange: bytes=50000-\n\nGET /files/small.txt HTTP/1.1\nHost: a\n\n")
		for _, want := range []string{part, part[50_000:], "small\n"} {
			if r := quick.receive("GET"); r.body != want {
				t.Fatalf("got %d bytes, or others, want %d", len(r.body), len(want))
			}
		}
	}
	for range requests {
		if r := slow.receive("GET"); r.body != part {
			t.Fatalf("got %d bytes, or others, want %d", len(r.body), len(part))
		}
	}
}

// A client that takes no more of a file is cut off.
func TestFileNobodyTakes(t *testing.T) {
	text, dir, _ := site(t)
	s := start(t, text+"[server.timeouts]\nwrite = \"100ms\"\n")
	writeFile(t, dir, "huge.bin", "")
	if err := os.Truncate(filepath.Join(dir, "huge.bin"), 64<<20); err != nil {
		t.Fatal(err)
	}
	c := s.dial()
	c.send("GET /files/huge.bin HTTP/1.1\nHost: a\n\n")
	if _, err := c.r.ReadByte(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the connection to end", func() bool { return s.connections() == 0 })
}

// A file that gets shorter while it is sent is a response that breaks off.
func TestFileGetsShorterWhileItIsSent(t *testing.T) {
	text, dir, _ := site(t)
	s := start(t, text)
	name := filepath.Join(dir, "huge.bin")
	writeFile(t, dir, "huge.bin", "")
	const huge = 64 << 20 // more than any socket buffers
	if err := os.Truncate(name, huge); err != nil {
		t.Fatal(err)
	}
	c := s.dial()
	c.send("GET /files/huge.bin HTTP/1.1\nHost: a\n\nGET /files/small.txt HTTP/1.1\nHost: a\n\n")
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1000); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || n >= huge {
		t.Errorf("%d bytes come, error %v", n, err)
	}
	if r := s.do("GET", "/files/huge.bin"); r.StatusCode != 200 || len(r.body) != 1000 {
		t.Errorf("afterwards: %d with %d bytes", r.StatusCode, len(r.body))
	}
}

// Where there is no bare socket a file is read, and sent as any other bytes.
func TestFilesOverTLS(t *testing.T) {
	text, _, large := site(t)
	s := startTLS(t, text)
	c, _ := s.secure(s.clientConfig("first.example"))
	h2 := s.http2Client()
	for range 2 {
		for _, test := range []struct{ header, want string }{{"X: y", large}, {"Range: bytes=5-100004", large[5:100_005]}, {"Range: bytes=-7", large[largeFile-7:]}} {
			c.send("GET /files/large.bin HTTP/1.1\nHost: a\n" + test.header + "\n\n")
			if r := c.receive("GET"); r.body != test.want || r.Header.Get("Content-Length") != strconv.Itoa(len(test.want)) {
				t.Errorf("%s: got %d bytes, or others, want %d", test.header, len(r.body), len(test.want))
			}
			request, _ := http.NewRequest("GET", "https://"+s.address+"/files/large.bin", nil)
			name, value, _ := strings.Cut(test.header, ": ")
			request.Header.Set(name, value)
			r, err := h2.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.ProtoMajor != 2 || string(body) != test.want {
				t.Errorf("HTTP/%d, %s: got %d bytes, or others, want %d, error %v", r.ProtoMajor, test.header, len(body), len(test.want), err)
			}
		}
	}
}
