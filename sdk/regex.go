package sdk

import (
	"strconv"

	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Regexp is a regular expression that the server runs for the plugin, faster
// than the guest could: compiled once for all instances, in RE2's syntax, which
// is that of Go's package regexp. A match takes a time that grows with pattern
// times text and counts as the plugin's. What for ngx.re are options goes into
// the pattern: (?i), (?m), (?s), (?U).
//
//	var attack = sdk.MustCompile(`(?i)union.*select`)
//
//	if attack.Match(r.Query("q")) { … }
//
// A plugin has at most 1000 of them, which live as long as its configuration
// is in use: they are for patterns that the plugin knows, not for those that
// come with requests.
type Regexp struct {
	pattern string
	id      int32
	known   bool // id is the host's
}

// MustCompile declares an expression in a package variable, or in the handler
// of [Init]; in others that is [Compile]'s. It is compiled in the init phase, or
// where it is first used. One that is malformed keeps the plugin from being
// loaded, and the log says why.
func MustCompile(pattern string) *Regexp {
	re := &Regexp{pattern: pattern}
	phases.Setup(func() Action {
		if err := re.compile(); err != nil {
			Error(err.Error())
			return failed
		}
		return Continue
	})
	return re
}

// Compile compiles an expression in a handler, such as one from the
// configuration in that of [Init]. A malformed or too large one is
// [ErrBadArgument], and the log says why; one more than 1000 is [ErrNoMemory].
func Compile(pattern string) (*Regexp, error) {
	re := &Regexp{pattern: pattern}
	return re, re.compile()
}

func (re *Regexp) compile() error {
	re.id = imports.RegexCompile(re.pattern, "")
	if re.known = re.id >= 0; !re.known {
		return &regexpError{re.pattern, errnoOf(re.id)}
	}
	return nil
}

// regexpError is that of an expression that cannot be compiled.
type regexpError struct {
	pattern string
	cause   error
}

func (e *regexpError) Error() string {
	return "cannot compile the regular expression " + strconv.Quote(e.pattern) + ": " + e.cause.Error()
}

func (e *regexpError) Unwrap() error { return e.cause }

// number is the host's number of the expression.
func (re *Regexp) number() int32 {
	if !re.known {
		if err := re.compile(); err != nil {
			panic("sdk: " + err.Error())
		}
	}
	return re.id
}

// String is the pattern.
func (re *Regexp) String() string { return re.pattern }

// Match tells whether the text matches anywhere, like ngx.re.find.
func (re *Regexp) Match(text string) bool { return imports.RegexMatch(re.number(), text) == 1 }

// MatchBytes is [Regexp.Match] for bytes.
func (re *Regexp) MatchBytes(text []byte) bool { return re.Match(stringOf(text)) }

// Find is the first match and whether there is one.
func (re *Regexp) Find(text string) (match string, found bool) {
	groups := re.positions(text)
	if len(groups) == 0 {
		return "", false
	}
	return group(text, groups), true
}

// FindSubmatch is the first match and its groups, like ngx.re.match: the whole
// match under 0, empty texts for groups that took no part. It is nil where
// there is no match.
func (re *Regexp) FindSubmatch(text string) []string { return submatch(text, re.positions(text)) }

// positions are those of the first match, empty where there is none.
func (re *Regexp) positions(text string) []byte {
	b, err := re.appendPositions(scratch, text)
	if err != nil {
		return nil
	}
	return b
}

func (re *Regexp) appendPositions(dst []byte, text string) ([]byte, error) {
	n := imports.RegexFind(re.number(), text, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RegexFind(re.number(), text, free(dst))
	}
	return taken(dst, n)
}

// AppendIndex appends where the first match and each of its groups begin and
// end, -1 for a group that took no part. It appends nothing where there is no
// match.
func (re *Regexp) AppendIndex(dst []int, text string) []int {
	for b := re.positions(text); len(b) >= 4; b = b[4:] {
		dst = append(dst, position(b))
	}
	return dst
}

// FindAll are the matches that do not overlap, at most max or, where that is
// negative, all, like ngx.re.gmatch. More than the server hands out, 16 MiB of
// positions, is [ErrNoMemory].
func (re *Regexp) FindAll(text string, max int) ([]string, error) {
	var all []string
	err := re.each(text, max, func(groups []byte) { all = append(all, group(text, groups)) })
	return all, err
}

// FindAllSubmatch is [Regexp.FindAll] with the groups of each match, as
// [Regexp.FindSubmatch] has them.
func (re *Regexp) FindAllSubmatch(text string, max int) ([][]string, error) {
	var all [][]string
	err := re.each(text, max, func(groups []byte) { all = append(all, submatch(text, groups)) })
	return all, err
}

func (re *Regexp) each(text string, max int, yield func(groups []byte)) error {
	names, err := re.appendNames(nil)
	if err != nil {
		return err
	}
	size := 0 // of a match
	for len(names) > 0 {
		_, names, _ = cutItem(names)
		size += 8
	}
	dst := scratch
	n := imports.RegexFindAll(re.number(), text, clamp(max), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RegexFindAll(re.number(), text, clamp(max), free(dst))
	}
	all, err := taken(dst, n)
	for ; err == nil && size > 0 && len(all) >= size; all = all[size:] {
		yield(all[:size])
	}
	return err
}

// Replace is the text with its matches replaced, at most max or, where that is
// negative, all, like ngx.re.sub and ngx.re.gsub. In the template $1, ${1} and
// ${name} stand for groups, $0 for the match and $$ for a dollar; anything else
// behind a dollar is [ErrBadArgument]. A text of more than 16 MiB is
// [ErrNoMemory].
func (re *Regexp) Replace(s, template string, max int) (string, error) {
	b, err := re.AppendReplace(scratch, s, template, max)
	return text(b, err), err
}

// AppendReplace appends what [Regexp.Replace] answers to dst.
func (re *Regexp) AppendReplace(dst []byte, text, template string, max int) ([]byte, error) {
	n := imports.RegexReplace(re.number(), text, template, clamp(max), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RegexReplace(re.number(), text, template, clamp(max), free(dst))
	}
	return taken(dst, n)
}

// Names are those of the groups, empty for one without. The first is the whole
// match.
func (re *Regexp) Names() []string {
	var names []string
	list, _ := re.appendNames(nil)
	for {
		name, rest, ok := cutItem(list)
		if !ok {
			return names
		}
		names, list = append(names, string(name)), rest
	}
}

func (re *Regexp) appendNames(dst []byte) ([]byte, error) {
	n := imports.RegexNames(re.number(), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.RegexNames(re.number(), free(dst))
	}
	return taken(dst, n)
}

// position reads a little-endian i32.
func position(b []byte) int {
	return int(int32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24))
}

// group is the text of the first group of some.
func group(text string, groups []byte) string {
	begin, end := position(groups), position(groups[4:])
	if begin < 0 {
		return ""
	}
	return text[begin:end]
}

func submatch(text string, groups []byte) []string {
	var all []string
	for ; len(groups) >= 8; groups = groups[8:] {
		all = append(all, group(text, groups))
	}
	return all
}
