package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// A kept connection is closed as soon as its peer closes it, or says what nobody
// has asked for: that must not become the answer to the next request.
func TestKeptConnectionsAreListenedTo(t *testing.T) {
	for name, last := range map[string]func(net.Conn){
		"unasked": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked") },
		"closed":  func(c net.Conn) { c.(*net.TCPConn).CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			received, dropped := make(chan bool), make(chan bool)
			peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
				http.ReadRequest(r)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nasked")
				<-received
				last(c)
				_, err := r.ReadByte()
				dropped <- err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
			})
			s := start(t, proxyConfig("", peer))
			for range 20 {
				if got := s.get("/"); got != "asked" {
					t.Fatalf("the answer is %q", got)
				}
				received <- true
				if !<-dropped {
					t.Fatal("the connection is used further")
				}
			}
		})
	}
}

// Exchanges that rest for long go on by themselves: time limits hold, and what
// comes late is taken.
func TestLongRest(t *testing.T) {
	t.Parallel()
	peer := rawPeer(t, func(c net.Conn, r *bufio.Reader) {
		for {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			wait, _ := time.ParseDuration(request.URL.Query().Get("wait"))
			time.Sleep(wait)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(wait.String()), wait)
		}
	})
	s := start(t, proxyConfig("read_timeout = \"2s\"", peer))
	var asking sync.WaitGroup
	for wait, want := range map[time.Duration]string{
		time.Millisecond: "1ms", 90 * time.Millisecond: "90ms", 300 * time.Millisecond: "300ms", 1500 * time.Millisecond: "1.5s",
		3 * time.Second: "504 Gateway Timeout\n",
	} {
		for _, method := range []string{"GET", "POST"} {
			asking.Go(func() {
				begin := time.Now()
				r := s.do(method, "/?wait="+wait.String(), "Content-Length: 0")
				if took := time.Since(begin); r.body != want || took < min(wait, 2*time.Second) {
					t.Errorf("%s that is answered after %s: %q after %v", method, wait, r.body, took)
				}
			})
		}
	}
	asking.Wait()
}
