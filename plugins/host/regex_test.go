package host_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/host"
)

// regex compiles an expression that has to be good.
func (g *guest) regex(pattern, flags string) int {
	g.t.Helper()
	id, _ := g.ask("regex_compile", pattern, flags)
	if id < 0 {
		g.t.Fatalf("regex_compile(%.100q, %q) answers %d: %v", pattern, flags, id, g.lines())
	}
	return int(id)
}

// positions are what regex_find and regex_find_all have answered.
func positions(answer string) (all []int) {
	for b := []byte(answer); len(b) > 0; b = b[4:] {
		all = append(all, int(int32(binary.LittleEndian.Uint32(b))))
	}
	return all
}

func TestRegexCompile(t *testing.T) {
	g := newGuest(t)
	first := g.regex("a+", "")
	if again := g.regex("a+", ""); again != first {
		t.Errorf("the same pattern has the numbers %d and %d", first, again)
	}
	if other := g.regex("a+", "i"); other == first {
		t.Errorf("another flag makes no other expression")
	}
	other := *g.call // another instance
	g.call = &other
	if again := g.regex("a+", ""); again != first {
		t.Errorf("another instance knows the pattern by the number %d, not %d", again, first)
	}
	for _, test := range []struct{ pattern, flags, want string }{
		{"(a", "", `cannot compile the regular expression "(a": missing closing ): "(a"`},
		{"a{1001}", "", `cannot compile the regular expression "a{1001}": invalid repeat count: "{1001}"`},
		{`(a)\1`, "", `cannot compile the regular expression "(a)\\1": invalid escape sequence: "\\1"`},
		{"a", "j", `cannot compile the regular expression "a": flag 'j' has no meaning: leave it away: every pattern is compiled once and matched in linear time`},
		{"a", "io", `cannot compile the regular expression "a": flag 'o' has no meaning: leave it away: every pattern is compiled once and matched in linear time`},
		{"a", "a", `cannot compile the regular expression "a": flag 'a' has no meaning: begin the pattern with \A`},
		{"a", "x", `cannot compile the regular expression "a": flag 'x' has no meaning: write the pattern without blanks and comments`},
		{"a", "u", `cannot compile the regular expression "a": flag 'u' has no meaning: leave it away: text is UTF-8`},
		{"a", "-i", `cannot compile the regular expression "a": flag '-' has no meaning: there are i, m, s and U`},
		{"a", "i)(?s", `cannot compile the regular expression "a": flag ')' has no meaning: there are i, m, s and U`},
		{"a", "ii", `cannot compile the regular expression "a": flag 'i' stands there twice`},
		{strings.Repeat("(b{1000}){1}", 11), "", `it compiles to 11046 instructions with 11 groups: at most 10000, and 100000 times the groups`},
		{strings.Repeat("(c)", 300), "", `it compiles to 902 instructions with 300 groups: at most 10000, and 100000 times the groups`},
		{strings.Repeat("(", 2000) + strings.Repeat(")", 2000), "", "nests too deeply"},
	} {
		g.want(badArgument, "regex_compile", test.pattern, test.flags)
		g.want(badArgument, "regex_compile", test.pattern, test.flags)
		lines := g.lines()
		if len(lines) != 1 || !strings.Contains(lines[0]["msg"].(string), test.want) || lines[0]["level"] != "ERROR" || lines[0]["function"] != "regex_compile" {
			t.Errorf("%.50q with flags %q logs %v, want %s", test.pattern, test.flags, lines, test.want)
		}
	}
	g.want(badArgument, "regex_compile", strings.Repeat("a", 8<<10+1), "")
	for _, id := range []int{-1, 1000, -1 << 31, 1<<31 - 1} {
		g.want(badArgument, "regex_match", id, "a")
		g.want(badArgument, "regex_find", id, "a")
		g.want(badArgument, "regex_find_all", id, "a", -1)
		g.want(badArgument, "regex_replace", id, "a", "", -1)
		g.want(badArgument, "regex_names", id)
	}
}

