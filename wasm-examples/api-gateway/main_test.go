package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

var (
	config = sdktest.Config{"service": "http://service:9000", "tokens": []any{"other", "letmein"}, "limit": 2}
	known1 = http.Header{"Authorization": {"Bearer letmein"}}
)

// gateway is the gateway in front of a service.
func gateway(t *testing.T, service func(sdktest.HTTPRequest) sdktest.HTTPResponse) *sdktest.Host {
	return sdktest.New(t, config, sdktest.Zone("rates", 1<<20), sdktest.HTTP("service:9000", service))
}

func TestToken(t *testing.T) {
	h := gateway(t, func(sdktest.HTTPRequest) sdktest.HTTPResponse { return sdktest.HTTPResponse{Body: "in"} })
	for credentials, status := range map[string]int{
		"": 401, "letmein": 401, "Bearer": 401, "Bearer ": 401, "Bearer letmei": 401, "Bearer letmeinn": 401, "Basic letmein": 401,
		"Bearer letmein": 200, "Bearer other": 200,
	} {
		resp := h.Do(sdktest.Request{Header: http.Header{"Authorization": {credentials}}})
		if resp.Status != status || status == 401 && (resp.Body != "Unauthorized\n" || resp.Header.Get("Www-Authenticate") != "Bearer") {
			t.Errorf("%q: got %d %q", credentials, resp.Status, resp.Body)
		}
	}
}

func TestLimit(t *testing.T) {
	h := gateway(t, func(sdktest.HTTPRequest) sdktest.HTTPResponse { return sdktest.HTTPResponse{} })
	ask := func(client string) *sdktest.Response {
		return h.Do(sdktest.Request{Header: known1, RemoteAddr: client + ":1"})
	}
	for i, want := range []int{200, 200, 429} {
		h.Advance(5*time.Second + 1)
		if got := ask("192.0.2.1"); got.Status != want {
			t.Errorf("request %d: %d, want %d", i, got.Status, want)
		} else if want == 429 && (got.Body != "API rate limit exceeded\n" || got.Header.Get("X-Ratelimit-Limit") != "2" ||
			got.Header.Get("X-Ratelimit-Remaining") != "0" || got.Header.Get("Retry-After") != "50") {
			t.Errorf("got %q %v", got.Body, got.Header)
		}
	}
	if got := ask("192.0.2.2").Status; got != 200 {
		t.Errorf("another client: %d", got)
	}
	h.Advance(50 * time.Second)
	if got := ask("192.0.2.1").Status; got != 200 {
		t.Errorf("a minute later: %d", got)
	}
}

func TestForward(t *testing.T) {
	var got sdktest.HTTPRequest
	h := gateway(t, func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
		got = r
		return sdktest.HTTPResponse{Status: 201, Header: http.Header{"X-B": {"1", "2"}, "Content-Type": {"a/b"}, "Connection": {"close"}}, Body: strings.Repeat("x", 100<<10)}
	})
	resp := h.Do(sdktest.Request{
		Method: "PUT", Target: "/api/a%20b?c=d", Body: "the body", Host: "public.example", RemoteAddr: "192.0.2.7:5",
		Header: http.Header{"Authorization": known1["Authorization"], "Content-Length": {"8"}, "X-A": {"1", "2"}, "X-Forwarded-For": {"a lie"}, "Connection": {"keep-alive"}},
	})
	if got.Method != "PUT" || got.URL != "http://service:9000/api/a%20b?c=d" || got.Body != "the body" || got.Options["length"] != "8" {
		t.Errorf("the service gets %+v", got)
	}
	for name, want := range map[string]string{"X-A": "1, 2", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": "public.example", "X-Forwarded-Proto": "http", "Connection": "", "Host": ""} {
		if value := strings.Join(got.Header[name], ", "); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if resp.Status != 201 || len(resp.Body) != 100<<10 || strings.Join(resp.Header["X-B"], ", ") != "1, 2" || resp.Header.Get("Content-Type") != "a/b" || resp.Header.Get("Connection") != "" {
		t.Errorf("the client gets %d, %d bytes, %v", resp.Status, len(resp.Body), resp.Header)
	}
	if resp.Flushes < 3 {
		t.Errorf("it was flushed %d times: it does not stream", resp.Flushes)
	}
}

func TestSmallAnswer(t *testing.T) {
	h := gateway(t, func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
		return sdktest.HTTPResponse{Status: 404, Header: http.Header{"X-B": {"1"}, "Content-Length": {"4"}}, Body: "none"}
	})
	resp := h.Do(sdktest.Request{Header: known1})
	if resp.Status != 404 || resp.Body != "none" || resp.Header.Get("X-B") != "1" {
		t.Errorf("got %d %q %v", resp.Status, resp.Body, resp.Header)
	}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		answer sdktest.HTTPResponse
		status int
		body   string
	}{
		{sdktest.HTTPResponse{Err: sdk.ErrIO}, 502, "Bad Gateway\n"},
		{sdktest.HTTPResponse{Err: sdk.ErrNotGranted}, 502, "Bad Gateway\n"},
		{sdktest.HTTPResponse{Err: sdk.ErrTimeout}, 504, "Gateway Timeout\n"},
		{sdktest.HTTPResponse{Status: 200, Err: sdk.ErrTimeout}, 504, "Gateway Timeout\n"},
		{sdktest.HTTPResponse{Status: 200, Err: sdk.ErrIO}, 502, "Bad Gateway\n"},
		{sdktest.HTTPResponse{Status: 503, Body: "of the service"}, 503, "of the service"},
	} {
		h := gateway(t, func(sdktest.HTTPRequest) sdktest.HTTPResponse { return test.answer })
		resp := h.Do(sdktest.Request{Header: known1})
		if resp.Status != test.status || resp.Body != test.body {
			t.Errorf("%+v: got %d %q", test.answer, resp.Status, resp.Body)
		}
		if failed := test.answer.Err != nil; failed != (len(h.Messages()) == 1) {
			t.Errorf("%+v: it logged %q", test.answer, h.Messages())
		}
	}
}

func TestNoConfiguration(t *testing.T) {
	for _, c := range []sdktest.Config{nil, {"service": "http://a"}, {"tokens": []any{"a"}}, {"service": "http://a", "tokens": []any{"a"}, "limit": "many"}} {
		if h, err := sdktest.Start(c, sdktest.Zone("rates", 0)); err == nil {
			h.Close()
			t.Errorf("%v is enough", c)
		}
	}
}

// Without the zone's help requests are let through, and the log says so.
func TestZoneFails(t *testing.T) {
	h := sdktest.New(t, config, sdktest.ReadZone("rates", nil), sdktest.HTTP("service:9000", func(sdktest.HTTPRequest) sdktest.HTTPResponse {
		return sdktest.HTTPResponse{}
	}))
	for range 3 {
		if resp := h.Do(sdktest.Request{Header: known1}); resp.Status != 200 {
			t.Errorf("got %d", resp.Status)
		}
	}
	if got := h.Messages(); !slices.Contains(got, "cannot count a request: "+sdk.ErrNotGranted.Error()) {
		t.Errorf("it logs %q", got)
	}
}
