package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

var config = sdktest.Config{"secret": "a secret of sufficient length", "window": "10m"}

// access sends a request through access alone.
func access(h *sdktest.Host, r sdktest.Request) *sdktest.Response {
	x := h.Begin(r)
	x.Run(abi.Access)
	return x.Response()
}

// get asks for a token, with a session or without.
func get(h *sdktest.Host, session string) *sdktest.Response {
	header := http.Header{}
	if session != "" {
		header.Set("Cookie", "session="+session)
	}
	x := h.Begin(sdktest.Request{Target: "/csrf-token", Header: header})
	x.Run(abi.Content)
	return x.Response()
}

// post sends a token in the header and the cookie csrf_token.
func post(method, session, header, cookie string) sdktest.Request {
	h := http.Header{}
	if session != "" {
		h.Add("Cookie", "session="+session+"; csrf_token="+cookie)
	}
	if header != "" {
		h.Set("X-CSRF-Token", header)
	}
	return sdktest.Request{Method: method, Header: h}
}

func TestCSRF(t *testing.T) {
	h := sdktest.New(t, config)
	token := strings.TrimSpace(get(h, "ann").Body)
	other := strings.TrimSpace(get(h, "bob").Body)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, test := range []struct {
			name   string
			send   sdktest.Request
			status int
			body   string
		}{
			{"none", post(method, "ann", "", ""), 403, "CSRF token required\n"},
			{"no session", post(method, "", token, ""), 403, "Invalid CSRF token\n"},
			{"header", post(method, "ann", token, ""), 200, ""},
			{"cookie", post(method, "ann", "", token), 200, ""},
			{"another session's", post(method, "ann", other, ""), 403, "Invalid CSRF token\n"},
			{"another session", post(method, "bob", token, ""), 403, "Invalid CSRF token\n"},
			{"the header counts", post(method, "ann", other, token), 403, "Invalid CSRF token\n"},
			{"cut off", post(method, "ann", token[1:], ""), 403, "Invalid CSRF token\n"},
			{"other letters", post(method, "ann", strings.ToLower(token), ""), 403, "Invalid CSRF token\n"},
		} {
			if resp := access(h, test.send); resp.Status != test.status || resp.Body != test.body {
				t.Errorf("%s, %s: got %d %q, want %d %q", method, test.name, resp.Status, resp.Body, test.status, test.body)
			}
		}
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		if resp := access(h, post(method, "ann", "", "")); resp.Status != 200 {
			t.Errorf("%s without a token gets %d", method, resp.Status)
		}
	}
}

// A token is what the description of the scheme says.
func TestToken(t *testing.T) {
	h := sdktest.New(t, config)
	mac := hmac.New(sha1.New, []byte("a secret of sufficient length"))
	mac.Write([]byte("ann" + "1767225600")) // 2026-01-01, where a window begins
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil)) + "\n"
	for _, d := range []time.Duration{0, 10*time.Minute - 1} {
		h.Advance(d)
		if resp := get(h, "ann"); resp.Body != want || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the token is %q with %v, want %q", resp.Body, resp.Header, want)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, test := range []struct {
		made, used time.Duration
		status     int
	}{
		{0, 0, 200}, {0, 10 * time.Minute, 200}, {0, 20*time.Minute - 1, 200}, {0, 20 * time.Minute, 403},
		{9 * time.Minute, 19 * time.Minute, 200}, {9 * time.Minute, 20 * time.Minute, 403}, {9 * time.Minute, 24 * time.Hour, 403},
	} {
		h := sdktest.New(t, config)
		h.Advance(test.made)
		token := strings.TrimSpace(get(h, "ann").Body)
		h.Advance(test.used - test.made)
		if resp := access(h, post("POST", "ann", token, "")); resp.Status != test.status {
			t.Errorf("made after %v and used after %v it gets %d, want %d", test.made, test.used, resp.Status, test.status)
		}
		h.Close()
	}
}

func TestNewSession(t *testing.T) {
	h := sdktest.New(t, config)
	seen := map[string]bool{}
	for range 10 {
		resp := get(h, "")
		cookie, rest, _ := strings.Cut(resp.Header.Get("Set-Cookie"), ";")
		session, found := strings.CutPrefix(cookie, "session=")
		if !found || len(session) != 22 || rest != " Path=/; HttpOnly; SameSite=Lax" || seen[session] {
			t.Fatalf("the cookie is %q; %q", cookie, rest)
		}
		seen[session] = true
		if resp := access(h, post("POST", session, strings.TrimSpace(resp.Body), "")); resp.Status != 200 {
			t.Errorf("the token of a new session gets %d", resp.Status)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	for want, config := range map[string]sdktest.Config{
		"config.secret has 0 bytes, at least 16":        nil,
		"config.secret has 5 bytes":                     {"secret": "short"},
		"config.window is less than a second":           {"secret": "a secret of sufficient length", "window": "10ms"},
		`config.window = "soon": it must be a duration`: {"secret": "a secret of sufficient length", "window": "soon"},
	} {
		if _, err := sdktest.Start(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
