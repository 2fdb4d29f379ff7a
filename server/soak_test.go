package server

import (
	"bytes"
	"flag"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soakReloads makes the soak test a long one:
//
//	go test -run ReloadSoak -timeout 3h ./server -reloads 10000
var soakReloads = flag.Int("reloads", 0, "how often TestReloadSoak reloads; 0: for some seconds")

const (
	soakTime     = 6 * time.Second // of the short form
	soakSamples  = 40              // of what the process uses
	leastSamples = 12
)

const soakConfig = `
[server.limits]
requests = 1000000000
[server.log]
file = "/dev/null"
[server.phases]
header_filter = ["security"]
[plugins.security]
source = "EXAMPLES/security-headers"
[plugins.hello]
source = "EXAMPLES/hello"
limits = {memory = "64MiB"}
[plugins.chain]
source = "EXAMPLES/chain"
[routes.hello]
match = "GET /hello"
content = "hello"
[routes.chain]
match = "GET /chain"
rewrite = ["chain"]
access = ["chain"]
content = "chain"
header_filter = ["chain"]
log = ["chain"]
`

// soakChange is how many reloads change nothing until one does: then a plugin's
// code is made anew.
const soakChange = 10

// Reloads under load, again and again: no request fails, and nothing is left
// of the generations that are gone.
func TestReloadSoak(t *testing.T) {
	config := strings.ReplaceAll(soakConfig, "EXAMPLES", "TESTDATA/../../wasm-examples")
	changed := strings.Replace(config, "64MiB", "65MiB", 1)
	s := startFile(t, config)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	var answers atomic.Int64
	for i := range 3 {
		c := s.dial()
		c.SetDeadline(time.Time{})
		asking.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				target, want := "/hello", "Hello from phasm!\n"
				if n%2 == 0 {
					target, want = "/chain", "79\n"
				}
				c.send("GET " + target + " HTTP/1.1\nHost: a\n\n")
				r := c.receive("GET")
				if r.StatusCode != 200 || r.body != want || r.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s got %d %q %v", target, r.StatusCode, r.body, r.Header)
					return
				}
				answers.Add(1)
			}
		})
	}
	s.reload() // what the first of them sets up once and for all
	var used []usage
	begin := time.Now()
	n := 0
	sampleEvery := max(1, *soakReloads/soakSamples)
	soak := func(until time.Time, samples int) {
		for more := true; more && !t.Failed(); n++ {
			if n%soakChange == 0 {
				s.write([]string{config, changed}[n/soakChange%2])
			}
			s.reload()
			if *soakReloads > 0 && n%sampleEvery == 0 || *soakReloads == 0 && time.Since(begin) > time.Duration(len(used))*soakTime/soakSamples {
				s.waitForGenerations(1)
				used = append(used, measure(t, n))
			}
			more = n+1 < *soakReloads || *soakReloads == 0 && (time.Now().Before(until) || len(used) < samples)
		}
	}
	// What grows by chance within seconds does not go on growing; what leaks does.
	flat := false
	for again := 1; again <= 4 && !flat && !t.Failed(); again++ {
		soak(time.Now().Add(soakTime), again*leastSamples)
		flat = isFlat(t, used[len(used)/2:])
		if *soakReloads > 0 {
			break
		}
	}
	took := time.Since(begin)
	close(stop)
	asking.Wait()
	t.Logf("%d reloads in %v, %d answers", n, took.Round(time.Millisecond), answers.Load())
	for _, u := range used {
		t.Logf("%+v", u)
	}
	if !t.Failed() && !flat {
		t.Error("something of the generations that are gone is left")
	}
}

// isFlat tells whether nothing grows that a process uses.
func isFlat(t *testing.T, settled []usage) bool {
	t.Helper()
	flat := true
	for _, f := range []struct {
		what   string
		part   float64
		figure func(usage) int
	}{
		{"resident memory, KiB", 0.02, func(u usage) int { return u.resident }},
		{"mappings", 0.05, func(u usage) int { return u.mappings }},
		{"goroutines", 0, func(u usage) int { return u.goroutines }},
		{"descriptors", 0, func(u usage) int { return u.descriptors }},
	} {
		flat = !grows(t, f.what, settled, f.part, f.figure) && flat
	}
	return flat
}

// usage is what the process uses after so many reloads.
type usage struct{ reloads, resident, mappings, goroutines, descriptors int }

func measure(t *testing.T, reloads int) usage {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	u := usage{reloads: reloads, goroutines: runtime.NumGoroutine(), descriptors: descriptors(t)}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip("this system does not tell what a process uses: ", err)
	}
	u.mappings = bytes.Count(maps, []byte("\n"))
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		t.Fatal(err)
	}
	u.resident = pages * os.Getpagesize() >> 10
	return u
}

// grows tells whether a figure does: whether the line fitted to it rises by
// more than its noise, and more than a part of its mean, over all of the samples.
func grows(t *testing.T, what string, used []usage, part float64, figure func(usage) int) bool {
	t.Helper()
	n := float64(len(used))
	var meanX, meanY float64
	for _, u := range used {
		meanX += float64(u.reloads) / n
		meanY += float64(figure(u)) / n
	}
	var xx, xy float64
	for _, u := range used {
		dx := float64(u.reloads) - meanX
		xx += dx * dx
		xy += dx * (float64(figure(u)) - meanY)
	}
	slope := xy / xx
	var rest float64
	for _, u := range used {
		d := float64(figure(u)) - meanY - slope*(float64(u.reloads)-meanX)
		rest += d * d
	}
	noise := 3 * math.Sqrt(rest/(n-2)/xx) // of the slope, three times its standard error
	span := float64(used[len(used)-1].reloads - used[0].reloads)
	t.Logf("%s: %.0f, %+.4f a reload, %+.1f over %.0f reloads, noise %.1f", what, meanY, slope, slope*span, span, noise*span)
	return slope > noise && slope*span > part*meanY
}
