package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
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
	type asked struct {
		*client
		method string
		wait   time.Duration
		begin  time.Time
	}
	var all []asked // those that wait for longer behind those that do not
	for _, wait := range []time.Duration{time.Millisecond, 90 * time.Millisecond, 300 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second} {
		for _, method := range []string{"GET", "POST"} {
			a := asked{s.dial(), method, wait, time.Now()}
			a.send(method + " /?wait=" + wait.String() + " HTTP/1.1\nHost: test\nContent-Length: 0\n\n")
			all = append(all, a)
		}
	}
	for _, a := range all {
		want, least := a.wait.String(), a.wait
		if a.wait > 2*time.Second {
			want, least = "504 Gateway Timeout\n", 2*time.Second
		}
		r := a.receive(a.method)
		if took := time.Since(a.begin); r.body != want || took < least {
			t.Errorf("%s that is answered after %s: %q after %v", a.method, a.wait, r.body, took)
		}
	}
}
