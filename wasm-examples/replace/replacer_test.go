package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// replaced is what the chunks become.
func replaced(t *testing.T, from, to string, chunks []string) string {
	t.Helper()
	r := replacer{from: []byte(from), to: []byte(to)}
	var out []byte
	for i, chunk := range chunks {
		out = r.append(out, []byte(chunk), i == len(chunks)-1)
		if len(r.held) >= len(from) {
			t.Errorf("%q is held back, as long as %q", r.held, from)
		}
	}
	return string(out)
}

func TestReplacer(t *testing.T) {
	for _, test := range []struct {
		from, to string
		chunks   []string
		want     string
	}{
		{"abc", "X", []string{"abc"}, "X"},
		{"abc", "X", []string{"--abc--abc--"}, "--X--X--"},
		{"abc", "", []string{"a", "b", "c"}, ""},
		{"abc", "X", []string{"a", "b", "d"}, "abd"},
		{"abc", "X", []string{"ab", "", "c", ""}, "X"},
		{"abc", "X", []string{"abcab", "cabcab"}, "XXXab"},
		{"aab", "X", []string{"aa", "ab"}, "aX"},
		{"aab", "X", []string{"aaaaaa", "b"}, "aaaaX"},
		{"abab", "X", []string{"xaba", "bab"}, "xXab"},
		{"abab", "X", []string{"ab", "aab", "ab"}, "abaX"},
		{"ababac", "X", []string{"abab", "abac"}, "abX"},
		{"aa", "a", []string{"a", "a", "a", "a"}, "aa"},
		{"a", "aa", []string{"a", "ba"}, "aabaa"},
		{"long text", "X", []string{"a lo", "ng t", "ext"}, "a X"},
		{"abc", "X", []string{""}, ""},
	} {
		if got := replaced(t, test.from, test.to, test.chunks); got != test.want {
			t.Errorf("%q by %q in %q makes %q, want %q", test.from, test.to, test.chunks, got, test.want)
		}
	}
}

// FuzzReplacer cuts a text anywhere: the outcome must not depend on it.
func FuzzReplacer(f *testing.F) {
	f.Add("ab", "x", "aabbabaabab", uint64(1))
	f.Add("aab", "aabaab", "aaaabaab", uint64(2))
	f.Fuzz(func(t *testing.T, from, to, text string, seed uint64) {
		if from == "" {
			t.Skip()
		}
		random := rand.New(rand.NewPCG(seed, 0))
		var chunks []string
		for rest := text; ; {
			n := min(random.IntN(len(from)+2), len(rest))
			chunks = append(chunks, rest[:n])
			if rest = rest[n:]; rest == "" {
				break
			}
		}
		if got, want := replaced(t, from, to, chunks), strings.ReplaceAll(text, from, to); got != want {
			t.Errorf("%q by %q in %q makes %q, want %q", from, to, chunks, got, want)
		}
	})
}

func TestReplacerAllocates(t *testing.T) {
	r := replacer{from: []byte("abab"), to: []byte("x")}
	out, chunk := make([]byte, 0, 100), []byte("ab abab aba")
	r.append(out, chunk, false)
	if n := testing.AllocsPerRun(100, func() { r.append(out, chunk, false) }); n != 0 {
		t.Errorf("a chunk costs %v allocations", n)
	}
}
