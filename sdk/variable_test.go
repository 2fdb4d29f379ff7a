//go:build !wasip1

package sdk_test

import (
	"net/http"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestVariables(t *testing.T) {
	request := sdktest.Request{
		Target: "/p%61th?a=1", Host: "API.Example.com:8443", TLS: true, RemoteAddr: "[2001:db8::1]:99", Route: "api",
		Header: http.Header{"User-Agent": {"tester"}, "Cookie": {"session=s1; theme=dark"}},
	}
	during(t, abi.Log, request, func(r *sdk.Request) {
		equal(t, "remote address", r.RemoteAddr(), "2001:db8::1")
		equal(t, "scheme", r.Scheme(), "https")
		equal(t, "host", r.Host(), "api.example.com")
		equal(t, "protocol", r.Protocol(), "HTTP/1.1")
		equal(t, "id", r.ID(), "00000000000000000000000000000001")
		equal(t, "session", r.Cookie("session"), "s1")
		equal(t, "theme", r.Cookie("theme"), "dark")
		equal(t, "no cookie", r.Cookie("none"), "")
		for name, want := range map[string]string{
			"args": "a=1", "arg_a": "1", "uri": "/path", "request_uri": "/p%61th?a=1", "request_method": "GET",
			"http_user_agent": "tester", "remote_port": "99", "route": "api", "server_port": "8080", "status": "200",
			"request_time": "0.000000", "nothing": "",
		} {
			equal(t, name, r.Variable(name), want)
		}
		appended(t, "route", "api", func(dst []byte) ([]byte, error) { return r.AppendVariable(dst, "route") })
		notThere(t, "none", func(dst []byte) ([]byte, error) { return r.AppendVariable(dst, "none") })
	})
}
