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
	Command   string // that has found it
	Machine   string
	OpenResty string // the version
	AllCores  bool
	Rounds    int
	Seconds   float64 // of a round
	Rows      []row
	Peers     []*peer  `json:",omitempty"` // phasm is the first
	Idle      []idle   `json:",omitempty"`
	Hog       *hog     `json:",omitempty"`
	Reload    *reloads `json:",omitempty"`
	Failed    []string `json:",omitempty"` // what could not be measured, and why
}

// mean is the geometric mean of the ratios of those workloads that have a plugin
// in Go, so that those which are there in C as well do not count twice. It is 0
// where there is none.
func (r *results) mean() float64 {
	sum, n := 0.0, 0
	for _, row := range r.Rows {
		if row.Void == "" && row.Plugin && !row.InC {
			sum += math.Log(row.Ratio)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return math.Exp(sum / float64(n))
}

// table is a part of the report. The first cell of a row is text, the others
// are figures.
type table struct {
	head []string
	rows [][]string
}

func (r *results) tables() []table {
	all := []table{{head: strings.Split("workload|requests/CPU s|spread|CPU µs/request|OpenResty|requests/s|OpenResty|p50 / p99 µs|OpenResty|MiB|OpenResty", "|")}}
	for _, row := range r.Rows {
		all[0].rows = append(all[0].rows, row.cells())
	}
	if r.Peers != nil {
		t := table{head: []string{"hello", "CPU µs/request", "of phasm's", "requests/s"}}
		for _, p := range r.Peers {
			t.rows = append(t.rows, []string{p.Title, micro(p.CPU), fmt.Sprintf("%.2f×", p.Ratio), brief(p.Rate)})
		}
		all = append(all, t)
	}
	t := table{head: []string{fmt.Sprintf("hello, %s requests/s", brief(specialRate)), "p50 / p99 µs", "OpenResty", "without an answer", "OpenResty"}}
	if h := r.Hog; h != nil {
		t.rows = append(t.rows, []string{"alone", h.PhasmAlone.String(), h.OpenRestyAlone.String(), "0", "0"},
			[]string{"now and then beside a request that computes for a tenth of a second", h.Phasm.String(), h.OpenResty.String(), "0", "0"})
	}
	if l := r.Reload; l != nil {
		t.rows = append(t.rows, []string{"with a reload every second", l.Phasm.String(), l.OpenResty.String(), fmt.Sprint(l.PhasmLost), fmt.Sprint(l.OpenRestyLost)})
	}
	if t.rows != nil {
		all = append(all, t)
	}
	if r.Idle != nil {
		t := table{head: []string{"idle connections", "KiB each", "OpenResty"}}
		for _, i := range r.Idle {
			t.rows = append(t.rows, []string{brief(float64(i.Connections)), fmt.Sprintf("%.1f", float64(i.Phasm)/1024), fmt.Sprintf("%.1f", float64(i.OpenResty)/1024)})
		}
		all = append(all, t)
	}
	return all
}

// cells are a row of the first table.
func (r row) cells() []string {
	if r.Void != "" {
		return []string{r.Title, "void"}
	}
	cells := []string{
		r.Title, fmt.Sprintf("%.2f×", r.Ratio), fmt.Sprintf("%.2f–%.2f", r.RatioLeast, r.RatioMost),
		micro(r.Phasm.CPU), micro(r.OpenResty.CPU), brief(r.Phasm.Rate), brief(r.OpenResty.Rate),
		r.PhasmLatency.String(), r.OpenRestyLatency.String(), fmt.Sprint(r.PhasmMemory >> 20), fmt.Sprint(r.OpenRestyMemory >> 20),
	}
	if r.LatencyRate == 0 {
		cells[7], cells[8] = "–", "–"
	}
	return cells
}

// brief is a whole number with commas.
func brief(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// summary says what the first table's figures mean.
func (r *results) summary() (text string) {
	if mean := r.mean(); mean > 0 {
		text = fmt.Sprintf("Geometric mean over the workloads with a plugin in Go: %.2f times OpenResty's requests per CPU second. ", mean)
	}
	return text + fmt.Sprintf("Rounds: %d of %v s each, in turns; medians, and the least and greatest ratio of a round. "+
		"p50 and p99 at %.0f %% of the slower one's requests/s, sent whether or not answers have come.", r.Rounds, r.Seconds, 100*loadPart)
}

// terminal writes the tables for people at a terminal.
func (r *results) terminal(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, t := range r.tables() {
		for _, row := range append([][]string{t.head}, t.rows...) {
			fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
		}
		w.Flush()
		fmt.Fprintln(to)
	}
	fmt.Fprintln(to, r.summary())
	fmt.Fprintln(to, r.barsReport())
}

// markdown writes the tables for README.
func (r *results) markdown(to io.Writer) {
	for i, t := range r.tables() {
		fmt.Fprintf(to, "| %s |\n|---%s|\n", strings.Join(t.head, " | "), strings.Repeat("|--:", len(t.head)-1))
		for _, row := range t.rows {
			for len(row) < len(t.head) {
				row = append(row, "")
			}
			fmt.Fprintf(to, "| %s |\n", strings.Join(row, " | "))
		}
		fmt.Fprintln(to)
		if i == 0 {
			fmt.Fprintf(to, "%s\n\n", r.summary())
		}
	}
	fmt.Fprintf(to, "Made on %s by `%s`, on %s, against %s.\n", r.Date, r.Command, r.Machine, r.OpenResty)
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
