package server

import (
	"crypto/md5"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const canaryConfig = `
[upstreams.app]
peers = ["OLD", "NEW"]
balancer = "canary"
[plugins.canary]
source = "TESTDATA/../../wasm-examples/canary"
config = {percent = 10, peers = ["NEW"]}
limits = {cpu = "10s"}
[routes.app]
match = "/"
rewrite = ["canary"]
header_filter = ["canary"]
upstream = "app"
`

// Of the users that the example sends to a new version, by way of the proxy, all
// get there and nobody else does: each time, and after a reload. Where the new
// version is away they get the old one.
func TestCanary(t *testing.T) {
	version := func(name string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s for %s", name, r.Header.Get("X-Version"))
		}))
		t.Cleanup(s.Close)
		return s
	}
	fresh := version("new")
	text := strings.NewReplacer("OLD", version("old").Listener.Addr().String(), "NEW", fresh.Listener.Addr().String()).Replace(canaryConfig)
	s := startFile(t, text)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func(user string) string {
		t.Helper()
		r, _ := http.NewRequest("GET", "http://"+s.address+"/", nil)
		r.Header.Set("X-User-Id", user)
		r.Header.Set("X-Version", "canary") // what a client claims does not count
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", string(body), ", told ", resp.Header.Get("X-Version"))
	}
	const users = 1000
	chosen := []string{}
	for round := range 2 {
		for n := range users {
			user := fmt.Sprint("user", n)
			sum := md5.Sum([]byte(user))
			want := "200 old for stable, told stable"
			if new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(100)).Int64() < 10 {
				want = "200 new for canary, told canary"
				if round == 0 {
					chosen = append(chosen, user)
				}
			}
			if got := ask(user); got != want {
				t.Fatalf("round %d: %s gets %q, want %q", round, user, got, want)
			}
		}
		s.write(text + "\n# once more\n")
		s.reload()
	}
	if share := 100 * len(chosen) / users; share < 7 || share > 13 {
		t.Errorf("%d %% of the users see the new version", share)
	}
	fresh.Close()
	for _, user := range chosen[:10] {
		if got := ask(user); got != "200 old for canary, told stable" {
			t.Errorf("without the new version %s gets %q", user, got)
		}
	}
}
