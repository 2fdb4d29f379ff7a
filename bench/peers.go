package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is another server that says hello, beside phasm.
type peer struct {
	Name   string
	Title  string
	sample         // median
	Ratio  float64 // its CPU time for a request over phasm's: the median of the rounds
	Rounds []float64

	server  *process
	address string
}

// peers are what hello from a plugin is compared with beside OpenResty: the
// floor, and another host of WASM plugins.
func peers() []*peer {
	return []*peer{
		{Name: "floor", Title: "the floor: an epoll loop that parses nothing"},
		{Name: "httpwasm", Title: "http-wasm's reference host on net/http"},
	}
}

// buildPeers builds them into a folder.
func buildPeers(dir string) error {
	for _, build := range []struct{ env, mode, out, from string }{
		{"", "exe", "floor", "./bench/floor"},
		{"", "exe", "httpwasm", "./bench/httpwasm"},
		{"GOOS=wasip1 GOARCH=wasm", "c-shared", "httpwasm.wasm", "./bench/httpwasm/guest"},
	} {
		c := exec.Command("env", "sh", "-c", fmt.Sprintf("%s go build -buildmode=%s -o %q %s", build.env, build.mode, filepath.Join(dir, build.out), build.from))
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build %s: %w\n%s", build.from, err, out)
		}
	}
	return nil
}

// comparePeers has phasm and its peers say hello in turns.
func comparePeers(hello *workload, b binaries, p plan) ([]*peer, error) {
	s, err := newStage(hello, b, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	all := append([]*peer{{Name: "phasm", Title: hello.Title, server: s.phasm, address: s.Phasm}}, peers()...)
	for _, other := range all[1:] {
		if other.address, err = freeAddress(); err != nil {
			return nil, err
		}
		c := exec.Command(filepath.Join(b.dir, other.Name), other.address, filepath.Join(b.dir, "httpwasm.wasm"))
		c.Env = append(os.Environ(), "GOMAXPROCS=1")
		if err := s.begin(s.server, other.address, c); err != nil {
			return nil, err
		}
		other.server = s.began[len(s.began)-1]
		if err := checkSame(s, s.Phasm, other.address); err != nil {
			return nil, fmt.Errorf("%s: %w", other.Name, err)
		}
	}
	for _, one := range all {
		if err := warm(s, one.address, p.warm); err != nil {
			return nil, err
		}
	}
	rounds := make([][]sample, len(all))
	for range p.rounds {
		for i, one := range all {
			got, bad, err := turn(s, one.server, one.address, p.period)
			if err != nil {
				return nil, err
			}
			if bad == "" && got.CPU == 0 {
				bad = "it had no CPU time to speak of"
			}
			if bad != "" {
				return nil, fmt.Errorf("%s: %s", one.Name, bad)
			}
			rounds[i] = append(rounds[i], got)
		}
	}
	for i, one := range all {
		one.sample = medians(rounds[i])
		for n, got := range rounds[i] {
			one.Rounds = append(one.Rounds, got.CPU/rounds[0][n].CPU)
		}
		one.Ratio = median(one.Rounds)
	}
	return all, nil
}
