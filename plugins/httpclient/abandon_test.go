package httpclient

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"phasm/sdk/abi"
)

// What connects for a request that nobody wants any more does not go on for
// itself, and as long as it does the request has not ended: else a plugin could
// pile up connections that come to nothing, each for half a minute.
func TestConnectingEndsWithTheRequest(t *testing.T) {
	silent := listen(t, nil)
	for _, url := range []string{"https://" + silent, "http://" + full(t)} {
		c := client(t, Options{})
		before := runtime.NumGoroutine()
		const requests = 20
		var ended atomic.Int32
		for i := range requests {
			r := get(t, url)
			r.Limits = Limits{Connect: 20 * time.Second, TLS: 20 * time.Second}
			if i%2 == 0 {
				r.Limits.Total = short
			}
			r.Ended = func() { ended.Add(1) }
			x := c.Start(r)
			if i%2 == 0 {
				if _, errno := await(t, x, x.Status); errno != abi.Timeout {
					t.Errorf("it answers %v", errno)
				}
			}
			x.Close()
		}
		c.running.Wait()
		settled(t, before)
		if n := ended.Load(); n != requests {
			t.Errorf("%d requests ended %d times", requests, n)
		}
	}
}

// A client that is closed does not wait for a plugin that reads nothing, nor for
// one that sends nothing.
func TestCloseDoesNotWaitForThePlugin(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write(make([]byte, 64<<10))
		}
	})
	quiet := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	c := New(Options{})
	idle := c.Start(get(t, s.URL))
	defer idle.Close()
	await(t, idle, idle.Status)
	r := get(t, "http://"+quiet)
	r.Method, r.Stream = "POST", true
	empty := c.Start(r)
	defer empty.Close()
	closed := make(chan struct{})
	go func() { c.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("it waits for a plugin")
	}
}

// The limit of the whole holds for a request whose body is not all there when
// its connection ends.
func TestLimitInABrokenUpload(t *testing.T) {
	breaks := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 4<<10))
		c.Close()
	})
	r := get(t, "http://"+breaks)
	r.Method, r.Stream, r.Limits = "POST", true, Limits{Total: 10 * short}
	x := client(t, Options{}).Start(r)
	defer x.Close()
	x.Write([]byte("begin"))
	if _, errno := await(t, x, x.Status); errno != abi.Timeout && errno != abi.IO {
		t.Errorf("it answers %v, %s", errno, x.Reason())
	}
}

// A detached request is over at last, whatever the server sends: nobody counts
// what it takes.
func TestDetachedIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 1<<20))
	z.Close()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		for err := error(nil); err == nil; {
			_, err = w.Write(bomb.Bytes())
		}
	})
	c := client(t, Options{})
	for _, early := range []bool{true, false} {
		r := get(t, s.URL)
		r.Decompress = true
		x := c.Start(r)
		if !early {
			await(t, x, x.Status)
		}
		ended := make(chan struct{})
		x.Detach(func() { close(ended) })
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("it goes on")
		}
	}
}
