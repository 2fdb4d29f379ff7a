package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func host(t *testing.T, config sdktest.Config) *sdktest.Host {
	return sdktest.New(t, config, sdktest.Zone("servers", 64<<10), sdktest.UpstreamPeers("servers"))
}

func named(name string) sdktest.Request {
	return sdktest.Request{Target: "/sys/log?day=1", Header: http.Header{"X-Server-Name": {name}}, Balances: "servers"}
}

// refusal runs a registration and answers what it is refused with, empty where
// it is not.
func refusal(h *sdktest.Host, body string) string {
	x := h.Begin(sdktest.Request{Method: "POST", Target: "/register", Body: body})
	if x.Run(abi.Access) == abi.Continue {
		return ""
	}
	r := x.Response()
	return fmt.Sprint(r.Status, " ", r.Header.Get("Content-Type"), " ", r.Body)
}

func registration(address, name string) string {
	return fmt.Sprintf(`{"ipAddress": %q, "host": %q, "serviceName": "s"}`, address, name)
}

func TestRoute(t *testing.T) {
	h := host(t, sdktest.Config{"port": 9000})
	for name, want := range map[string]string{
		"":  "400 Bad Request: X-Server-Name header is required for /sys requests\n",
		"a": "404 Not Found: Server 'a' is not registered\n",
	} {
		if r := h.Do(named(name)); fmt.Sprint(r.Status, " ", r.Body) != want {
			t.Errorf("%q: %d %q, want %q", name, r.Status, r.Body, want)
		}
	}
	for _, address := range []string{"10.0.0.1", "10.0.0.2:80", "2001:db8::1", "[2001:db8::1]:80", "::ffff:10.0.0.1", "10.0.0.2:80"} {
		if got := refusal(h, registration(address, "a")); got != "" {
			t.Fatalf("%s is refused: %s", address, got)
		}
		want := map[string]string{"10.0.0.1": "10.0.0.1:9000", "2001:db8::1": "[2001:db8::1]:9000", "::ffff:10.0.0.1": "10.0.0.1:9000"}[address]
		if want == "" {
			want = address
		}
		for range 2 {
			x := h.Begin(named("a"))
			if action := x.Run(abi.Access); action != abi.Continue {
				t.Fatalf("%s: %d", address, x.Response().Status)
			}
			if got := x.Balance(); got != want {
				t.Errorf("%s: the request goes to %q, want %q", address, got, want)
			}
		}
	}
	if peers := h.Peers("servers"); len(peers) != 4 {
		t.Errorf("the peers are %v", peers)
	}
}

// The answers are those of the API behind.
func TestRegister(t *testing.T) {
	h := host(t, nil)
	long := strings.Repeat("x", 101)
	for body, want := range map[string]string{
		"":     "400 Empty request body",
		"{":    "400 Invalid JSON",
		"{}":   "400 ipAddress, host, and serviceName are required",
		"[]":   "400 ipAddress, host, and serviceName are required",
		"null": "400 ipAddress, host, and serviceName are required",
		`{"ipAddress": 1, "host": "a", "serviceName": "s"}`:                     "400 ipAddress, host, and serviceName are required",
		`{"ipAddress": "10.0.0.1", "host": "", "serviceName": "s"}`:             "400 ipAddress, host, and serviceName are required",
		registration("10.0.0.1", long):                                          "400 Field length exceeds 100 characters",
		registration(long, "a"):                                                 "400 Field length exceeds 100 characters",
		`{"ipAddress": "10.0.0.1", "host": "a", "serviceName": "` + long + `"}`: "400 Field length exceeds 100 characters",
		registration("example.com", "a"):                                        "400 ipAddress must be an IP address, with a port or without, or the name of a peer",
		registration("10.0.0.1:0", "a"):                                         "400 ipAddress must be an IP address, with a port or without, or the name of a peer",
		registration("10.0.0.1:80/x", "a"):                                      "400 ipAddress must be an IP address, with a port or without, or the name of a peer",
		registration("unix:/run/x.sock", "a"):                                   "400 ipAddress must be an IP address, with a port or without, or the name of a peer",
		registration("fe80::1%eth0", "a"):                                       "400 ipAddress must be an IP address, with a port or without, or the name of a peer",
		registration("127.0.0.1", "a"):                                          "400 ipAddress is not where servers may be",
		registration("[::1]:80", "a"):                                           "400 ipAddress is not where servers may be",
		registration("::ffff:127.0.0.1", "a"):                                   "400 ipAddress is not where servers may be",
		registration("::127.0.0.1", "a"):                                        "400 ipAddress is not where servers may be",
		registration("64:ff9b::7f00:1", "a"):                                    "400 ipAddress is not where servers may be",
		registration("169.254.169.254", "a"):                                    "400 ipAddress is not where servers may be",
		registration("100.100.100.200", "a"):                                    "400 ipAddress is not where servers may be",
		registration("fe80::1", "a"):                                            "400 ipAddress is not where servers may be",
		registration("0.0.0.0:80", "a"):                                         "400 ipAddress is not where servers may be",
		registration("224.0.0.1", "a"):                                          "400 ipAddress is not where servers may be",
		strings.Repeat(" ", maxBody) + "{}":                                     "413 Request body too large",
	} {
		status, message, _ := strings.Cut(want, " ")
		want := fmt.Sprintf("%s application/json {\"result\":{\"success\":false,\"error\":%q}}\n", status, message)
		if got := refusal(h, body); got != want {
			t.Errorf("%.80s: %s, want %s", body, got, want)
		}
	}
	x := h.Begin(sdktest.Request{Method: "PUT", Target: "/register", Body: registration("10.0.0.1", "a")})
	x.Run(abi.Access)
	if r := x.Response(); r.Status != 405 || r.Header.Get("Allow") != "POST" || r.Body != "{\"result\":{\"success\":false,\"error\":\"Method Not Allowed\"}}\n" {
		t.Errorf("%d %v %q", r.Status, r.Header, r.Body)
	}
	if r := h.Do(named("a")); r.Status != 404 {
		t.Errorf("something is registered: %d", r.Status)
	}
}

