//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"phasm/sdk/abi"
)

// Limits of the server's. It also refuses patterns of more than 10,000
// instructions, which the fake does not count.
const (
	maxRegexes   = 1000
	maxPattern   = 8 << 10  // bytes
	maxRegexText = 1 << 20  // of all patterns, in bytes
	maxFound     = 16 << 20 // of an answer, in bytes
)

// regexes are the plugin's regular expressions; numbers are indexes.
type regexes struct {
	list   []*regexp.Regexp
	ids    map[string]int32
	sets   [][]*regexp.Regexp
	setIDs map[string]int32
	text   int
	logged map[string]bool
}

func newRegexes() regexes {
	return regexes{ids: map[string]int32{}, setIDs: map[string]int32{}, logged: map[string]bool{}}
}

// RegexCompile implements imports.Host.
func (f *fake) RegexCompile(pattern, flags string) int32 {
	if len(pattern) > maxPattern || len(flags) > maxPattern {
		return badArgument
	}
	return f.compileRegex(pattern, flags, "regex_compile")
}

// compileRegex answers the number of an expression, for a function.
func (f *fake) compileRegex(pattern, flags, function string) int32 {
	r := &f.regexes
	key := flags + ")" + pattern
	if id, known := r.ids[key]; known {
		return id
	}
	err := checkFlags(flags)
	var re *regexp.Regexp
	if err == nil {
		whole := pattern
		if flags != "" {
			whole = "(?" + key
		}
		re, err = regexp.Compile(whole)
	}
	if err != nil {
		f.regexFault(function, fmt.Sprintf("cannot compile the regular expression %q: %v", pattern[:min(len(pattern), 200)], err))
		return badArgument
	}
	if !f.regexRoom(function, len(pattern)+len(flags)) {
		return noMemory
	}
	id := int32(len(r.list))
	r.list, r.ids[strings.Clone(key)] = append(r.list, re), id
	return id
}

// regexRoom takes the room of another expression or set, where there is some.
func (f *fake) regexRoom(function string, text int) bool {
	r := &f.regexes
	if len(r.list)+len(r.sets) == maxRegexes || r.text+text > maxRegexText {
		f.regexFault(function, "cannot compile another regular expression: a plugin has at most 1000, sets included, of 1 MiB of text and 500,000 instructions in all")
		return false
	}
	r.text += text
	return true
}

// regexFault logs a fault once.
func (f *fake) regexFault(function, fault string) {
	if f.regexes.logged[fault] || len(f.regexes.logged) == maxRefusals {
		return
	}
	f.regexes.logged[fault] = true
	f.log(LogLine{Level: abi.Error, Phase: f.phase, Function: function, Message: fault})
}

func checkFlags(flags string) error {
	for i, flag := range flags {
		if !strings.ContainsRune("imsU", flag) || strings.ContainsRune(flags[:i], flag) {
			return fmt.Errorf("flag %q has no meaning, or stands there twice: there are i, m, s and U", flag)
		}
	}
	return nil
}

func (f *fake) regex(id int32) *regexp.Regexp {
	if id < 0 || int(id) >= len(f.regexes.list) {
		return nil
	}
	return f.regexes.list[id]
}

// RegexMatch implements imports.Host.
func (f *fake) RegexMatch(id int32, text string) int32 {
	switch re := f.regex(id); {
	case re == nil:
		return badArgument
	case re.MatchString(text):
		return 1
	default:
		return 0
	}
}

// RegexFind implements imports.Host.
func (f *fake) RegexFind(id int32, text string, buf []byte) int32 {
	re := f.regex(id)
	if re == nil {
		return badArgument
	}
	match := re.FindStringSubmatchIndex(text)
	if match == nil {
		return notFound
	}
	return reply(buf, positions(match))
}

// RegexFindAll implements imports.Host.
func (f *fake) RegexFindAll(id int32, text string, limit int32, buf []byte) int32 {
	re := f.regex(id)
	if re == nil {
		return badArgument
	}
	var all []int
	for _, match := range re.FindAllStringSubmatchIndex(text, int(limit)) {
		all = append(all, match...)
	}
	if 4*len(all) > maxFound {
		return noMemory
	}
	return reply(buf, positions(all))
}

// RegexReplace implements imports.Host.
func (f *fake) RegexReplace(id int32, text, template string, limit int32, buf []byte) int32 {
	out, n := f.replaced(id, text, template, limit)
	if n < 0 {
		return n
	}
	return reply(buf, out)
}

// ResponseReplaceChunk implements imports.Host.
func (f *fake) ResponseReplaceChunk(id int32, template string, limit int32) int32 {
	out, n := f.replaced(id, f.exchange.chunk, template, limit)
	if n > 0 {
		f.exchange.chunk = out
	}
	return n
}

// replaced is a text with its matches replaced, and how many they were or why
// they are not.
func (f *fake) replaced(id int32, text, template string, limit int32) (_ string, n int32) {
	re := f.regex(id)
	if re == nil {
		return "", badArgument
	}
	template, ok := goTemplate(re, template)
	if !ok {
		return "", badArgument
	}
	var out []byte
	copied := 0
	matches := re.FindAllStringSubmatchIndex(text, int(limit))
	for _, match := range matches {
		out = append(out, text[copied:match[0]]...)
		out = re.ExpandString(out, template, text, match)
		if copied = match[1]; len(out) > maxFound {
			return "", noMemory
		}
	}
	if out = append(out, text[copied:]...); len(out) > maxFound {
		return "", noMemory
	}
	return string(out), int32(len(matches))
}

// RegexNames implements imports.Host.
func (f *fake) RegexNames(id int32, buf []byte) int32 {
	re := f.regex(id)
	if re == nil {
		return badArgument
	}
	return reply(buf, listOf(re.SubexpNames()))
}

// dollar is what may stand in a template.
var dollar = regexp.MustCompile(`\$(?:\$|(\d+)|\{([^}]*)\})?`)

// goTemplate is a template in the form of package regexp, which takes $1x for
// a name and knows no mistakes. It refuses groups that do not exist.
func goTemplate(re *regexp.Regexp, template string) (string, bool) {
	ok := true
	template = dollar.ReplaceAllStringFunc(template, func(found string) string {
		name := strings.Trim(found, "${}")
		if found == "$$" {
			return found
		}
		n, err := strconv.Atoi(name)
		if strings.HasPrefix(found, "${") && name != found[2:len(found)-1] {
			ok = false
		}
		if err == nil && (n < 0 || n > re.NumSubexp() || name[0] == '+' || name[0] == '-') || err != nil && (name == "" || re.SubexpIndex(name) < 0) {
			ok = false
		}
		if err == nil {
			name = strconv.Itoa(n)
		}
		return "${" + name + "}"
	})
	return template, ok
}

// positions are little-endian i32.
func positions(all []int) string {
	var b []byte
	for _, at := range all {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(at)))
	}
	return string(b)
}
