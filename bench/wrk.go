package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// load is what wrk has seen.
type load struct {
	requests int
	seconds  float64
	p50, p99 time.Duration
	errors   int    // answers whose status is 400 and more
	broken   string // what became of connections; empty: nothing
}

// bad is why the load does not count, empty where it does.
func (l load) bad(w *workload) string {
	want := 0
	if w.Status >= 400 {
		want = l.requests
	}
	switch {
	case l.broken != "":
		return l.broken
	case l.requests == 0:
		return "no answer"
	case l.errors != want:
		return fmt.Sprintf("%d of %d answers have another status", max(l.errors, want-l.errors), l.requests)
	}
	return ""
}

// connections is how many wrk keeps busy.
const connections = 64

// drive has wrk ask a server for some time.
func drive(s *stage, address string, period time.Duration) (load, error) {
	args := []string{"-t1", "-c" + strconv.Itoa(connections), fmt.Sprintf("-d%dms", period.Milliseconds()), "--latency", "--timeout", "10s"}
	// wrk counts whole seconds only.
	args[2] = fmt.Sprintf("-d%ds", max(1, int(period.Round(time.Second).Seconds())))
	for _, h := range s.workload.Headers {
		args = append(args, "-H", h)
	}
	if s.script != "" {
		args = append(args, "-s", s.script)
	}
	p, err := start(s.client, exec.Command("wrk", append(args, s.url(address))...))
	if err != nil {
		return load{}, err
	}
	<-p.ended
	if p.err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", p.err, p.output.String())
	}
	return parseWrk(p.output.String())
}

var (
	wrkTotal   = regexp.MustCompile(`(\d+) requests in ([\d.]+)(us|ms|s|m)`)
	wrkLatency = regexp.MustCompile(`(50|99)%\s+([\d.]+)(us|ms|s|m)`)
	wrkErrors  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkBroken  = regexp.MustCompile(`Socket errors: .*`)
)

// parseWrk reads what wrk prints.
func parseWrk(text string) (l load, err error) {
	total := wrkTotal.FindStringSubmatch(text)
	if total == nil {
		return load{}, fmt.Errorf("wrk says nothing of requests:\n%s", text)
	}
	l.requests, _ = strconv.Atoi(total[1])
	l.seconds = wrkTime(total[2], total[3]).Seconds()
	for _, m := range wrkLatency.FindAllStringSubmatch(text, -1) {
		if m[1] == "50" {
			l.p50 = wrkTime(m[2], m[3])
		} else {
			l.p99 = wrkTime(m[2], m[3])
		}
	}
	if m := wrkErrors.FindStringSubmatch(text); m != nil {
		l.errors, _ = strconv.Atoi(m[1])
	}
	l.broken = strings.TrimSpace(wrkBroken.FindString(text))
	return l, nil
}

func wrkTime(number, unit string) time.Duration {
	n, _ := strconv.ParseFloat(number, 64)
	units := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute}
	return time.Duration(n * float64(units[unit]))
}
