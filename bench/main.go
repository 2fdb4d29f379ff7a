package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

type options struct {
	only, json, markdown, readme, svg, baseline, pgo string
	short, all, list, bars                           bool
	rounds                                           int
	period                                           time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run the workloads whose names contain this `word`, or one of several with commas between")
	flag.BoolVar(&o.short, "short", false, "one short round each, without those in C: done within 3 minutes, and less exact")
	flag.BoolVar(&o.all, "all-cores", false, "let the servers use every core, the load too")
	flag.BoolVar(&o.list, "list", false, "list the workloads")
	flag.IntVar(&o.rounds, "rounds", 5, "how `often` each server takes its turn")
	flag.DurationVar(&o.period, "period", 3*time.Second, "how `long` a turn is, in whole seconds")
	flag.StringVar(&o.json, "json", "", "write the results to this `file`")
	flag.StringVar(&o.markdown, "markdown", "", "write the tables to this `file`")
	flag.StringVar(&o.readme, "readme", "", "put the tables, and -svg's chart, into this `page` between its two marks")
	flag.StringVar(&o.svg, "svg", "", "write the chart to this `file`")
	flag.StringVar(&o.baseline, "baseline", "", "fail where a ratio is more than 10 percent worse than in this `file` of -json")
	flag.BoolVar(&o.bars, "bars", false, "fail where phasm misses what it has to reach")
	flag.StringVar(&o.pgo, "pgo", "", "measure nothing, but have phasm profiled under each workload and write that to this `file`, for the compiler: default.pgo")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "go run ./bench measures phasm and OpenResty side by side. It needs, on Debian:\n  %s\nand for workloads with a plugin in C, which are left out otherwise:\n  %s\nFlags:\n", howToInstall, howToInstallC)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// plan is what -short, -rounds and -period ask for.
func (o options) plan() plan {
	if o.short {
		return plan{
			rounds: 1, warm: 300 * time.Millisecond, period: time.Second,
			latencyRounds: 1, latency: 300 * time.Millisecond, special: 1500 * time.Millisecond,
		}
	}
	return plan{
		rounds: o.rounds, warm: time.Second, period: o.period,
		latencyRounds: 2, latency: o.period, special: 10500 * time.Millisecond,
	}
}

func run(o options) error {
	workloads, err := loadWorkloads("bench/workloads")
	if err != nil {
		return err
	}
	if workloads, err = only(workloads, o.only); err != nil {
		return err
	}
	if o.list {
		for _, w := range workloads {
			fmt.Printf("%-20s %s\n", w.Name, w.Title)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "phasm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := prepare(dir)
	if err != nil {
		return err
	}
	if o.pgo != "" {
		return profileAll(workloads, b, o.plan(), o.pgo)
	}
	return report(measureAll(workloads, b, o), o)
}

// prepare finds or builds what the suite starts.
func prepare(dir string) (b binaries, err error) {
	for _, tool := range []string{"wrk", "redis-server", "redis-cli"} {
		if _, err := exec.LookPath(tool); err != nil {
			return b, fmt.Errorf("there is no %s; on Debian: %s", tool, howToInstall)
		}
	}
	if b.openresty, err = findOpenresty(); err != nil {
		return b, err
	}
	fmt.Fprintln(os.Stderr, "building phasm …")
	b.dir = dir
	if b.phasm, err = buildPhasm(dir); err != nil {
		return b, err
	}
	var missing string
	if b.plugin, missing = buildC(dir); missing != "" {
		fmt.Fprintln(os.Stderr, missing)
	}
	return b, buildPeers(dir)
}

// measureAll runs the workloads, and around hello the specials.
func measureAll(workloads []*workload, b binaries, o options) *results {
	p := o.plan()
	r := &results{
		Date: time.Now().Format(time.DateOnly), Command: strings.Join(append([]string{"go run ./bench"}, os.Args[1:]...), " "),
		Machine: machine(), OpenResty: b.openresty.version, AllCores: o.all, Rounds: p.rounds, Seconds: p.period.Seconds(),
	}
	var hello *workload
	for i, w := range workloads {
		if o.short && (w.Slow || w.InC) || w.InC && b.plugin == "" {
			continue
		}
		fmt.Fprintf(os.Stderr, "%2d/%d %s … ", i+1, len(workloads), w.Title)
		row := runOne(w, b, o.all, p)
		reason, _, _ := strings.Cut(row.Void, "\n")
		fmt.Fprintln(os.Stderr, row.cells()[1], reason)
		r.Rows = append(r.Rows, row)
		if w.Name == "hello" {
			hello = w
		}
	}
	if hello != nil && !o.all {
		r.runSpecials(hello, b, p)
	}
	return r
}

// runOne measures a workload, if both servers give the same answer.
func runOne(w *workload, b binaries, all bool, p plan) row {
	s, err := newStage(w, b, all)
	if err == nil {
		defer s.close()
		err = check(s)
	}
	r := newRow(w)
	if err == nil {
		r, err = measure(s, p)
	}
	if err != nil {
		r.Void = err.Error()
	}
	return r
}

// report writes the results where they are wanted, and then says what is wrong
// with them.
func report(r *results, o options) error {
	r.terminal(os.Stdout)
	if o.json != "" {
		if err := r.save(o.json); err != nil {
			return err
		}
	}
	for file, write := range map[string]func(*os.File){
		o.markdown: func(f *os.File) { r.markdown(f) },
		o.svg:      func(f *os.File) { r.chart(f) },
	} {
		if file == "" {
			continue
		}
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		write(f)
		if err := f.Close(); err != nil {
			return err
		}
	}
	if o.readme != "" {
		if err := r.intoReadme(o.readme, o.svg); err != nil {
			return err
		}
	}
	wrong := r.Failed
	for _, row := range r.Rows {
		if row.Void != "" {
			wrong = append(wrong, row.Name+" is void: "+row.Void)
		}
	}
	if o.bars {
		wrong = append(wrong, r.missed()...)
	}
	if o.baseline != "" {
		worse, err := regressions(r, o.baseline)
		if err != nil {
			return err
		}
		wrong = append(wrong, worse...)
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("%d results are not as they should be:\n  %s", len(wrong), strings.Join(wrong, "\n  "))
}
