package main

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"phasm/sdk/sdktest"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64)"

// visitor asks from one address.
type visitor struct {
	t       *testing.T
	host    *sdktest.Host
	address string
}

// ask checks the answer: 200 where there is no reason, else 429 with it.
func (v visitor) ask(target, agent, reason string) {
	v.t.Helper()
	resp := v.host.Do(sdktest.Request{
		Target: target, RemoteAddr: v.address + ":1000", Header: http.Header{"User-Agent": {agent}},
		Upstream: sdktest.Upstream{Chunks: []string{"page"}},
	})
	status, body, retry := 200, "page", ""
	if reason != "" {
		status, body, retry = 429, "Rate limit exceeded: "+reason+"\n", "60"
	}
	if resp.Status != status || resp.Body != body || resp.Header.Get("Retry-After") != retry {
		v.t.Fatalf("%s as %q: %d %q, retry after %q, want %d %q", target, agent, resp.Status, resp.Body, resp.Header.Get("Retry-After"), status, body)
	}
}

func TestAgents(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("guard", 1<<20))
	for i, agent := range []string{"Googlebot/2.1", "a Crawler", "SPIDER", "scraper", "curl/8", "Wget", "python-requests", "Java/17", "scanner", "flood", "attack"} {
		v := visitor{t, h, "192.0.2." + strconv.Itoa(i)}
		v.ask("/", browser, "")
		v.ask("/", agent, "Suspicious user agent")
		v.ask("/", browser, "IP blacklisted")
	}
	v := visitor{t, h, "192.0.2.1"}
	h.Advance(time.Hour - time.Second)
	v.ask("/", browser, "IP blacklisted")
	h.Advance(time.Second)
	v.ask("/", browser, "")
}

func TestPatterns(t *testing.T) {
	for path, last := range map[string]int{ // the request that gets an address banned, 0 where none does
		"/": 0, "/index.php": 0, "/wp-admin/": 0, // 30 + 40
		"/.env": 0, "/config.json": 0, // 30 + 50: not more than 80
		"/config.php": 1, "/wp-admin/.env": 1, // 40 + 50
		"/php": 0, "/.envelope": 0,
	} {
		h := sdktest.New(t, nil, sdktest.Zone("guard", 1<<20))
		v := visitor{t, h, "192.0.2.1"}
		for n := 1; n <= 150; n++ {
			if n == last {
				v.ask(path, browser, "Suspicious request pattern")
				v.ask("/", browser, "IP blacklisted")
				h.Advance(30*time.Minute - time.Second)
				v.ask("/", browser, "IP blacklisted")
				h.Advance(time.Second)
				v.ask("/", browser, "")
				break
			}
			v.ask(path, browser, "")
		}
		h.Close()
	}
}

// Requests count for a minute from the first.
func TestRate(t *testing.T) {
	for n, want := range map[int64]int{1: 0, 50: 0, 51: 15, 100: 15, 101: 30} {
		if got := rateScore(n); got != want {
			t.Errorf("%d requests: %d, want %d", n, got, want)
		}
	}
}
