package httpclient

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"phasm/sdk/abi"
)

const short = 50 * time.Millisecond

// Each step has a limit of its own, and the error names it.
func TestLimits(t *testing.T) {
	silent := listen(t, nil) // accepts, and says nothing
	stuck := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	slowBody := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	reads := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	for _, test := range []struct {
		name, url string
		limits    Limits
		stream    bool
		reason    string
		body      string
	}{
		{"TLS", "https://" + silent, Limits{TLS: short}, false, "it took too long: the TLS handshake may take 50ms", ""},
		{"first byte", stuck.URL, Limits{Header: short}, false, "it took too long: the first byte of the response may take 50ms", ""},
		{"all, before the head", stuck.URL, Limits{Total: short}, false, "it took too long: the request may take 50ms", ""},
		{"all, in TLS", "https://" + silent, Limits{Total: short}, false, "it took too long: the request may take 50ms", ""},
		{"all, in the body", slowBody.URL, Limits{Total: 10 * short, Header: 9 * short}, false, "it took too long: the request may take 500ms", "begin"},
		{"all, in the request's body", "http://" + reads, Limits{Total: short, Header: time.Millisecond}, true, "it took too long: the request may take 50ms", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := get(t, test.url)
			r.Limits, r.Stream = test.limits, test.stream
			begin := time.Now()
			a := do(t, client(t, Options{}), r)
			a.wantError(t, abi.Timeout, test.reason)
			if took := time.Since(begin); took < short {
				t.Errorf("it took %v only", took)
			}
			if a.body != test.body {
				t.Errorf("the body is %q", a.body)
			}
		})
	}
}

// A listener whose queue is full answers nobody's SYN: connecting takes for ever.
func TestConnectLimit(t *testing.T) {
	address := full(t)
	r := get(t, "http://"+address)
	r.Limits.Connect = short
	do(t, client(t, Options{}), r).wantError(t, abi.Timeout, "it took too long: connecting may take 50ms")
}

// A name server that does not answer belongs to connecting.
func TestLookupLimit(t *testing.T) {
	r := get(t, "http://silent.example.")
	r.Limits.Connect = short
	do(t, client(t, Options{Resolver: resolver(t, nil)}), r).wantError(t, abi.Timeout, "connecting may take")
}

// A connection that is used again has no limit left over from its first use.
func TestLimitsEnd(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	c := client(t, Options{})
	for i := range 3 {
		r := get(t, s.URL)
		if i < 2 {
			r.Limits = Limits{Connect: 5 * time.Second, TLS: time.Nanosecond, Header: 5 * time.Second}
		}
		if a := do(t, c, r); a.body != "/" {
			t.Errorf("request %d: %+v", i, a)
		}
	}
}
