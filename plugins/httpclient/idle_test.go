package httpclient

import (
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// The connections that are kept are bounded, however many servers there are.
func TestIdleIsBounded(t *testing.T) {
	var open atomic.Int32
	c := client(t, Options{Idle: 3})
	for range 8 {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			}
		}
		s.Start()
		t.Cleanup(s.Close)
		do(t, c, get(t, s.URL))
	}
	for deadline := time.Now().Add(10 * time.Second); open.Load() > 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections stay open", open.Load())
		}
	}
}

// A connection that has died without a word is found out: requests share it, and
// each would wait in vain.
func TestDeadConnection(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	dead := make(chan struct{})
	var connections atomic.Int32
	way := listen(t, func(c net.Conn) {
		to, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			return
		}
		defer to.Close()
		if connections.Add(1) == 1 {
			go func() {
				<-dead
				to.Close() // what comes from now on is read by nobody
			}()
		}
		go io.Copy(to, c)
		io.Copy(c, to)
		<-t.Context().Done()
	})
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := client(t, Options{Roots: roots, Ping: short})
	send := func() answer {
		r := get(t, "https://"+way)
		r.Limits = Limits{Header: time.Minute, Total: time.Minute}
		return do(t, c, r)
	}
	if a := send(); a.body != "HTTP/2.0" {
		t.Fatalf("got %+v", a)
	}
	close(dead)
	send() // it is taken for alive, or not any more
	if a := send(); a.body != "HTTP/2.0" {
		t.Errorf("on a connection of its own: %+v", a)
	}
}
