package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/server/config"
)

// gatewayConfig is the example of a gateway, in front of SERVICE.
const gatewayConfig = `
[server.limits]
body = "200MiB"
[zones.rates]
size = "1MiB"
[plugins.gateway]
source = "../../wasm-examples/api-gateway"
config = { service = "http://SERVICE", tokens = ["t"], limit = 100000, timeout = "TIMEOUT" }
[plugins.gateway.limits]
cpu = "30s"
wall = "WALL"
[plugins.gateway.grants]
zones = ["rates"]
http = ["SERVICE"]
[routes.all]
match = "/"
access = ["gateway"]
content = "gateway"
`

// startGateway serves the gateway in front of a handler.
func startGateway(t *testing.T, timeout, wall string, h http.HandlerFunc) *testServer {
	t.Helper()
	service := httptest.NewServer(h)
	t.Cleanup(service.Close)
	return start(t, strings.NewReplacer("SERVICE", service.Listener.Addr().String(), "TIMEOUT", timeout, "WALL", wall).Replace(gatewayConfig))
}

const token = "Authorization: Bearer t"

// A hundred megabytes pass through a plugin in either direction, and at no time
// is more of them in memory than buffers hold.
func TestGatewayStreams(t *testing.T) {
	const length = streamLength
	s := startGateway(t, "30s", "60s", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, " ", r.ContentLength)
			return
		}
		piece := strings.Repeat("x", 1<<20)
		for range length >> 20 {
			io.WriteString(w, piece)
		}
	})
	var most uint64
	watch := func() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	watch()
	before := most

	body := &counted{left: length, each: watch}
	r, err := http.NewRequest("POST", "http://"+s.address+"/up", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer t")
	defer closeIdleConnections()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if want := fmt.Sprint(length, " ", length); string(text) != want {
		t.Errorf("the service got %q, want %q", text, want)
	}

	r, _ = http.NewRequest("GET", "http://"+s.address+"/down", nil)
	r.Header.Set("Authorization", "Bearer t")
	if resp, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(&counted{each: watch}, resp.Body)
	if n != length || err != nil {
		t.Errorf("the client got %d bytes, error %v", n, err)
	}
	if grown := int64(most) - int64(before); grown > 24<<20 && length == 100<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

// counted is a body that looks at the memory once in 8 MiB.
type counted struct {
	left, done int64
	each       func()
}

func (c *counted) pass(n int) {
	if c.done>>23 != (c.done+int64(n))>>23 {
		c.each()
	}
	c.done += int64(n)
}

func (c *counted) Read(p []byte) (int, error) {
	n := int(min(int64(len(p)), c.left))
	if n == 0 {
		return 0, io.EOF
	}
	c.left -= int64(n)
	c.pass(n)
	return n, nil
}

func (c *counted) Write(p []byte) (int, error) {
	c.pass(len(p))
	return len(p), nil
}

// A client that leaves, or a call that lasts too long, takes the request to the
// service with it.
func TestGatewayCancels(t *testing.T) {
	for _, test := range []struct {
		name, timeout, wall string
		leave               bool
		status              []int
	}{
		{"the client leaves", "30s", "60s", true, nil},
		{"the call is over", "30s", "200ms", false, []int{500, 504}}, // it may have just enough steps left to say 504
		{"the service is slow", "200ms", "30s", false, []int{504}},
	} {
		t.Run(test.name, func(t *testing.T) {
			arrived, cancelled := make(chan struct{}, 1), make(chan struct{}, 1)
			s := startGateway(t, test.timeout, test.wall, func(_ http.ResponseWriter, r *http.Request) {
				arrived <- struct{}{}
				<-r.Context().Done()
				cancelled <- struct{}{}
			})
			c := s.dial()
			c.send("GET /slow HTTP/1.1\nHost: a\n" + token + "\n\n")
			<-arrived
			if test.leave {
				c.Close()
			} else if r := c.receive("GET"); !slices.Contains(test.status, r.StatusCode) {
				t.Errorf("the client gets %d %q, want %v", r.StatusCode, r.body, test.status)
			}
			select {
			case <-cancelled:
			case <-time.After(10 * time.Second):
				t.Error("the request to the service goes on")
			}
		})
	}
}

// An answer that breaks off in the middle must not look like a whole one.
func TestGatewayBreaksOff(t *testing.T) {
	s := startGateway(t, "30s", "60s", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100<<10))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	c := s.dial()
	c.send("GET / HTTP/1.1\nHost: a\n" + token + "\n\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("after %d bytes the answer ends as if it were whole", n)
	}
}

// What is wrong with the authorities to trust stands on its line.
func TestBadAuthorities(t *testing.T) {
	file := filepath.Join("testdata", "test.toml")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(envConfig, "[routes.env]", "[plugins.env.grants]\nenv = [\"TOKEN\"]\nhttp_ca = \""+ca+"\"\n[routes.env]", 1)
	c, err := config.Parse(file, []byte(text+listenerTables))
	if err != nil {
		t.Fatal(err)
	}
	c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
	_, err = New(t.Context(), c, Options{Cache: testCache()})
	want := file + `:6: plugins.env.grants.http_ca: "` + ca + `" holds no certificate: it must begin with -----BEGIN CERTIFICATE-----`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// Lines reach the collector, those of the last second at the server's end, and
// a collector that never answers holds nobody up.
func TestLogShipper(t *testing.T) {
	const shipper = `
[zones.lines]
size = "1MiB"
[server.phases]
log = ["log-shipper"]
[plugins.log-shipper]
source = "../../wasm-examples/log-shipper"
config = { collector = "http://SERVICE/logs", interval = "INTERVAL", timeout = "1s" }
grants = { http = ["SERVICE"], zones = ["lines"] }
[routes.home]
match = "/{$}"
respond = { body = "home\n" }
`
	for _, test := range []struct {
		interval string
		stuck    bool
	}{{"10ms", false}, {"1h", false}, {"10ms", true}} {
		bodies := make(chan string, 100)
		release := make(chan struct{})
		service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies <- string(body)
			if test.stuck {
				<-release
			}
		}))
		s := start(t, strings.NewReplacer("SERVICE", service.Listener.Addr().String(), "INTERVAL", test.interval).Replace(shipper))
		c := s.dial()
		const n = 5
		for range n {
			c.send("GET / HTTP/1.1\nHost: a\n\n")
			if r := c.receive("GET"); r.body != "home\n" {
				t.Errorf("got %d %q", r.StatusCode, r.body)
			}
		}
		if test.interval == "1h" {
			c.Close()
			s.stop()
		}
		lines := 0
		for lines < n {
			select {
			case body := <-bodies:
				lines += strings.Count(body, `"uri":"/","method":"GET"`)
			case <-time.After(10 * time.Second):
				t.Fatalf("%+v: the collector has %d lines of %d", test, lines, n)
			}
		}
		close(release)
		s.stop()
		service.Close()
	}
}
