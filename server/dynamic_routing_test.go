package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const dynamicRoutingConfig = `
[zones.servers]
size = "64KiB"
file = "server_mapping.json"
[upstreams.servers]
peers = []
balancer = "dynamic-routing"
tries = 1
[upstreams.api]
peers = ["API"]
[plugins.dynamic-routing]
source = "TESTDATA/../../wasm-examples/dynamic-routing"
config = {networks = ["127.0.0.0/8"]}
limits = {cpu = "10s"}
[plugins.dynamic-routing.grants]
zones = ["servers"]
upstreams = ["servers"]
[routes.sys]
match = "/sys/"
access = ["dynamic-routing"]
upstream = "servers"
[routes.register]
match = "/register"
access = ["dynamic-routing"]
upstream = "api"
`

// namedPeer answers who it is, and what it was asked.
func namedPeer(t *testing.T, name string) (address string) {
	url := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s: %s %s %s", name, r.Method, r.RequestURI, body)
	})
	return strings.TrimPrefix(url, "http://")
}

// register registers a server and answers what the client gets.
func (s *testServer) register(address, name string) string {
	s.t.Helper()
	body := fmt.Sprintf(`{"ipAddress": %q, "host": %q, "serviceName": "logs"}`, address, name)
	c := s.dial()
	defer c.Close()
	c.send("POST /register HTTP/1.1\nHost: a\nContent-Length: " + fmt.Sprint(len(body)) + "\n\n")
	io.WriteString(c, body)
	r := c.receive("POST")
	return fmt.Sprint(r.StatusCode, " ", r.body)
}

// askServer asks for a path at a server by its name.
func (s *testServer) askServer(name, target string) string {
	s.t.Helper()
	r := s.do("GET", target, "X-Server-Name: "+name)
	return fmt.Sprint(r.StatusCode, " ", r.body)
}

// The example routes to servers that register while it serves, and to those
// that somebody writes into the file, also after a restart.
func TestDynamicRouting(t *testing.T) {
	one, two := namedPeer(t, "one"), namedPeer(t, "two")
	s := startFile(t, strings.ReplaceAll(dynamicRoutingConfig, "API", namedPeer(t, "api")))
	want := func(name, target, answer string) {
		t.Helper()
		if got := s.askServer(name, target); got != answer {
			t.Errorf("%s %s: %q, want %q", name, target, got, answer)
		}
	}
	const unknown = "404 Not Found: Server 'user-service' is not registered\n"
	if r := s.do("GET", "/sys/log"); r.StatusCode != 400 || r.body != "Bad Request: X-Server-Name header is required for /sys requests\n" {
		t.Errorf("without the header: %d %q", r.StatusCode, r.body)
	}
	want("", "/sys/log", "400 Bad Request: X-Server-Name header is required for /sys requests\n")
	want("user-service", "/sys/log", unknown)

	// A registration goes on to the API, with its body.
	sent := fmt.Sprintf(`{"ipAddress": %q, "host": "user-service", "serviceName": "logs"}`, one)
	if got := s.register(one, "user-service"); got != "200 api: POST /register "+sent {
		t.Errorf("registered: %q", got)
	}
	want("user-service", "/sys/log/a%20b?day=1&x=%2F", "200 one: GET /sys/log/a%20b?day=1&x=%2F ")
	s.register(two, "order-service")
	want("order-service", "/sys/log", "200 two: GET /sys/log ")
	want("user-service", "/sys/log", "200 one: GET /sys/log ")
	s.register(two, "user-service") // it has moved
	want("user-service", "/sys/log", "200 two: GET /sys/log ")
	for request, answer := range map[string]string{
		"GET /register HTTP/1.1\nHost: a\n\n":                                          "405 POST Method Not Allowed",
		"POST /register HTTP/1.1\nHost: a\nContent-Length: 0\n\n":                      "400  Empty request body",
		"POST /register HTTP/1.1\nHost: a\nContent-Length: 1\n\n{":                     "400  Invalid JSON",
		"POST /register HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}":                    "400  ipAddress, host, and serviceName are required",
		"POST /register HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n2\n[]\n0\n\n": "400  ipAddress, host, and serviceName are required",
	} {
		c := s.dial()
		c.send(request)
		r := c.receive("POST")
		status, message, _ := strings.Cut(answer, " ")
		allow, message, _ := strings.Cut(message, " ")
		if got, want := fmt.Sprint(r.StatusCode, r.Header.Get("Allow"), r.body), status+allow+`{"result":{"success":false,"error":"`+message+"\"}}\n"; got != want {
			t.Errorf("%q: %s, want %s", request, got, want)
		}
	}
	if got := s.register("169.254.169.254:80", "cloud"); !strings.HasPrefix(got, "400 ") {
		t.Errorf("a cloud's metadata: %s", got)
	}

	s.stop()
	s = startFileIn(t, s.dir)
	want("order-service", "/sys/log", "200 two: GET /sys/log ")
	want("user-service", "/sys/log", "200 two: GET /sys/log ")

	file := filepath.Join(s.dir, "server_mapping.json")
	edit := func(text string) {
		t.Helper()
		writeFile(t, s.dir, "edited.json", text)
		if err := os.Rename(filepath.Join(s.dir, "edited.json"), file); err != nil {
			t.Fatal(err)
		}
	}
	follows := func(name, answer string) {
		t.Helper()
		if !eventually(func() bool { return s.askServer(name, "/sys/") == answer }) {
			t.Errorf("%s: %q, want %q", name, s.askServer(name, "/sys/"), answer)
		}
	}
	edit(fmt.Sprintf(`{"user-service": %q, "pod": "payment-pod-xyz"}`, one))
	follows("user-service", "200 one: GET /sys/ ")
	follows("pod", "502 502 Bad Gateway\n")
	follows("order-service", "404 Not Found: Server 'order-service' is not registered\n")
	good := fmt.Sprintf(`{"user-service": %q}`, two)
	for _, bad := range []string{"", "{", "[]"} {
		edit(good)
		follows("user-service", "200 two: GET /sys/ ")
		edit(bad)
		follows("user-service", unknown)
	}
	edit(good)
	follows("user-service", "200 two: GET /sys/ ")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	follows("user-service", unknown)
	if n := s.metrics.reloads.succeeded.Get(); n != 0 {
		t.Errorf("it took %d reloads", n)
	}
}

// Requests to servers that nobody has asked before find each its own, also
// while others do the same.
func TestDynamicRoutingAtOnce(t *testing.T) {
	s := startFile(t, strings.ReplaceAll(dynamicRoutingConfig, "API", closedAddress(t)))
	const servers = 16
	k := s.generation.Load().zones["servers"]
	for n := range servers {
		keptZone{s, k, ""}.set(fmt.Sprint("s", n), namedPeer(t, fmt.Sprint("s", n)))
	}
	var asking sync.WaitGroup
	for n := range 4 * servers {
		asking.Go(func() {
			name := fmt.Sprint("s", n%servers)
			if got, want := s.askServer(name, "/sys/"), "200 "+name+": GET /sys/ "; got != want {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
	asking.Wait()
	if n := len(s.group("servers").Peers()); n != servers {
		t.Errorf("%d peers for %d servers", n, servers)
	}
}