// A guest that makes up patterns fills neither the server's memory nor its log.
func TestRegexesAreBounded(t *testing.T) {
	g := newGuest(t)
	for i := range 1000 {
		g.want(int64(i), "regex_compile", fmt.Sprint("number ", i), "")
	}
	g.want(noMemory, "regex_compile", "one more", "")
	g.want(7, "regex_compile", "number 7", "")
	for i := range 200 {
		g.want(badArgument, "regex_compile", fmt.Sprint("(", i), "")
	}
	if lines := g.lines(); len(lines) != 50 {
		t.Errorf("%d faults are logged", len(lines))
	}
	for name, pattern := range map[string]string{
		"text":         "(?:" + strings.Repeat("|", 8000) + ")?", // no instructions to speak of
		"instructions": "a{1000}b{1000}c{1000}d{1000}e{1000}f{1000}",
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(t)
			made := 0
			for ; made < 1000; made++ {
				if id, _ := g.ask("regex_compile", pattern+fmt.Sprint(made), ""); id == noMemory {
					break
				}
			}
			if made < 20 || made > 140 {
				t.Errorf("after %d expressions a plugin may have no more", made)
			}
		})
	}
}

// Instances of a plugin compile and match at the same time.
func TestRegexesAreShared(t *testing.T) {
	guests := []*guest{newGuest(t), newGuest(t), newGuest(t)}
	var wg sync.WaitGroup
	for _, g := range guests {
		g.call.Plugin = guests[0].call.Plugin
		wg.Go(func() {
			for i := range 200 {
				id := g.regex(fmt.Sprintf(`\b(%d)\b`, i), "")
				g.want(1, "regex_match", id, fmt.Sprintf("number %d of", i))
				g.want(0, "regex_match", id, fmt.Sprintf("number %d0 of", i))
				if _, text := g.ask("regex_replace", id, fmt.Sprintf("%d %d", i, i), "<$1>", -1, buffer(64)); text != fmt.Sprintf("<%d> <%d>", i, i) {
					g.t.Errorf("%d is replaced to %q", i, text)
				}
			}
		})
	}
	wg.Wait()
}

func TestRegexReplace(t *testing.T) {
	g := newGuest(t)
	for _, test := range []struct {
		pattern, text, template string
		max                     int
		want                    string
	}{
		{"a", "banana", "o", -1, "bonono"},
		{"a", "banana", "o", 2, "bonona"},
		{"a", "banana", "o", 0, "banana"},
		{"x", "banana", "o", -1, "banana"},
		{"", "ab", "-", -1, "-a-b-"},
		{"b*", "abb b", "-", -1, "-a- -"},
		{`(\w+)@(\w+)`, "ann@home, bob@work", "$2:$1", -1, "home:ann, work:bob"},
		{`(?P<user>\w+)@`, "ann@home", "${user} of ", 1, "ann of home"},
		{`(a)|(b)`, "ab", "[$1|${2}]", -1, "[a|][|b]"},
		{"a", "a", "$$1 $0x ${0}1", -1, "$1 ax a1"},
		{"ä", "ÄäÖ", "ae", -1, "ÄaeÖ"},
		{"(?i)ä", "ÄäÖ", "ae", -1, "aeaeÖ"},
	} {
		g.wantText(test.want, "regex_replace", g.regex(test.pattern, ""), test.text, test.template, test.max)
	}
	id := g.regex("(?P<name>a)", "")
	for _, template := range []string{"$", "a$", "$2", "$9999999999999999999", "${2}", "${other}", "${", "${name", "$name", "${}", "${-1}", "${+1}", "$-"} {
		g.want(badArgument, "regex_replace", id, "a", template, -1)
	}
	// What is made stays within bounds, whatever the template asks for.
	g.want(noMemory, "regex_replace", g.regex("", ""), strings.Repeat("a", 100_000), strings.Repeat("x", 1000), -1)
	g.want(noMemory, "regex_replace", g.regex("(?s).*", ""), strings.Repeat("a", 100_000), strings.Repeat("$0", 10_000), -1)
	g.want(noMemory, "regex_find_all", g.regex(strings.Repeat("()", 50), ""), strings.Repeat("a", 100_000), -1)
}

func TestRegexNames(t *testing.T) {
	g := newGuest(t)
	g.wantText(string(list("", "user", "", "host")), "regex_names", g.regex(`(?P<user>\w+)(@)(?<host>\w+)`, ""))
}

