package host_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/host"
)

// regexSet compiles a set that has to be good.
func (g *guest) regexSet(patterns ...string) int {
	g.t.Helper()
	id, _ := g.ask("regex_set_compile", patterns)
	if id < 0 {
		g.t.Fatalf("regex_set_compile(%.200q) answers %d: %v", patterns, id, g.lines())
	}
	return int(id)
}

func TestRegexSet(t *testing.T) {
	g := newGuest(t)
	set := g.regexSet("(?i)second", "first", "^$", `\bz`, "[^a]\ufffd")
	if again := g.regexSet("(?i)second", "first", "^$", `\bz`, "[^a]\ufffd"); again != set {
		t.Errorf("the same set has the numbers %d and %d", set, again)
	}
	if other := g.regexSet("first", "(?i)second"); other == set {
		t.Error("another order makes no other set")
	}
	for text, want := range map[string]int64{"first, SECOND": 0, "first": 1, "": 2, "x z": 3, "xyz": notFound, "\n": notFound} {
		g.want(want, "regex_set_match", set, text)
	}
	g.want(notFound, "regex_set_match", g.regexSet(), "a")
	for _, id := range []int{-1, 1000, -1 << 31, 1<<31 - 1} {
		g.want(badArgument, "regex_set_match", id, "a")
	}
}

func TestRegexSetCompile(t *testing.T) {
	g := newGuest(t)
	large := strings.Repeat("(?:a|b){999}", 9)
	for _, test := range []struct {
		patterns []string
		want     string
	}{
		{[]string{"a", "(b"}, `cannot compile the regular expression "(b": missing closing ): "(b"`},
		{[]string{"a", strings.Repeat("b", 8<<10+1)}, "cannot compile a regular expression of a set: it has 8193 bytes, at most 8192"},
		{[]string{large + "c", large + "d", large + "e", large + "f", large + "g", large + "h"}, "cannot compile a set of 6 regular expressions: they have more than 50000 instructions"},
	} {
		for range 2 {
			g.want(badArgument, "regex_set_compile", test.patterns)
		}
		lines := g.lines()
		if len(lines) != 1 || !strings.Contains(lines[0]["msg"].(string), test.want) || lines[0]["level"] != "ERROR" || lines[0]["function"] != "regex_set_compile" {
			t.Errorf("%.100q logs %v, want %s", test.patterns, lines, test.want)
		}
	}
	g.want(badArgument, "regex_set_compile", make([]string, 1001))
	g.want(badArgument, "regex_set_compile", []string{strings.Repeat("a", 256<<10)})
}

// Sets count as expressions do.
func TestRegexSetsAreBounded(t *testing.T) {
	g := newGuest(t)
	for i := range 500 {
		g.regexSet(fmt.Sprint("number ", i))
	}
	g.want(noMemory, "regex_compile", "one more", "")
	g.want(noMemory, "regex_set_compile", []string{"number 1", "number 2"})
	g.want(7, "regex_set_compile", []string{"number 7"})
	if lines := g.lines(); len(lines) != 1 || !strings.Contains(lines[0]["msg"].(string), "at most 1000, sets included") {
		t.Errorf("it logs %v", lines)
	}
}

// rules are those of a firewall, and one for which an automaton needs more room
// than there is.
var rules = []string{`(?i)(?:union\s+(?:all\s+)?select|select\s.+\sfrom\s)`, `(?i)<\s*script|on(?:load|error)\s*=`, "[aA]*a[aA]{900}b", `(?i)\.\./|/etc/(?:passwd|shadow)`}

// noise is a text of which no two places are the same to the third rule.
func noise(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = "aA"[random.IntN(2)]
	}
	return string(b)
}

// What the automaton gives up package regexp answers.
func TestRegexSetFallsBack(t *testing.T) {
	g := newGuest(t)
	set := g.regexSet(rules...)
	text := noise(6000)
	for attack, want := range map[string]int64{"": notFound, "../": 3, strings.Repeat("a", 901) + "b": 2, "<script": 1, "<script Union select": 0} {
		g.want(want, "regex_set_match", set, text+attack)
		g.want(want, "regex_set_match", set, attack)
	}
}

// So it is where the expressions tell more characters apart than a table can.
func TestRegexSetWithoutTable(t *testing.T) {
	g := newGuest(t)
	var patterns []string
	for first := rune(0x3400); first < 0x3400+18_000; first += 2000 {
		pattern := make([]rune, 2000)
		for i := range pattern {
			pattern[i] = first + rune(i)
		}
		patterns = append(patterns, string(pattern))
	}
	set := g.regexSet(patterns...)
	g.want(8, "regex_set_match", set, "x"+patterns[8])
	g.want(notFound, "regex_set_match", set, patterns[8][3:])
}

func TestRegexSetIsStopped(t *testing.T) {
	g := newGuest(t)
	set := g.regexSet(rules...)
	text := noise(2 << 20)
	at, ok := g.memory.Grow(40)
	if !ok {
		t.Fatal("no memory")
	}
	place := uint64(at) << 16
	g.memory.WriteString(uint32(place), text)
	g.call.Budget.CPU = 30 * time.Millisecond
	g.call.Begin()
	err := g.module.ExportedFunction("regex_set_match").CallWithStack(g.call, []uint64{uint64(set), place, uint64(len(text))})
	var stopped *host.Stopped
	if !errors.As(err, &stopped) || !strings.Contains(stopped.Error(), "it computed for more than 30ms") {
		t.Errorf("the error is %v", err)
	}
}

// Instances of a plugin compile and match the same sets at the same time.
func TestRegexSetsAreShared(t *testing.T) {
	guests := []*guest{newGuest(t), newGuest(t), newGuest(t)}
	var wg sync.WaitGroup
	for _, g := range guests {
		g.call.Plugin = guests[0].call.Plugin
		wg.Go(func() {
			for i := range 100 {
				set := g.regexSet("never", fmt.Sprintf(`\b%d\b`, i))
				g.want(1, "regex_set_match", set, fmt.Sprintf("number %d of", i))
				g.want(notFound, "regex_set_match", set, fmt.Sprintf("number %d0 of", i))
			}
		})
	}
	wg.Wait()
}

// A set answers what its expressions would, one after the other.
func FuzzRegexSet(f *testing.F) {
	for n, s := range sample {
		f.Add(s.pattern, sample[(n+1)%len(sample)].pattern, s.text)
		f.Add(sample[(n+2)%len(sample)].pattern, s.pattern, strings.Repeat(s.text+"-", 60))
	}
	g := newGuest(f)
	f.Fuzz(func(t *testing.T, first, second, text string) {
		if len(text) > 2000 || len(first)+len(second) > 200 {
			t.Skip()
		}
		g.t = t
		g.call.Plugin = host.NewPlugin("p", nil, host.Grants{}, g.call.Plugin.Log, g.registry)
		set, _ := g.ask("regex_set_compile", []string{first, second})
		if set < 0 {
			return
		}
		want := int64(notFound)
		for n, pattern := range []string{second, first} {
			if regexp.MustCompile(pattern).MatchString(text) {
				want = int64(1 - n)
			}
		}
		g.want(want, "regex_set_match", int(set), text)
	})
}
