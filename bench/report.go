package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
)

// results are what a run of the suite has found.
type results struct {
	Date      string
	Machine   string
	OpenResty string // the version
	AllCores  bool
	Rounds    int
	Seconds   float64 // of a round
	Rows      []row
	Peers     []*peer `json:",omitempty"` // phasm is the first
	Idle      []idle  `json:",omitempty"`
}

// mean is the geometric mean of the ratios that count.
func (r *results) mean() float64 {
	sum, n := 0.0, 0
	for _, row := range r.Rows {
		if row.Void == "" {
			sum += math.Log(row.Ratio)
			n++
		}
	}
	return math.Exp(sum / float64(max(1, n)))
}

var columns = []string{"workload", "CPU µs/request", "OpenResty", "requests/CPU s", "spread", "target", "requests/s", "OpenResty", "p50/p99 µs", "OpenResty", "MiB", "OpenResty"}

// cells are a row of the table.
func (r row) cells() []string {
	if r.Void != "" {
		return []string{r.Title, "void: " + r.Void}
	}
	target := ""
	if r.Target > 0 {
		target = fmt.Sprintf("%.1f×", r.Target)
		if r.Ratio < r.Target {
			target += " missed"
		}
	}
	return []string{
		r.Title, fmt.Sprintf("%.1f", r.Phasm.CPU), fmt.Sprintf("%.1f", r.OpenResty.CPU),
		fmt.Sprintf("%.2f×", r.Ratio), fmt.Sprintf("%.2f–%.2f", r.RatioLeast, r.RatioMost), target,
		fmt.Sprintf("%.0f", r.Phasm.Rate), fmt.Sprintf("%.0f", r.OpenResty.Rate),
		fmt.Sprintf("%.0f/%.0f", r.Phasm.P50, r.Phasm.P99), fmt.Sprintf("%.0f/%.0f", r.OpenResty.P50, r.OpenResty.P99),
		fmt.Sprint(r.PhasmMemory >> 20), fmt.Sprint(r.OpenRestyMemory >> 20),
	}
}

// terminal writes the table for people at a terminal.
func (r *results) terminal(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.Join(columns, "\t")+"\t")
	for _, row := range r.Rows {
		fmt.Fprintln(w, strings.Join(row.cells(), "\t")+"\t")
	}
	w.Flush()
	fmt.Fprintf(to, "geometric mean: %.2f times OpenResty's requests per CPU second\n", r.mean())
	if r.Peers == nil {
		return
	}
	fmt.Fprintln(w, "\nhello\tCPU µs/request\tof phasm's\twanted\trequests/s\t")
	for _, p := range r.Peers {
		fmt.Fprintln(w, strings.Join(p.cells(), "\t")+"\t")
	}
	w.Flush()
	fmt.Fprintln(w, "\nidle connections\tKiB each\tOpenResty\twanted\t")
	for _, i := range r.Idle {
		fmt.Fprintln(w, strings.Join(i.cells(), "\t")+"\t")
	}
	w.Flush()
}

func (i idle) cells() []string {
	wanted := fmt.Sprintf("at most %d", maxIdleBytes>>10)
	if i.Phasm > maxIdleBytes {
		wanted += ": missed"
	}
	return []string{fmt.Sprint(i.Connections), fmt.Sprintf("%.1f", float64(i.Phasm)/1024), fmt.Sprintf("%.1f", float64(i.OpenResty)/1024), wanted}
}

// cells are a peer's row.
func (p *peer) cells() []string {
	wanted := ""
	if p.Least > 0 {
		wanted = fmt.Sprintf("at least %.2f×", p.Least)
		if p.Ratio < p.Least {
			wanted += ": missed"
		}
	}
	return []string{p.Title, fmt.Sprintf("%.1f", p.CPU), fmt.Sprintf("%.2f×", p.Ratio), wanted, fmt.Sprintf("%.0f", p.Rate)}
}

// markdown writes the table for README.
func (r *results) markdown(to io.Writer) {
	fmt.Fprintf(to, "| %s |\n|%s\n", strings.Join(columns, " | "), "---|"+strings.Repeat("--:|", len(columns)-1))
	for _, row := range r.Rows {
		cells := row.cells()
		for len(cells) < len(columns) {
			cells = append(cells, "")
		}
		fmt.Fprintf(to, "| %s |\n", strings.Join(cells, " | "))
	}
	fmt.Fprintf(to, "\nGeometric mean: %.2f×. %s, %s, %d rounds of %v s, against %s.\n", r.mean(), r.Date, r.Machine, r.Rounds, r.Seconds, r.OpenResty)
	if r.Peers == nil {
		return
	}
	fmt.Fprint(to, "\n| hello | CPU µs/request | of phasm's | wanted | requests/s |\n|---|--:|--:|--:|--:|\n")
	for _, p := range r.Peers {
		fmt.Fprintf(to, "| %s |\n", strings.Join(p.cells(), " | "))
	}
	fmt.Fprint(to, "\n| idle connections | KiB each | OpenResty | wanted |\n|--:|--:|--:|--:|\n")
	for _, i := range r.Idle {
		fmt.Fprintf(to, "| %s |\n", strings.Join(i.cells(), " | "))
	}
}

// save writes the results as JSON, for -baseline.
func (r *results) save(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// machine is the processor's name and the number of cores.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	name, n := "", 0
	for line := range strings.SplitSeq(string(text), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name, n = strings.TrimSpace(value), n+1
		}
	}
	return fmt.Sprintf("%d cores of %s", n, name)
}
