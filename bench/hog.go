package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// hog is what hello takes while another request computes, and when none does.
type hog struct {
	Rate                      float64 // requests a second
	Phasm, PhasmAlone         latency
	OpenResty, OpenRestyAlone latency
	PhasmHog, OpenRestyHog    float64 // how often a second the other request was answered
}

// specialRate is how many requests for hello a second there are while something
// else goes on: a part of what either server can do.
const specialRate = 5000

// hogPause is how long there is no hog after each: a server that does nothing
// else meanwhile still gets through with what has piled up.
const hogPause = 500 * time.Millisecond

// measureHog has hello asked for beside one client that asks for the hog now and
// then, and without. Neither side's code gives way by itself.
func measureHog(b binaries, p plan) (*hog, error) {
	r := &hog{Rate: specialRate}
	w, err := loadWorkload("bench/hog")
	if err != nil {
		return nil, err
	}
	s, err := newStage(w, b, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	spin := *s
	work := *w
	work.Path, spin.workload = "/hog", &work
	if err := errors.Join(check(s), check(&spin)); err != nil {
		return nil, err
	}
	for _, one := range []struct {
		address       string
		alone, beside *latency
		hogs          *float64
	}{{s.Phasm, &r.PhasmAlone, &r.Phasm, &r.PhasmHog}, {s.OpenResty, &r.OpenRestyAlone, &r.OpenResty, &r.OpenRestyHog}} {
		if err := warm(s, one.address, p.warm); err != nil {
			return nil, err
		}
		if *one.alone, err = helloLatency(s, one.address, p); err != nil {
			return nil, err
		}
		ctx, stop := context.WithCancel(context.Background())
		hogs := make(chan int)
		go func() { hogs <- askNowAndThen(ctx, spin.url(one.address)) }()
		*one.beside, err = helloLatency(s, one.address, p)
		stop()
		n := <-hogs
		if err == nil && n == 0 {
			err = fmt.Errorf("%s has never answered the hog's request", one.address)
		}
		if err != nil {
			return nil, err
		}
		*one.hogs = float64(n) / p.special.Seconds()
	}
	return r, nil
}

func helloLatency(s *stage, address string, p plan) (latency, error) {
	got, err := askOpen(s, address, specialRate, p.special)
	if bad := unexpected(got); err == nil && bad != "" {
		err = fmt.Errorf("%s: %s", address, bad)
	}
	return latencyOf(got), err
}

// askNowAndThen asks, pauses, and asks again, until it is told to stop. It
// answers how often there was an answer.
func askNowAndThen(ctx context.Context, url string) (n int) {
	for {
		r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return n
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return n
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return n
		}
		n++
		select {
		case <-ctx.Done():
			return n
		case <-time.After(hogPause):
		}
	}
}
