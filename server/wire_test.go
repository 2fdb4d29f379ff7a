package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// received is an exchange of a server whose head has been received, and the
// client's end of its connection.
func received(t *testing.T, s *Server, request string) (*exchange, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	c := s.newConn(nc)
	t.Cleanup(func() {
		c.x.reset()
		c.letGo()
		nc.Close()
		client.Close()
		c.free()
	})
	if !c.awaitRequest() {
		t.Fatal("there is no request")
	}
	c.x.begin()
	if status := c.x.receive(); status != 0 {
		t.Fatalf("the request is refused with %d", status)
	}
	c.x.prepare()
	return &c.x, client
}

// A call's deadline holds where the client has far more time.
func TestReadBodyUntilADeadline(t *testing.T) {
	x, client := received(t, loaded(t, fixedConfig), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
	var p [10]byte
	read := func(offset int64, deadline time.Time) (string, error) {
		n, err := x.ReadBody(p[:], offset, true, deadline)
		return string(p[:n]), err
	}
	if got, err := read(0, time.Now().Add(-time.Second)); got != "hello" || err != nil {
		t.Errorf("what has arrived reads as %q, error %v", got, err) // as long as nobody has to wait for it
	}
	begin := time.Now()
	if got, err := read(5, begin.Add(50*time.Millisecond)); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("what is late reads as %q, error %v", got, err)
	}
	if took := time.Since(begin); took < 40*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %v, want 50ms", took)
	}
	client.Write([]byte("world"))
	if got, err := read(5, time.Time{}); got != "" || err == nil {
		t.Errorf("after an error the body reads as %q", got)
	}
	if got, err := read(0, time.Time{}); got != "hello" || err != nil {
		t.Errorf("what was read reads as %q, error %v", got, err)
	}
}

func TestReadBodyBeforeADeadline(t *testing.T) {
	x, client := received(t, loaded(t, fixedConfig), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
	var p [10]byte
	for i, want := range []string{"hello", "world"} {
		n, err := x.ReadBody(p[:], int64(5*i), true, time.Now().Add(time.Hour))
		if string(p[:n]) != want || err != nil {
			t.Errorf("it reads %q, error %v, want %q", p[:n], err, want)
		}
		client.Write([]byte("world"))
	}
}

// A client that does not read holds a flush up until the deadline, not until
// the write timeout.
func TestFlushUntilADeadline(t *testing.T) {
	x, _ := received(t, loaded(t, fixedConfig), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	x.response.SetBodyString("first")
	if err := x.Flush(time.Now().Add(time.Hour)); err != nil {
		t.Errorf("a flush with time fails: %v", err)
	}
	x.response.SetBodyString(strings.Repeat("x", 64<<20)) // more than the kernel buffers
	begin := time.Now()
	if err := x.Flush(begin.Add(50 * time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
	if took := time.Since(begin); took < 40*time.Millisecond || took > 10*time.Second {
		t.Errorf("it took %v, want 50ms", took)
	}
	if !x.conn.flushBy.IsZero() {
		t.Error("the deadline outlasts the flush")
	}
}

// A client that takes a large response slowly is served as long as it goes on,
// and cut off once it does not.
func TestLargeResponseGetsOn(t *testing.T) {
	const pieces, pause = 12, 100 * time.Millisecond
	s := loaded(t, fmt.Sprintf("[server.timeouts]\nwrite = %q\n[routes.large]\nmatch = \"/\"\nrespond = {body = %q}\n", 8*pause, strings.Repeat("x", pieces*sendPiece)))
	for _, whole := range []bool{true, false} {
		client, nc := net.Pipe()
		served := make(chan struct{})
		go func() { defer close(served); s.ServeConn(nc) }()
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		var got int64
		for got < pieces*sendPiece && (whole || got == 0) {
			n, err := io.CopyN(io.Discard, client, sendPiece)
			if got += n; err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
			time.Sleep(pause)
		}
		if !whole {
			<-served
		}
		client.Close()
		<-served
	}
}
