package automaton

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"testing"
)

// steps is a clock that counts.
type steps int

func (s *steps) Spend(n int) { *s += steps(n) }

func compile(t testing.TB, patterns ...string) *Set {
	t.Helper()
	return within(t, NewMemory(16<<20), patterns...)
}

func within(t testing.TB, memory *Memory, patterns ...string) *Set {
	t.Helper()
	var progs []*syntax.Prog
	for _, pattern := range patterns {
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		progs = append(progs, prog)
	}
	set := New(memory, progs...)
	if set == nil {
		t.Fatalf("%q make no set", patterns)
	}
	return set
}

// firewall are rules of a web application firewall.
var firewall = []string{
	`(?i)(?:union\s+(?:all\s+)?select|select\s.+\sfrom\s|insert\s+into\s|delete\s+from\s|drop\s+table)`,
	`(?i)(?:'|\")\s*(?:or|and)\s+(?:'|\"|\d)`,
	`(?i)<\s*script|javascript\s*:|on(?:load|error|click|mouseover)\s*=`,
	`(?i)\.\./|\.\.\\|/etc/(?:passwd|shadow)`,
	"(?i)(?:;|\\||`|\\$\\()\\s*(?:cat|ls|id|wget|curl|bash|sh)\\b",
	`(?i)(?:sleep|benchmark|waitfor)\s*\(`,
	`(?i)(?:load_file|into\s+outfile|information_schema)`,
	`(?i)(?:<!entity|<!doctype[^>]+\[)`,
}

// patterns and texts of all kinds.
var (
	patterns = append([]string{
		"", "a", "a*", "a+b", "(a|ab)(c|bcd)(d*)", "^", "$", "^$", "(?m)^", "(?m)$", "(?m)^$", "(?m)^a$", "(?m)a$b?", "^a", "a$", `\Aa`, `a\z`, `(?m)\Aa|b\z`,
		`\b`, `\B`, `\ba`, `a\b`, `\Ba\B`, `\b\B`, `a\bb`, `a\b b`, `(?m)$^`, `(?m)$\n^a`, `(?m)^\b`, `\b$`, `\b^a`, `(?m:^)\Ba`,
		".", "(?s).", ".*", "(?s)a.b", "a.b", "[^a]", "[^\\n]", `\n`, `\s\S`, `\w+\W`, `\d{2,3}`, `\pL`, `\PL`, `\p{Greek}+`, "[[:^alpha:]]",
		"(?i)k", "(?i)s", "(?i)kelvin", "(?i)straße", "(?i)ſ", "(?i)Σ", "(?i)[a-z]", "(?i)[^k]", "ä", "(?i)Ä", "日本", "日|本", "[日-本]", "\ufffd", "[^\ufffd]", "[\ufffd]",
		"😀", "[😀-😂]b", "a{3}", "(?:a{2}){2}", "(?:a|b)*c", "(?:a*)*", "(?:a*)+b", "(?:|a)+", "x*?y", "(?U)x+y", "(?:a?){5}a{5}", "(a|b)*a(a|b){5}",
		"union.*select", "a[^b]*b", "[a-c]+d|e", "(?i)abc|ABD|x", `\x00`, `\xff`, `[\x80-\xff]`, `\Qa.b\E`, "(?:)", "a|", "|a", "(?:^a|b)c", "(?:^|,)x", "(?:a|$)b", "[^\\x00-\\x{10FFFF}]", "a[^\\x00-\\x{10FFFF}]|b",
	}, firewall...)
	texts = []string{
		"", "a", "b", "ab", "abcd", "aab", "aaaaa", "aaaaaaaaaa", "\n", "\na", "a\n", "a\nb", "b\na\nb", "a b", " a ", "ab ab", "_a_", "-a-", "a-b", "\n\n", "aXb", "a\r\nb",
		"K", "k", "\u212a", "\u212aelvin", "KELVIN", "ſ", "S", "Σςσ", "STRASSE", "STRAßE", "ä", "Ä", "日本", "日", "x日b", "\xff", "a\xff", "\xffa\xfe", "\xe6\x97", "\xe6\x97a", "\xe6a\x97", "\xf0\x9f\x98", "\xc3", "\xc3\xc3\xa4",
		"\ufffd", "😀b", "😃b", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\x00", "\x7f", "\u0080", "123", "12 34", "xxxxy", "x,x", ",x", "babbab", "bbbbbba", "abababac",
		"1 UNION  all\tselect 2", "select a from b", "' or 1", "<  script>", "onclick =", "../", "/etc/passwd", "; ls", ";lsx", "`id", "$(cat x", "sleep (", "information_schema", "<!doctype x [", "<!DOCTYPE x> [",
		strings.Repeat("The quick brown fox jumps over the lazy dog, and nobody is hurt by it.\n", 40),
		strings.Repeat("日本語 ", 100) + "a\nb", strings.Repeat("ab", 300) + "c", strings.Repeat("\xff\xc3", 100) + "k",
	}
)

// What a set finds is what package regexp finds: alone, with others, in a table
// with room for a few states, and whatever is in the table.
func TestMatch(t *testing.T) {
	for _, pattern := range patterns {
		re := regexp.MustCompile(pattern)
		alone, narrow := compile(t, pattern), within(t, NewMemory(24<<10), pattern)
		for round := range 2 {
			for _, text := range texts {
				want := -1
				if re.MatchString(text) {
					want = 0
				}
				if got, known := alone.Match([]byte(text), new(steps)); got != want || !known {
					t.Errorf("%q in %.80q: %d %v, want %d (round %d)", pattern, text, got, known, want, round)
				}
				if got, known := narrow.Match([]byte(text), new(steps)); known && got != want {
					t.Errorf("%q in %.80q: %d, want %d where there is no room (round %d)", pattern, text, got, want, round)
				}
			}
		}
	}
}

// firstOf is what a set has to answer.
func firstOf(list []*regexp.Regexp, text string) int {
	for n, re := range list {
		if re.MatchString(text) {
			return n
		}
	}
	return -1
}

func TestMatchOfSeveral(t *testing.T) {
	for seed := range 60 {
		random := rand.New(rand.NewPCG(1, uint64(seed)))
		var some []string
		var list []*regexp.Regexp
		for range 1 + random.IntN(12) {
			pattern := patterns[random.IntN(len(patterns))]
			if regexp.MustCompile(pattern).MatchString("") {
				continue // it matches everything
			}
			some = append(some, pattern)
			list = append(list, regexp.MustCompile(pattern))
		}
		set := compile(t, some...)
		for range 200 {
			text := texts[random.IntN(len(texts))] + texts[random.IntN(len(texts))]
			got, known := set.Match([]byte(text), new(steps))
			if want := firstOf(list, text); known && got != want {
				t.Errorf("%q in %.100q: %d, want %d", some, text, got, want)
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	body := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog, and nobody is hurt by it.\n", 230))
	query := []byte("user=john.doe@example.com&search=the+quick+brown+fox&page=2&sort=name&filter=active")
	for name, text := range map[string][]byte{"query": query, "body": body, "japanese": []byte(strings.Repeat("日本語", 2000))} {
		b.Run(name, func(b *testing.B) {
			set := compile(b, firewall...)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			clock := new(steps)
			for b.Loop() {
				if n, known := set.Match(text, clock); n != -1 || !known {
					b.Fatal(n, known)
				}
			}
		})
	}
}

var _ = fmt.Sprint
var _ sync.Mutex
