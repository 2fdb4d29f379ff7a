package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// check asks both servers and demands that they give the same answer: the
// status that the workload wants, the same body, and the same of the headers
// that it compares.
func check(s *stage) error { return checkSame(s, s.Phasm, s.OpenResty) }

func checkSame(s *stage, phasm, other string) error {
	w := s.workload
	ours, err := ask(s, phasm)
	if err != nil {
		return fmt.Errorf("phasm: %w", err)
	}
	theirs, err := ask(s, other)
	if err != nil {
		return fmt.Errorf("the other: %w", err)
	}
	switch {
	case ours.status != w.Status || theirs.status != w.Status:
		return fmt.Errorf("phasm answers with status %d, the other with %d, and it should be %d: %.100q, %.100q", ours.status, theirs.status, w.Status, ours.body, theirs.body)
	case !same(ours.body, theirs.body, w.JSON):
		return fmt.Errorf("phasm answers %d bytes, %.200q, the other %d, %.200q", len(ours.body), ours.body, len(theirs.body), theirs.body)
	}
	for _, name := range append([]string{"Content-Type"}, w.Compare...) {
		if a, b := ours.header.Get(name), theirs.header.Get(name); a != b {
			return fmt.Errorf("phasm answers with %s %q, the other with %q", name, a, b)
		}
	}
	return nil
}

// same tells whether two bodies are, or mean, the same.
func same(a, b []byte, asJSON bool) bool {
	if !asJSON {
		return bytes.Equal(a, b)
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends the workload's request, as wrk will.
func ask(s *stage, address string) (a answer, err error) {
	r, err := http.NewRequest(s.workload.Method, s.url(address), strings.NewReader(s.workload.Body))
	if err != nil {
		return a, err
	}
	for _, h := range s.workload.Headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	got, err := client.Do(r)
	if err != nil {
		return a, err
	}
	defer got.Body.Close()
	a.status, a.header = got.StatusCode, got.Header
	a.body, err = io.ReadAll(got.Body)
	return a, err
}
