package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// A literal is found and replaced as package regexp would, wherever it lies in
// what is looked through at once; and what is none is not taken for one.
func TestReplaceLiteral(t *testing.T) {
	g := newGuest(t)
	const stretch = 32 << 10
	long := strings.Repeat("0123456789", 50)
	for pattern, literal := range map[string]string{
		"fox": "fox", "a": "a", "aa": "aa", "aba": "aba", "ä": "ä", "ö\U0001F98A": "ö\U0001F98A", `\.`: ".", `\Qa.b`: "a.b", "(?:fo)x": "fox", "[f]ox": "fox", "\n": "\n", "\x00": "\x00", long: long, "(?i)42": "42",
		"(fox)": "", "(?i)fox": "", "^fox": "", `fox\z`: "", `\bfox`: "", "\ufffd": "", "": "", "fo*x": "", "fox|cat": "",
	} {
		texts := []string{"", "fox Fox FOX foxfo", "x fox", "aaaaa", "ababababa", "42", "\xff\xfffox\xc3", "wolf"}
		if l := literal; l != "" {
			border := func(before int) string { return strings.Repeat("-", stretch-before) }
			texts = append(texts, l+l, "x"+l, l+"x", l[1:]+l[:len(l)-1]+l, "\xff"+l+"\xc3"+l+"\xf0\x9f"+l, "\xc3"+l[1:],
				border(len(l))+l+l, border(len(l)-1)+l+"-"+l, border(1)+l+border(0)+border(0)+l, border(0)+l, strings.Repeat(l, 1+2*stretch/len(l)))
		}
		re, id := regexp.MustCompile(pattern), g.regex(pattern, "")
		for _, text := range texts {
			for _, limit := range []int{-1, 0, 1, 2, 7} {
				g.checkReplace(re, id, text, "<$0>", limit)
			}
			for _, template := range []string{"", "cat", "crocodile", "${0}$0", "$$$0$$"} {
				g.checkReplace(re, id, text, template, -1)
			}
		}
	}
}

// checkReplace checks what becomes of a text as a chunk, and where matches are
// found, against package regexp.
func (g *guest) checkReplace(re *regexp.Regexp, id int, text, template string, limit int) {
	g.t.Helper()
	var matches [][]int
	if limit != 0 { // for which package regexp finds all of them
		matches = re.FindAllStringSubmatchIndex(text, limit)
	}
	var want []byte
	copied := 0
	for _, m := range matches {
		want = append(want, text[copied:m[0]]...)
		want = re.ExpandString(want, template, text, m)
		copied = m[1]
	}
	want = append(want, text[copied:]...)
	g.call.Phase = abi.BodyFilter
	g.call.Exchange.ReplaceChunk([]byte(text))
	if n, _ := g.ask("response_replace_chunk", id, template, limit); n != int64(len(matches)) {
		g.t.Errorf("%.30q in %.50q: %d are replaced, want %d", re, text, n, len(matches))
	}
	if got := g.call.Exchange.Chunk; !bytes.Equal(got, want) {
		g.t.Errorf("%.30q in %.50q becomes %.50q with %d bytes, want %.50q with %d", re, text, got, len(got), want, len(want))
	}
	if len(text) > 1000 {
		return
	}
	g.wantText(string(want), "regex_replace", id, text, template, limit)
	var all []int
	for _, m := range matches {
		all = append(all, m...)
	}
	if _, found := g.ask("regex_find_all", id, text, limit, buffer(1<<16)); !slices.Equal(positions(found), all) {
		g.t.Errorf("%.30q in %.50q is found at %v, want %v", re, text, positions(found), all)
	}
	if limit != 1 {
		return
	}
	if _, found := g.ask("regex_find", id, text, buffer(64)); !slices.Equal(positions(found), all) {
		g.t.Errorf("%.30q in %.50q is found first at %v, want %v", re, text, positions(found), all)
	}
	g.want(int64(len(matches)), "regex_match", id, text)
}

func FuzzReplaceLiteral(f *testing.F) {
	f.Add("fox", "the fox and the fox", "cat", int8(-1))
	f.Add("aa", "aaaaa", "$", int8(1))
	f.Add("ä", "\xc3\xa4\xa4ä", "", int8(2))
	f.Add("", "ab", "-", int8(-1))
	g := newGuest(f)
	f.Fuzz(func(t *testing.T, literal, text, replacement string, limit int8) {
		pattern := regexp.QuoteMeta(literal)
		re, err := regexp.Compile(pattern)
		if err != nil || len(literal)+len(text)+len(replacement) > 1000 {
			t.Skip()
		}
		g.t = t
		g.call.Plugin = host.NewPlugin("p", nil, host.Grants{}, g.call.Plugin.Log, g.registry)
		g.checkReplace(re, g.regex(pattern, ""), text, strings.ReplaceAll(replacement, "$", "$$")+"${0}", int(limit))
	})
}

// Very many replacements are stopped when the guest's time is up.
func TestReplaceLiteralIsStopped(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.BodyFilter
	g.call.Exchange.ReplaceChunk(bytes.Repeat([]byte("a"), 8<<20))
	id := g.regex("a", "")
	g.call.Begin()
	g.call.Budget.CPU = 5 * time.Millisecond
	_, err := g.module.ExportedFunction("response_replace_chunk").Call(g.call, uint64(id), 0, 1, api.EncodeI32(-1))
	var stopped *host.Stopped
	if !errors.As(err, &stopped) || !strings.Contains(stopped.Error(), "it computed for more than 5ms") {
		t.Errorf("the error is %v", err)
	}
	if n := len(g.call.Exchange.Chunk); n != 8<<20 {
		t.Errorf("the chunk has %d bytes then", n)
	}
}

// A word replaced in chunks that are no larger than most allocates nothing.
func TestReplaceLiteralAllocatesNothing(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.BodyFilter
	id := g.regex("fox", "")
	g.memory.WriteString(64, "cat")
	text := []byte(strings.Repeat("the quick brown fox, ", 3000))
	args := []uint64{uint64(id), 64, 3, api.EncodeI32(-1)}
	replace := g.module.ExportedFunction("response_replace_chunk")
	stack := make([]uint64, len(args))
	if n := testing.AllocsPerRun(100, func() {
		g.call.Exchange.Chunk = text
		copy(stack, args)
		if err := replace.CallWithStack(g.call, stack); err != nil {
			t.Error(err)
		}
		g.call.Exchange.Reset()
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

// BenchmarkReplaceChunk has a word replaced in a chunk of the largest size.
func BenchmarkReplaceChunk(b *testing.B) {
	const line = "The quick brown fox jumps over the lazy dog, and nobody is hurt.\n"
	text := []byte(strings.Repeat(line, 1+64<<10/len(line))[:64<<10])
	for _, test := range []struct{ pattern, template string }{{"fox", "cat"}, {"fox", "crocodile"}, {"fox", "<$0>"}, {"wolf", "cat"}, {"f[o]+x", "cat"}} {
		b.Run(fmt.Sprint(test.pattern, " by ", test.template), func(b *testing.B) {
			g := newGuest(b)
			g.call.Phase = abi.BodyFilter
			g.memory.WriteString(64, test.template)
			args := []uint64{uint64(g.regex(test.pattern, "")), 64, uint64(len(test.template)), api.EncodeI32(-1)}
			g.memory.WriteString(64, test.template)
			replace := g.module.ExportedFunction("response_replace_chunk")
			stack := make([]uint64, len(args))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				g.call.Exchange.Chunk = text
				copy(stack, args)
				if err := replace.CallWithStack(g.call, stack); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