// A full zone refuses more, and nobody loses what is registered.
func TestFull(t *testing.T) {
	h := host(t, nil)
	n, got := 0, ""
	for ; got == ""; n++ {
		got = refusal(h, registration("10.0.0.1", fmt.Sprint("server", n)))
	}
	if !strings.HasPrefix(got, "500 ") || !strings.Contains(got, `"Failed to save server mapping"`) {
		t.Error(got)
	}
	x := h.Begin(named("server0"))
	if x.Run(abi.Access); x.Balance() != "10.0.0.1:80" || n < 400 {
		t.Errorf("after %d servers the first is gone", n)
	}
}

// Where the upstream is full, peers go that nobody is registered at.
func TestForget(t *testing.T) {
	peers := []sdk.Peer{{Address: "10.0.0.1:80"}}
	for n := range 1023 {
		peers = append(peers, sdk.Peer{Address: fmt.Sprintf("10.1.0.1:%d", n+1)})
	}
	h := sdktest.New(t, nil, sdktest.Zone("servers", 64<<10), sdktest.UpstreamPeers("servers", peers...))
	refusal(h, registration("10.0.0.1", "a"))
	refusal(h, registration("10.0.0.2", "b"))
	x := h.Begin(named("b"))
	x.Run(abi.Access)
	if got := x.Balance(); got != "10.0.0.2:80" {
		t.Errorf("it goes to %q", got)
	}
	if left := h.Peers("servers"); len(left) != 2 {
		t.Errorf("%d peers are left", len(left))
	}
}

// A name is good where the configuration has it among the peers, and it stays
// there.
func TestNames(t *testing.T) {
	peers := []sdk.Peer{{Name: "payment-pod-xyz:8000", Address: "10.0.0.9:8000"}, {Name: "unused:1", Address: "10.0.0.8:1"}}
	for n := range 1022 {
		peers = append(peers, sdk.Peer{Address: fmt.Sprintf("10.1.0.1:%d", n+1)})
	}
	h := sdktest.New(t, sdktest.Config{"port": 8000}, sdktest.Zone("servers", 64<<10), sdktest.UpstreamPeers("servers", peers...))
	for _, name := range []string{"payment-pod-xyz", "payment-pod-xyz:8000"} {
		if got := refusal(h, registration(name, "payment")); got != "" {
			t.Errorf("%s is refused: %s", name, got)
		}
		x := h.Begin(named("payment"))
		x.Run(abi.Access)
		if got := x.Balance(); got != "10.0.0.9:8000" {
			t.Errorf("%s: it goes to %q", name, got)
		}
	}
	if got := refusal(h, registration("payment-pod-xyz:80", "payment")); !strings.HasPrefix(got, "400 ") {
		t.Errorf("another port: %q", got)
	}
	refusal(h, registration("10.0.0.2", "b"))
	x := h.Begin(named("b"))
	x.Run(abi.Access)
	if got := x.Balance(); got != "10.0.0.2:8000" || len(h.Peers("servers")) != 3 {
		t.Errorf("it goes to %q, with %d peers", got, len(h.Peers("servers")))
	}
}

// What is in the file may be wrong, and what is allowed may have changed.
func TestMapping(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"networks": []any{"127.0.0.0/8"}}, sdktest.UpstreamPeers("servers"),
		sdktest.ReadZone("servers", map[string]string{"here": "127.0.0.1:9", "name": "payment-pod-xyz", "socket": "unix:/run/app.sock", "else": "10.0.0.1"}))
	for name, want := range map[string]int{"here": 200, "else": 502} {
		x := h.Begin(named(name))
		x.Run(abi.Access)
		if got := x.Response().Status; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	for _, name := range []string{"name", "socket"} {
		x := h.Begin(named(name))
		if x.Run(abi.Access); x.Balance() != "" || x.Response().Status != 502 {
			t.Errorf("a request to a %s goes somewhere", name)
		}
	}
	x := h.Begin(sdktest.Request{Balances: "servers"})
	if x.Balance() != "" || x.Response().Status != 502 {
		t.Error("a request that has not come by access goes somewhere")
	}
}

func TestConfiguration(t *testing.T) {
	for want, config := range map[string]sdktest.Config{
		"config.port is not between 1 and 65535":    {"port": 0},
		`config.networks: "10.0.0.1" is no network`: {"networks": []any{"10.0.0.1"}},
		"config.networks":                           {"networks": "10.0.0.0/8"},
	} {
		if _, err := sdktest.Start(config, sdktest.Zone("servers", 0), sdktest.UpstreamPeers("servers")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
