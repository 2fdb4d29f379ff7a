package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/pprof/profile"
)

// profileAll has phasm write down where its time goes under each workload, and
// merges that into one file. The Go compiler reads it when phasm is built, if it
// is the file default.pgo beside main.go.
func profileAll(workloads []*workload, b binaries, p plan, file string) error {
	var parts []*profile.Profile
	for i, w := range workloads {
		if w.InC && b.plugin == "" {
			continue
		}
		fmt.Fprintf(os.Stderr, "%2d/%d %s\n", i+1, len(workloads), w.Title)
		part, err := profileOne(w, b, p)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		parts = append(parts, part)
	}
	all, err := profile.Merge(parts)
	if err != nil {
		return err
	}
	anonymise(all)
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(all.Write(f), f.Close())
}

// anonymise takes out where on this machine things are. The compiler goes by
// functions and lines.
func anonymise(p *profile.Profile) {
	for _, m := range p.Mapping {
		m.File = ""
	}
	for _, f := range p.Function {
		f.Filename = ""
	}
}

func profileOne(w *workload, b binaries, p plan) (*profile.Profile, error) {
	s, err := newStage(w, b, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := check(s); err != nil {
		return nil, err
	}
	if err := warm(s, s.Phasm, p.warm); err != nil {
		return nil, err
	}
	loaded := make(chan error)
	go func() {
		_, bad, err := turn(s, s.phasm, s.Phasm, p.period+time.Second)
		if bad != "" {
			err = errors.Join(err, errors.New(bad))
		}
		loaded <- err
	}()
	got, err := download(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.Admin, max(1, int(p.period.Seconds()))))
	return got, errors.Join(err, <-loaded)
}

// download reads the profile at a URL.
func download(url string) (*profile.Profile, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return profile.Parse(answer.Body)
}