// sample are expressions and texts of all kinds.
var sample = []struct{ pattern, text string }{
	{"a", "banana"}, {"", "abc"}, {"", ""}, {"a*", "baaac"}, {"a|ab|c", "abcab"}, {"^a", "aaa"}, {"(?m)^a", "a\na\nba"},
	{"(?m)^", "a\nb\n"}, {"(?m)$", "a\nb"}, {`\b`, "one two"}, {`\bo`, "one two oo"}, {`\B.`, "one two"}, {`\Aa|b`, "abab"}, {`a\z`, "aa"},
	{`(a)(b)?(c)`, "ac abc"}, {`(?i)union.*select`, "1 UNION all Select 2"}, {`(?i)kelvin`, "\u212aelvin"}, {`(?i)select`, "\u017felect"},
	{`(?i)(select|insert|k)`, "xx\u212axx INSERT"}, {".", "a\xffb\xc3"}, {`[^a]`, "\xff\xfea"}, {"\ufffd", "\xffx"}, {"ä+", "xääx"},
	{`(?:(?:a|b)+c)?`, "ababc abab c"}, {`x*y|x`, "xxxxxxxxy xxx"}, {`(?s)a.b`, "a\nb"}, {`(?U)a+`, "aaa"}, {`\Qa.b`, "a.b axb"},
	{`(?U)\ba+`, "aa baa aaa"}, {`(?i)\bk(e|l)`, "k\u212ae \u212aL"}, {`(?im)^a.`, "ab\nAC\naa"}, {`(?m)^(.*)$`, "a\n\nb"}, {`(?s)(^.|b.)`, "a\nb\nc"},
	{`(?:^|,)(?P<v>[^,]*)`, "a,b,,c"}, {`(?m)(?:^a|a$)+?`, "aa\na"}, {`\b[[:alpha:]]{2,3}\B`, "abcd ab abc"}, {`(?i)\Qa.b`, "A.B"}, {`\b\Q(`, "a( (b("}, {`(?m)^\s*#.*$`, "# a\n  # b\nc # d"}, {"abc(def)?", "xabcabcdef"}, {`\w+\b`, "ab cd"}, {"[Uu]nion", "UNION uNion Union"},
}

// What the host finds is what Go finds, whichever way it goes: also from a
// reader, which large expressions take, and with what stands before a match.
func FuzzRegex(f *testing.F) {
	large := ""
	for char := range 8 {
		large += fmt.Sprintf(`|\x%02x{1000}`, char+1)
	}
	for _, s := range sample {
		for _, n := range []int8{-1, 1, 2} {
			f.Add(s.pattern, s.text, n, false)
			f.Add(s.pattern, s.text+" "+strings.Repeat(s.text+"-", 12), n, true)
		}
	}
	g := newGuest(f)
	f.Fuzz(func(t *testing.T, pattern, text string, limit int8, fromReader bool) {
		if len(text) > 2000 {
			t.Skip()
		}
		g.t = t
		if fromReader {
			if strings.Contains(pattern, `\Q`) {
				t.Skip()
			}
			pattern = "(?:" + pattern + ")" + large
		}
		re, err := regexp.Compile(pattern)
		g.call.Plugin = host.NewPlugin("p", nil, host.Grants{}, g.call.Plugin.Log, g.registry)
		id, _ := g.ask("regex_compile", pattern, "")
		if id < 0 {
			if err == nil && len(pattern) < 100 {
				t.Errorf("%q is refused: %v", pattern, g.lines())
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is taken: %v", pattern, err)
		}
		match, want := int64(0), re.FindStringSubmatchIndex(text)
		if want != nil {
			match = 1
		}
		g.want(match, "regex_match", int(id), text)
		n, found := g.ask("regex_find", int(id), text, buffer(1<<12))
		if got := positions(found); !slices.Equal(got, want) && n <= 1<<12 || want == nil && n != notFound {
			t.Errorf("%.100q finds %d %v in %q, want %v", pattern, n, got, text, want)
		}
		var all []int
		for _, match := range re.FindAllStringSubmatchIndex(text, int(limit)) {
			all = append(all, match...)
		}
		n, found = g.ask("regex_find_all", int(id), text, int(limit), buffer(1<<18))
		if got := positions(found); !reflect.DeepEqual(got, all) && n <= 1<<18 {
			t.Errorf("%.100q finds %v in %q, want %v", pattern, got, text, all)
		}
		n, replaced := g.ask("regex_replace", int(id), text, "<$0>", -1, buffer(1<<16))
		if want := re.ReplaceAllString(text, "<$0>"); replaced != want && n <= 1<<16 {
			t.Errorf("%.100q replaces %q to %q, want %q", pattern, text, replaced, want)
		}
	})
}

// A text that has none of the words in an expression is told apart without a
// match, and never wrongly: also where a word lies across the borders of what is
// looked through at once.
func TestRegexInLongTexts(t *testing.T) {
	g := newGuest(t)
	for _, pattern := range []string{`(?i)union.*select`, `<script|javascript:`, `(?i)abcdefghijklmnop`} {
		id := g.regex(pattern, "")
		for _, at := range []int{0, 1, 64<<10 - 20, 64<<10 - 1, 64 << 10, 64<<10 + 1, 128<<10 - 3, 200 << 10} {
			text := []byte(strings.Repeat("s", 210<<10))
			g.want(0, "regex_match", id, string(text))
			copy(text[at:], "Union select javascript: ABCDEFghijklmnop")
			g.want(1, "regex_match", id, string(text))
		}
	}
}

// nasty puts a text into the guest's memory and answers a call on it that takes
// for ever.
func (g *guest) nasty(name string) (call func() error) {
	g.t.Helper()
	text := strings.Repeat("a", 2<<20)
	if name == "regex_match" { // no two places of it are the same to its pattern
		random := rand.New(rand.NewPCG(1, 2))
		b := []byte(text)
		for i := range b {
			b[i] -= byte(random.IntN(2)) * ('a' - 'A')
		}
		text = string(b)
	}
	patterns := map[string]string{"regex_match": "[aA]*a[aA]{900}b", "regex_find_all": "(?s)a.*b|a", "regex_replace": `\b|a*?\z`}
	id := g.regex(patterns[name], "")
	at, ok := g.memory.Grow(40)
	if !ok {
		g.t.Fatal("no memory")
	}
	place := uint64(at) << 16
	g.memory.WriteString(uint32(place), text)
	stack := []uint64{uint64(id), place, uint64(len(text))}
	if name == "regex_replace" {
		stack = append(stack, 0, 0)
	}
	if name != "regex_match" {
		stack = append(stack, 1<<32-1, 0, 0)
	}
	return func() error {
		g.call.Begin()
		return g.module.ExportedFunction(name).CallWithStack(g.call, stack)
	}
}

// An expression is stopped in the middle of a text when its guest's time is up.
func TestRegexIsStopped(t *testing.T) {
	for _, name := range []string{"regex_match", "regex_find_all", "regex_replace"} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(t)
			call := g.nasty(name)
			g.call.Budget.CPU = 30 * time.Millisecond
			begin := time.Now()
			err := call()
			var stopped *host.Stopped
			if !errors.As(err, &stopped) || !strings.Contains(stopped.Error(), "it computed for more than 30ms") {
				t.Errorf("after %v the error is %v", time.Since(begin), err)
			}
			t.Logf("stopped after %v", time.Since(begin))
		})
	}
}

