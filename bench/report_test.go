package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// found are results with a bit of everything.
func found() *results {
	round := func(cpu float64) []sample { return []sample{{Rate: 1e6 / cpu, CPU: cpu}} }
	hello := row{Name: "hello", Title: "hello <1>", Target: 1, Plugin: true, PhasmRounds: round(10), OpenRestyRounds: round(20)}
	chain := row{Name: "chain", Title: "chain", Target: 1.5, Plugin: true, PhasmRounds: round(20), OpenRestyRounds: round(10)}
	inC := row{Name: "hello-c", Title: "hello in C", Target: 1, Plugin: true, InC: true, PhasmRounds: round(1), OpenRestyRounds: round(10)}
	for _, r := range []*row{&hello, &chain, &inC} {
		r.sum()
	}
	return &results{
		Date: "2026-01-01", Command: "go run ./bench", OpenResty: "nginx/1", Rounds: 1, Seconds: 1,
		Rows:  []row{hello, chain, inC, {Name: "void", Title: "nothing", Target: 1, Void: "it failed"}},
		Peers: []*peer{{Name: "phasm", Ratio: 1}, {Name: "floor", Ratio: 0.5}, {Name: "httpwasm", Ratio: 4}},
		Idle:  []idle{{Connections: 1000, Phasm: 1 << 20}, {Connections: 10_000, Phasm: 8 << 10}},
		Hog:   &hog{}, Reload: &reloads{},
	}
}

func TestMissed(t *testing.T) {
	r := found()
	want := []string{
		"chain: 0.50, at least 1.50",
		"nothing: void",
		"geometric mean: 1.00, at least 1.40",
		"hello, times the floor's CPU time: 2.00, at most 1.50",
	}
	if got := r.missed(); !slices.Equal(got, want) {
		t.Errorf("missed are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := len(r.bars()); got != 8 {
		t.Errorf("there are %d bars", got)
	}
}

func TestRegressions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.json")
	r := found()
	if err := r.save(file); err != nil {
		t.Fatal(err)
	}
	r.Rows[0].Ratio *= 0.95
	if worse, err := regressions(r, file); err != nil || worse != nil {
		t.Errorf("%q, %v: 5 percent are no regression", worse, err)
	}
	r.Rows[0].Ratio *= 0.9
	r.Rows[1].Void = "it failed"
	if worse, err := regressions(r, file); err != nil || len(worse) != 2 {
		t.Errorf("%q, %v: one is worse and one is void", worse, err)
	}
}

// Every row of a Markdown table has as many cells as its head.
func TestMarkdown(t *testing.T) {
	var b strings.Builder
	found().markdown(&b)
	cells := 0
	for line := range strings.Lines(b.String()) {
		n := strings.Count(line, "|")
		if n > 0 && cells > 0 && n != cells {
			t.Errorf("a row of %d cells in a table of %d: %s", n-1, cells-1, line)
		}
		cells = n
	}
}

func TestChartIsXML(t *testing.T) {
	var b strings.Builder
	found().chart(&b)
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, b.String())
		}
	}
	if n := strings.Count(b.String(), `class="ours"`); n != 3+1 {
		t.Errorf("%d bars are phasm's, of three workloads, with the one of the legend", n)
	}
}

// README has the place for the results, and only that changes.
func TestIntoReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(page, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time in place of the first
		if err := found().intoReadme(page, filepath.Join(filepath.Dir(page), "bench", "chart.svg")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	without := func(page string) string {
		before, rest, _ := strings.Cut(page, readmeBegin)
		_, after, _ := strings.Cut(rest, readmeEnd)
		return before + after
	}
	if without(string(got)) != without(string(text)) {
		t.Error("what is outside of the marks has changed")
	}
	for _, part := range []string{"](bench/chart.svg)", "| hello <1> |", "`go run ./bench`", "2026-01-01"} {
		if strings.Count(string(got), part)-strings.Count(without(string(text)), part) != 1 {
			t.Errorf("it has not once %q", part)
		}
	}
}
