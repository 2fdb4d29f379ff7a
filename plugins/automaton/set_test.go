package automaton

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
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

// Long texts are read in lanes, whatever lies across their borders.
func TestMatchInLanes(t *testing.T) {
	source := rand.New(rand.NewPCG(5, 6))
	words := []string{"the quick ", "a", "b", "ab ", "\n", "union ", "from", "x", ",x", "\na", "é", "日本", "\xff", "= ", "1 ", "k"}
	for _, pattern := range append(patterns, "(?s)union.*zselect", "(?s)^the.*zz", "(?m)^b.*zz$", `\bfrom\b.{300}z`, "[ab]{3}.{2}zz", "(?i)zz|Z") {
		re, set := regexp.MustCompile(pattern), compile(t, pattern)
		for range 30 {
			var b []byte
			for n := 300 + source.IntN(2000); len(b) < n; {
				b = append(b, words[source.IntN(1+source.IntN(len(words)))]...)
			}
			if source.IntN(2) == 0 {
				b = slices.Insert(b, source.IntN(len(b)), []byte("zz select ")...)
			}
			want := -1
			if re.Match(b) {
				want = 0
			}
			for round := range 2 {
				if got, known := set.Match(b, new(steps)); got != want && known {
					t.Errorf("%q in %q: %d, want %d (round %d)", pattern, b, got, want, round)
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

// finder finds by package regexp the first match that begins at or behind a
// place.
type finder struct{ re, behind *regexp.Regexp }

func newFinder(pattern string) finder {
	tree, _ := syntax.Parse(pattern, syntax.Perl)
	return finder{regexp.MustCompile(pattern), regexp.MustCompile(`\A(?s:.)(?s:.*?)(` + tree.String() + `)`)}
}

// from is where the match begins, or -1.
func (f finder) from(text string, at int) int {
	if at == 0 {
		if loc := f.re.FindStringIndex(text); loc != nil {
			return loc[0]
		}
		return -1
	}
	_, width := utf8.DecodeLastRuneInString(text[:at])
	if loc := f.behind.FindStringSubmatchIndex(text[at-width:]); loc != nil {
		return at - width + loc[2]
	}
	return -1
}

func checkSkip(t *testing.T, set *Set, f finder, text string, from int) {
	t.Helper()
	at, found, known := set.Skip([]byte(text), from, new(steps))
	want := f.from(text, from)
	if known && (found != (want >= 0) || at < from || found && at > want) {
		t.Errorf("%q in %.80q from %d: skips to %d %v, and the first match is at %d", f.re, text, from, at, found, want)
	}
}

func TestSkip(t *testing.T) {
	for _, pattern := range patterns {
		set, f := compile(t, pattern), newFinder(pattern)
		for _, text := range texts {
			for from := 0; from <= len(text); from += 1 + len(text)/5 {
				if from == len(text) || utf8.RuneStart(text[from]) {
					checkSkip(t, set, f, text, from)
				}
			}
		}
	}
	text := strings.Repeat("an union of two ", 1000)
	set := compile(t, "(?i)union.{1,5}select")
	if at, found, known := set.Skip([]byte(text+"UNION select"), 0, new(steps)); !found || !known || at < len(text)-100 {
		t.Errorf("skips to %d of %d only: %v %v", at, len(text), found, known)
	}
}

func FuzzMatch(f *testing.F) {
	for n, pattern := range patterns {
		for m := n % 23; m < len(texts); m += 23 {
			f.Add(pattern, patterns[(n+m)%len(patterns)], texts[m], uint16(m))
		}
	}
	f.Fuzz(func(t *testing.T, first, second, text string, from uint16) {
		if len(first)+len(second) > 200 || len(text) > 1000 {
			t.Skip()
		}
		one, err1 := regexp.Compile(first)
		two, err2 := regexp.Compile(second)
		if err1 != nil || err2 != nil || one.NumSubexp()+two.NumSubexp() > 20 {
			t.Skip()
		}
		for _, room := range []int{1 << 20, 16 << 10} {
			set := within(t, NewMemory(room), first, second)
			if set == nil {
				t.Skip()
			}
			want := firstOf([]*regexp.Regexp{one, two}, text)
			for range 2 {
				if got, known := set.Match([]byte(text), new(steps)); known && got != want {
					t.Errorf("%q and %q in %q: %d, want %d", first, second, text, got, want)
				}
			}
		}
		if strings.Contains(first, `\Q`) {
			return
		}
		if at := int(from); at == 0 || at <= len(text) && utf8.ValidString(text) && (at == len(text) || utf8.RuneStart(text[at])) {
			checkSkip(t, compile(t, first), newFinder(first), text, at)
		}
	})
}

// random is text that an expression below has a state of its own for at almost
// every place.
func random(n int) []byte {
	source := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a' + byte(source.IntN(2))
	}
	return text
}

const exploding = "[ab]*a[ab]{300}c"

// A search that only ever makes new states gives up, within bounds that do not
// grow with the text.
func TestGivesUp(t *testing.T) {
	memory := NewMemory(16 << 20)
	set := within(t, memory, exploding)
	clock, text := new(steps), random(200_000)
	for range 5 {
		if _, known := set.Match(text, clock); known {
			t.Fatal("it does not give up")
		}
		if used := 16<<20 - memory.left.Load(); used > mostMemory {
			t.Fatalf("it uses %d bytes", used)
		}
	}
	if most := steps(5 * (2 * patience) * set.prog.size()); *clock > most {
		t.Errorf("the searches take %d steps, at most %d", *clock, most)
	}
	if n, known := set.Match([]byte(strings.Repeat("a", 400)+"c"), clock); n != 0 || !known {
		t.Errorf("afterwards it finds %d %v", n, known)
	}
}

// The clock is told on the way, not at the end of a long text.
func TestTellsClock(t *testing.T) {
	set := compile(t, "(?i)union", "é$")
	for _, char := range []string{"x", "é", "\xff"} {
		text := []byte(strings.Repeat(char, 1<<20) + "z")
		clock := &most{}
		for range 2 { // the second one makes no steps
			*clock = most{}
			if n, known := set.Match(text, clock); n != -1 || !known {
				t.Errorf("%q: %d %v", char, n, known)
			}
		}
		if bytes := clock.sum * bytesPerStep; clock.once > 2*stretch || bytes < len(text)*9/10 || bytes > len(text) {
			t.Errorf("for %d times %q the clock is told of %d bytes, %d at once", 1<<20, char, bytes, clock.once*bytesPerStep)
		}
	}
}

// most is a clock that keeps the most that it was told at once.
type most struct{ once, sum int }

func (m *most) Spend(n int) { m.once, m.sum = max(m.once, n), m.sum+n }

// Sets that share memory take no more than there is, and what one gives back
// another one gets.
func TestMemoryIsShared(t *testing.T) {
	memory := NewMemory(200 << 10)
	var sets []*Set
	for range 8 {
		sets = append(sets, within(t, memory, exploding))
	}
	for range 2 {
		for _, set := range sets {
			set.Match(random(5000), new(steps))
			if left := memory.left.Load(); left < 0 {
				t.Fatalf("%d bytes too many are taken", -left)
			}
		}
	}
	used := 0
	for _, set := range sets {
		if t := set.table.Load(); t != nil {
			used += t.memory
		}
	}
	if left := int(memory.left.Load()); used+left != 200<<10 {
		t.Errorf("of %d bytes %d are used and %d are left", 200<<10, used, left)
	}
}

// A clock may stop a search anywhere, and the set is as good as before.
func TestClockStops(t *testing.T) {
	set := compile(t, exploding, "b.*d")
	for limit := range 50 {
		func() {
			defer func() { recover() }()
			set.Match(random(100_000), stopping{new(limit * 1000)})
		}()
	}
	if n, known := set.Match([]byte("abd"), new(steps)); n != 1 || !known {
		t.Errorf("afterwards it finds %d %v", n, known)
	}
}

type stopping struct{ left *int }

func (s stopping) Spend(n int) {
	if *s.left -= n; *s.left < 0 {
		panic(errors.New("stopped"))
	}
}

// Searches run at once in a table that is often begun anew.
func TestMatchAtOnce(t *testing.T) {
	some := []string{"[ab]*a[ab]{5}c", "(?i)union.*select", `\bx\w+\b`}
	var list []*regexp.Regexp
	for _, pattern := range some {
		list = append(list, regexp.MustCompile(pattern))
	}
	set := within(t, NewMemory(24<<10), some...)
	var texts []string
	var want []int
	source := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		b := make([]byte, source.IntN(400))
		for i := range b {
			b[i] = "abx _\n"[source.IntN(6)]
		}
		text := string(b) + []string{"", "abbbbbc", " UNION a SELECT", "-xab-", "ä"}[source.IntN(5)]
		texts, want = append(texts, text), append(want, firstOf(list, text))
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				k := (i*7 + n*31) % len(texts)
				if got, known := set.Match([]byte(texts[k]), new(steps)); known && got != want[k] {
					t.Errorf("%q: %d, want %d", texts[k], got, want[k])
				}
			}
		})
	}
	wg.Wait()
}

// What tells too many characters apart has no table.
func TestTooManyClasses(t *testing.T) {
	var progs []*syntax.Prog
	for first := rune(0x3400); first < 0x3400+mostClasses; first += 2000 {
		var b strings.Builder
		for r := first; r < first+2000; r++ {
			b.WriteRune(r)
		}
		tree, _ := syntax.Parse(b.String(), syntax.Perl)
		prog, _ := syntax.Compile(tree)
		progs = append(progs, prog)
	}
	if New(NewMemory(1<<20), progs...) != nil {
		t.Error("there is a table")
	}
	if set := New(NewMemory(1<<20), progs[:3]...); set == nil {
		t.Error("there is none for less")
	} else if n, known := set.Match([]byte("\u3400"), new(steps)); n != -1 || !known {
		t.Errorf("it finds %d %v", n, known)
	}
}

func TestAllocations(t *testing.T) {
	set := compile(t, firewall...)
	clock := new(steps)
	for _, text := range texts {
		text := []byte(text)
		if n := testing.AllocsPerRun(10, func() {
			set.Match(text, clock)
			set.Skip(text, 0, clock)
		}); n != 0 {
			t.Errorf("%.50q takes %v allocations", text, n)
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
