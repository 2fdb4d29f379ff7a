package server

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/server/config"
)

const zonesConfig = `
[zones.zone]
size = "SIZE"
[plugins.limits]
source = "TESTDATA/limits"
[plugins.limits.limits]
wall = "60s"
wait = "60s"
cpu = "10s"
[plugins.limits.grants]
zones = ["zone"]
[routes.all]
match = "/"
access = ["limits"]
content = "limits"
`

// hammer asks for a path over 64 connections, each several times, and counts
// the answers by their status.
func (s *testServer) hammer(path string, each int) map[int]int {
	s.t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	statuses := map[int]int{}
	var connections sync.WaitGroup
	for range 64 {
		connections.Go(func() {
			for range each {
				resp, err := client.Get("http://" + s.address + path)
				if err != nil {
					s.t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				mu.Lock()
				statuses[resp.StatusCode]++
				mu.Unlock()
			}
		})
	}
	connections.Wait()
	return statuses
}

// released waits until no connection is counted: a client may have its
// response a moment before.
func (s *testServer) released() {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		got := s.body("/?key=conns")
		if got == "not found" {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s connections are still counted", got)
		}
	}
}

func (s *testServer) body(path string) string {
	s.t.Helper()
	resp, err := http.Get("http://" + s.address + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// No limit lets more through than it is told to, whichever instances the
// requests meet.
func TestLimitsUnderLoad(t *testing.T) {
	s := startFile(t, strings.ReplaceAll(zonesConfig, "SIZE", "1MiB"))
	for path, want := range map[string]int{"/count": 100, "/rate": 10} {
		if got := s.hammer(path, 10); got[200] != want || got[429] != 640-want {
			t.Errorf("%s: statuses %v, want %d times 200 and else 429", path, got, want)
		}
	}
	if got := s.hammer("/conns", 10); got[200] == 0 || got[429] == 0 || got[200]+got[429] != 640 {
		t.Errorf("/conns: statuses %v, want 200 and 429", got)
	}
	s.released()
	if got := s.hammer("/lock", 3); got[200] != 192 {
		t.Errorf("/lock: statuses %v", got)
	}
	if got := s.body("/?key=locked"); got != "192 of kind 2" {
		t.Errorf("192 requests under a lock count up to %s", got)
	}
}

// A plugin that fails gives its counts back.
func TestFaultsReleaseCounts(t *testing.T) {
	s := startFile(t, strings.ReplaceAll(zonesConfig, "SIZE", "1MiB"))
	for range 10 { // more than there may be at once
		resp, err := http.Get("http://" + s.address + "/trap")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 500 {
			t.Fatalf("status %d, want 500", resp.StatusCode)
		}
		s.released()
	}
	s.released()
}

// Zones survive a reload, with another size as well, and are gone when no
// configuration has them.
func TestZonesSurviveReload(t *testing.T) {
	sized := func(size string) string { return strings.ReplaceAll(zonesConfig, "SIZE", size) }
	s := startFile(t, sized("1MiB"))
	figure := func(name, want string) {
		t.Helper()
		line := fmt.Sprintf("%s{zone=\"zone\"} %s\n", name, want)
		if metrics := s.metricsText(); !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	for range 3 {
		s.body("/lock")
	}
	figure("phasm_zone_capacity_bytes", "1048576")
	figure("phasm_zone_entries", "2")
	s.write(strings.ReplaceAll(sized("2MiB"), "TESTDATA/limits", "TESTDATA/missing"))
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a bad configuration was loaded")
	}
	figure("phasm_zone_capacity_bytes", "1048576")
	for _, size := range []string{"2MiB", "64KiB"} {
		s.write(sized(size))
		s.reload()
		if got := s.body("/?key=locked"); got != "3 of kind 2" {
			t.Errorf("with %s the zone has %s", size, got)
		}
	}
	figure("phasm_zone_capacity_bytes", "65536")
	figure("phasm_zone_evictions_total", "0")
	s.write("[routes.all]\nmatch = \"/\"\nrespond.body = \"x\"\n")
	s.reload()
	s.write(sized("64KiB"))
	s.reload()
	if got := s.body("/?key=locked"); got != "3 of kind 2" && got != "not found" { // the first generation may still be there
		t.Errorf("a zone that was away has %s", got)
	}
}

func (s *testServer) metricsText() string {
	s.t.Helper()
	resp, err := http.Get("http://" + s.AdminAddress().String() + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// A plugin that uses a zone it is not granted is refused.
func TestZoneNotGranted(t *testing.T) {
	for grants, want := range map[string]string{
		"":                    `it uses zone_open, which needs a grant: add zones = ["NAME"] under [plugins.limits.grants]`,
		"zones = [\"other\"]": `on_init failed: cannot open zone "zone": not granted`,
	} {
		file := filepath.Join("testdata", "test.toml")
		text := "\n[plugins.limits]\nsource = \"limits\"\ngrants = {" + grants + "}\n[routes.all]\nmatch = \"/\"\ncontent = \"limits\"\n[zones.other]\nsize = \"64KiB\"\n"
		c, err := config.Parse(file, []byte(text+listenerTables))
		if err != nil {
			t.Fatal(err)
		}
		c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
		if _, err := New(t.Context(), c, Options{Cache: testCache()}); err == nil || err.Error() != file+":3: plugins.limits.source: "+want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