// An expression computes in turns with the guests of other plugins: while they
// have all of them it waits.
func TestRegexTakesTurns(t *testing.T) {
	turns := host.NewTurns()
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		g := newGuest(t)
		g.call.Budget.Turns, g.call.Budget.CPU = turns, 10*time.Millisecond
		if err := g.nasty("regex_match")(); err == nil { // keeps its turn, because nobody ends it
			t.Fatal("an expression is not stopped")
		}
		defer g.call.EndTurn()
	}
	g := newGuest(t)
	g.call.Budget.Turns, g.call.Budget.Wall = turns, 300*time.Millisecond
	err := g.nasty("regex_match")()
	if err == nil || !strings.Contains(err.Error(), "it took more than 300ms") || g.call.Used() > 100*time.Millisecond {
		t.Errorf("it computed for %v, error %v", g.call.Used(), err)
	}
}

// What an instruction of an expression takes for a byte of text, at worst.
func BenchmarkRegexWorst(b *testing.B) {
	for _, pattern := range []string{"(?:a?){500}a{500}b", "(?:[a-z]{1,50}|[a-y]{1,50})*!", `(?:(a)|(b)|(c)|[a-z])*!`, "(?i)union.*select"} {
		re := regexp.MustCompile(pattern)
		text := strings.Repeat("abcunionabc", 1000)
		b.Run(pattern, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				re.MatchString(text)
			}
		})
	}
}

// What it takes to compile the worst patterns. That cannot be interrupted.
func BenchmarkRegexCompileWorst(b *testing.B) {
	const most = 8 << 10
	fill := func(s string) string { return strings.Repeat(s, most/len(s)) }
	nested := strings.Repeat("(?:", 900) + "a" + strings.Repeat(")*", 900)
	for name, pattern := range map[string]string{
		"classes": fill(`\pL`), "one class": "[" + fill(`\pL`)[:most-3] + "]", "folded": "(?i)" + fill(`\pL`)[5:],
		"folded class": "(?i)[" + fill(`\pL`)[:most-9] + "]", "alternatives": fill("ab|") + "c", "common": fill("aaaa(b|c)|"),
		"repeats": fill("a{1000}"), "groups": fill("()"), "nested": `\b` + nested, "stars": fill("a*"), "words": fill(`\W`),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				newGuest(b).ask("regex_compile", pattern, "")
			}
		})
	}
}
