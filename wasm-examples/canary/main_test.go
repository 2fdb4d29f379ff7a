package main

import (
	"crypto/md5"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

// versionOf is what a user's request is sent to, and what the client is told.
func versionOf(h *sdktest.Host, r sdktest.Request) (sent, told string) {
	x := h.Begin(r)
	x.Run(abi.Rewrite)
	x.Run(abi.HeaderFilter)
	return x.Request().Header.Get("X-Version"), x.Response().Header.Get("X-Version")
}

func user(name string) sdktest.Request {
	return sdktest.Request{Header: http.Header{"X-User-Id": {name}, "X-Version": {"mine"}}}
}

func TestBucket(t *testing.T) {
	sdktest.New(t, nil)
	for n := range 1000 {
		name := fmt.Sprint("user", n)
		sum := md5.Sum([]byte(name))
		want := new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(100)).Int64()
		if got := bucket(name); int64(got) != want {
			t.Errorf("%s is in bucket %d, want %d", name, got, want)
		}
	}
}

// Of 100,000 users 10 ± 1 % see the new version, and always the same ones.
func TestShare(t *testing.T) {
	h := sdktest.New(t, nil)
	const users = 100_000
	chosen := 0
	for n := range users {
		if bucket(fmt.Sprint("user", n)) < percent {
			chosen++
		}
	}
	if share := 100 * float64(chosen) / users; share < 9 || share > 11 {
		t.Errorf("%.2f %% see the new version", share)
	}
	for n := range 1000 {
		name := fmt.Sprint("user", n)
		want := stable
		if bucket(name) < 10 {
			want = canary
		}
		for range 2 {
			if sent, told := versionOf(h, user(name)); sent != want || told != want {
				t.Errorf("%s is sent to %q and told %q, want %q", name, sent, told, want)
			}
		}
	}
}

func TestPercent(t *testing.T) {
	for percent, want := range map[int]string{0: stable, 100: canary} {
		h := sdktest.New(t, sdktest.Config{"percent": percent})
		for n := range 200 {
			if sent, _ := versionOf(h, user(fmt.Sprint(n))); sent != want {
				t.Errorf("with %d %% user %d is sent to %s", percent, n, sent)
			}
		}
		h.Close()
	}
	for want, percent := range map[string]any{"config.percent is not between 0 and 100": 101, "config.percent": "some"} {
		if _, err := sdktest.Start(sdktest.Config{"percent": percent}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %v the error is %v, want %s", percent, err, want)
		}
	}
}

// Each version has its peers, and the old ones help out the new ones, never the
// other way round.
func TestPeers(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"peers": []any{"10.0.0.3:80", "10.0.0.4:80"}})
	old := []sdk.Peer{{Address: "10.0.0.1:80", Connections: 3}, {Address: "10.0.0.2:80", Connections: 5, Weight: 2}}
	for _, test := range []struct {
		user, name string
		peers      []sdk.Peer
		want       []string // one try after the other
		told       string
	}{
		{"judy", "new", append(old, sdk.Peer{Address: "10.0.0.3:80", Connections: 1}, sdk.Peer{Address: "10.0.0.4:80"}), []string{"10.0.0.4:80", "10.0.0.3:80", "10.0.0.2:80", "10.0.0.1:80", ""}, stable},
		{"judy", "up", append(old, sdk.Peer{Address: "10.0.0.3:80"}), []string{"10.0.0.3:80"}, canary},
		{"judy", "failed", append(old, sdk.Peer{Address: "10.0.0.3:80", State: "failed"}), []string{"10.0.0.2:80"}, stable},
		{"ann", "old", append(old, sdk.Peer{Address: "10.0.0.3:80"}), []string{"10.0.0.2:80", "10.0.0.1:80", ""}, stable},
		{"ann", "failed", []sdk.Peer{{Address: "10.0.0.1:80", State: "failed"}, {Address: "10.0.0.2:80", State: "down"}, {Address: "10.0.0.3:80"}}, []string{"10.0.0.1:80", ""}, stable},
	} {
		r := user(test.user)
		r.Peers = test.peers
		x := h.Begin(r)
		x.Run(abi.Rewrite)
		for i, want := range test.want {
			if got := x.Balance(); got != want {
				t.Errorf("%s, %s, try %d: to %q, want %q", test.user, test.name, i, got, want)
			}
			x.Fail(0)
		}
		x.Run(abi.HeaderFilter)
		if got := x.Response().Header.Get("X-Version"); got != test.told {
			t.Errorf("%s, %s: told %q, want %q", test.user, test.name, got, test.told)
		}
	}
}

// The header names the user, else the cookie, else the address.
func TestUser(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"user_header": "X-Account", "percent": 50})
	for _, test := range []struct {
		send sdktest.Request
		user string
	}{
		{sdktest.Request{Header: http.Header{"X-Account": {"ann"}, "Cookie": {"user=bob"}}}, "ann"},
		{sdktest.Request{Header: http.Header{"Cookie": {"a=b; user=bob"}}}, "bob"},
		{sdktest.Request{RemoteAddr: "[2001:db8::1]:7"}, "2001:db8::1"},
	} {
		x := h.Begin(test.send)
		x.Run(abi.Rewrite)
		want := stable
		if bucket(test.user) < 50 {
			want = canary
		}
		if got, _ := x.Ctx(key); got != want {
			t.Errorf("%s is sent to %q, want %q", test.user, got, want)
		}
	}
}
