package openloop

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve has a server answer, and a load ask it for "/0" to "/9".
func serve(t *testing.T, handler http.HandlerFunc) *Load {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	o := Options{Address: strings.TrimPrefix(s.URL, "http://"), Connections: 4, Status: 200}
	for n := range 10 {
		o.Requests = append(o.Requests, fmt.Appendf(nil, "GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n", n))
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func run(t *testing.T, l *Load, rate float64, period time.Duration) Result {
	t.Helper()
	got, err := l.Run(rate, period)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Each request that the server has seen is accounted for.
func TestRun(t *testing.T) {
	var asked, wrong, lost atomic.Int64
	l := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/1":
			wrong.Add(1)
			w.WriteHeader(404)
		case "/2":
			lost.Add(1)
			panic(http.ErrAbortHandler)
		case "/3":
			w.Header().Set("Connection", "close")
		case "/4":
			w.Write(bytes.Repeat([]byte("long"), 100_000)) // chunked
		case "/5":
			w.(http.Flusher).Flush() // chunked and empty
		}
	})
	for _, rate := range []float64{0, 1000} {
		asked.Store(0)
		wrong.Store(0)
		lost.Store(0)
		got := run(t, l, rate, 100*time.Millisecond)
		if int64(len(got.Times)) != asked.Load()-lost.Load() || int64(got.Lost) != lost.Load() || int64(got.Wrong) != wrong.Load() || lost.Load() == 0 || wrong.Load() == 0 {
			t.Errorf("at rate %v: %d answers, %d wrong, %d lost; the server has seen %d, %d, %d",
				rate, len(got.Times), got.Wrong, got.Lost, asked.Load(), wrong.Load(), lost.Load())
		}
		if n := len(got.Times) + got.Lost; rate > 0 && (n < 50 || n > 200) {
			t.Errorf("%d requests in 100 ms at a rate of %v a second", n, rate)
		}
	}
}

// A server that stops for a while is seen as those see it who come meanwhile,
// though there are not as many connections as there are of them.
func TestRequestsThatWaitAreCounted(t *testing.T) {
	const stop = 200 * time.Millisecond
	begin := time.Now()
	l := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Until(begin.Add(stop))) })
	got := run(t, l, 1000, 2*stop)
	if p := got.Percentile(75); p < stop/4 {
		t.Errorf("but for a quarter of the requests none took more than %v, and the server stood still for half of the time", p)
	}
}

func TestAnswer(t *testing.T) {
	for _, whole := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n0\r\r\n0\r\n\r\n",
	} {
		for cut := 1; cut < len(whole); cut++ {
			var a answer
			a.begin()
			if a.add([]byte(whole[:cut])) {
				t.Errorf("%q is taken for an answer", whole[:cut])
			} else if !a.add([]byte(whole[cut:])) || a.status != 200 {
				t.Errorf("%q, read in two parts, is no answer of status 200: %+v", whole, a)
			}
		}
	}
}
