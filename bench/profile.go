package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// profile has phasm write down where its time goes under each workload, and
// merges that into one file. The Go compiler reads it when phasm is built, if it
// is the file default.pgo beside main.go.
func profile(workloads []*workload, b binaries, p plan, file string) error {
	var parts []string
	for i, w := range workloads {
		if w.InC && b.plugin == "" {
			continue
		}
		fmt.Fprintf(os.Stderr, "%2d/%d %s\n", i+1, len(workloads), w.Title)
		part := filepath.Join(b.dir, w.Name+".pprof")
		if err := profileOne(w, b, p, part); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		parts = append(parts, part)
	}
	merge := exec.Command("go", append([]string{"tool", "pprof", "-proto", "-output", file}, parts...)...)
	if out, err := merge.CombinedOutput(); err != nil {
		return fmt.Errorf("go tool pprof: %w\n%s", err, out)
	}
	return nil
}

func profileOne(w *workload, b binaries, p plan, file string) error {
	s, err := newStage(w, b, false)
	if err != nil {
		return err
	}
	defer s.close()
	if err := check(s); err != nil {
		return err
	}
	if err := warm(s, s.Phasm, p.warm); err != nil {
		return err
	}
	loaded := make(chan error)
	go func() {
		_, bad, err := turn(s, s.phasm, s.Phasm, p.period+time.Second)
		if bad != "" {
			err = errors.Join(err, errors.New(bad))
		}
		loaded <- err
	}()
	err = download(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.Admin, max(1, int(p.period.Seconds()))), file)
	return errors.Join(err, <-loaded)
}

// download writes what is at a URL into a file.
func download(url, file string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, answer.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, answer.Body)
	return errors.Join(err, f.Close())
}
