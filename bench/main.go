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
	only, json, markdown, svg, baseline string
	short, all, list                    bool
	rounds                              int
	period                              time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run the workloads whose names contain this `word`, or one of several with commas between")
	flag.BoolVar(&o.short, "short", false, "fewer and shorter rounds: done within 3 minutes")
	flag.BoolVar(&o.all, "all-cores", false, "let the servers use every core, the load too")
	flag.BoolVar(&o.list, "list", false, "list the workloads")
	flag.IntVar(&o.rounds, "rounds", 5, "how `often` each server takes its turn")
	flag.DurationVar(&o.period, "period", 3*time.Second, "how `long` a turn is, in whole seconds")
	flag.StringVar(&o.json, "json", "", "write the results to this `file`")
	flag.StringVar(&o.markdown, "markdown", "", "write the table to this `file`")
	flag.StringVar(&o.svg, "svg", "", "write the chart to this `file`")
	flag.StringVar(&o.baseline, "baseline", "", "fail where a ratio is more than 10 percent worse than in this `file` of -json")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "go run ./bench measures phasm and OpenResty side by side. It needs, on Debian:\n  %s\nFlags:\n", howToInstall)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
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
	p := plan{rounds: o.rounds, warm: time.Second, period: o.period}
	if o.short {
		p = plan{rounds: 1, warm: time.Second, period: time.Second}
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
	r := &results{
		Date: time.Now().Format(time.DateOnly), Machine: machine(), OpenResty: b.openresty.version,
		AllCores: o.all, Rounds: p.rounds, Seconds: p.period.Seconds(),
	}
	for i, w := range workloads {
		if o.short && w.Slow {
			continue
		}
		fmt.Fprintf(os.Stderr, "%2d/%d %s … ", i+1, len(workloads), w.Title)
		row, err := runOne(w, b, o.all, p)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		fmt.Fprintln(os.Stderr, strings.Join(row.cells()[1:4], "  "))
		r.Rows = append(r.Rows, row)
	}
	for _, w := range workloads {
		if w.Name == "hello" && !o.all {
			fmt.Fprintln(os.Stderr, "hello beside other servers …")
			if r.Peers, err = comparePeers(w, b, p); err != nil {
				return err
			}
			for _, n := range []int{1000, 10_000} {
				row, err := measureIdle(w, b, n)
				if err != nil {
					return fmt.Errorf("%d idle connections: %w", n, err)
				}
				r.Idle = append(r.Idle, row)
			}
		}
	}
	return report(r, o)
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
	b.dir = dir
	if b.phasm, err = buildPhasm(dir); err != nil {
		return b, err
	}
	return b, buildPeers(dir)
}

func runOne(w *workload, b binaries, all bool, p plan) (row, error) {
	s, err := newStage(w, b, all)
	if err != nil {
		return row{}, err
	}
	defer s.close()
	if err := check(s); err != nil {
		return row{}, err
	}
	return measure(s, p)
}

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
	if o.baseline == "" {
		return nil
	}
	worse, err := regressions(r, o.baseline)
	if err == nil && worse != nil {
		err = fmt.Errorf("worse than in %s:\n  %s", o.baseline, strings.Join(worse, "\n  "))
	}
	return err
}
