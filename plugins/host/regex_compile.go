package host

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"

	"phasm/plugins/automaton"
)

// regex is a regular expression in RE2's syntax, which Go's package regexp
// runs in a time that grows with expression times text and no faster. It is
// safe for concurrent use.
type regex struct {
	re     *regexp.Regexp
	size   int    // about how many instructions
	total  int    // with those of behind
	weight int    // what a step through the text may cost, in instructions, groups included
	names  []byte // of the groups, as a list; the first is the whole match

	// behind is for expressions that look at what stands before a match, else nil.
	// Package regexp has no search that begins in the middle of a text, so after
	// the first match this one takes over, which has one character ahead.
	behind *regexp.Regexp

	literal  string    // all that it matches, where that is one text, else empty
	literals []literal // one of these is in each text that matches; nil: nothing is known

	prog  *syntax.Prog
	once  sync.Once
	table *automaton.Set // what tells whether it matches, made by once; nil: there is none
}

// Limits of one expression.
const (
	maxPattern = 8 << 10 // bytes: those of the worst take 100 ms to compile
	maxSize    = 10_000  // instructions
	maxWeight  = 100_000 // instructions times groups: 16 bytes each while a match runs
)

func newRegex(pattern, flags string) (*regex, error) {
	cannot := func(err error) error {
		const most = 200
		shown := pattern[:min(len(pattern), most)]
		return fmt.Errorf("cannot compile the regular expression %q: %w", shown, err)
	}
	if err := checkFlags(flags); err != nil {
		return nil, cannot(err)
	}
	if flags != "" {
		pattern = "(?" + flags + ")" + pattern
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, cannot(reason(err))
	}
	size := 2 + sizeOf(tree)
	weight := size * (1 + tree.MaxCap())
	if size > maxSize || weight > maxWeight {
		return nil, cannot(fmt.Errorf("it compiles to %d instructions with %d groups: at most %d, and %d times the groups",
			size, tree.MaxCap(), maxSize, maxWeight))
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, cannot(reason(err))
	}
	simple := tree.Simplify()
	prog, err := syntax.Compile(simple)
	if err != nil {
		return nil, cannot(reason(err))
	}
	x := &regex{re: re, size: size, total: 2 * size, weight: weight, literals: literalsOf(simple), prog: prog}
	if prefix, all := re.LiteralPrefix(); all && re.NumSubexp() == 0 && !isContextual(tree) {
		x.literal = prefix
	}
	for _, name := range re.SubexpNames() {
		x.names = appendItem(x.names, bytesOf(name))
	}
	if isContextual(tree) {
		// The tree as text and not the pattern: that may end in an open \Q.
		if x.behind, err = regexp.Compile(`\A(?s:.)(?s:.*?)(` + tree.String() + `)`); err != nil {
			return nil, cannot(reason(err))
		}
		x.total = 3 * size
	}
	return x, nil
}

// reason is an error of the parser without the text of the pattern, of any
// length.
func reason(err error) error {
	var e *syntax.Error
	if errors.As(err, &e) {
		const most = 100
		return fmt.Errorf("%s: %q", e.Code, e.Expr[:min(len(e.Expr), most)])
	}
	return err
}

// checkFlags refuses what are no flags of RE2's, and says for those of ngx.re
// what to do instead.
func checkFlags(flags string) error {
	for i, f := range flags {
		var instead string
		switch {
		case strings.ContainsRune("imsU", f):
			if strings.ContainsRune(flags[:i], f) {
				return fmt.Errorf("flag %q stands there twice", f)
			}
			continue
		case f == 'a':
			instead = `begin the pattern with \A`
		case strings.ContainsRune("jod", f):
			instead = "leave it away: every pattern is compiled once and matched in linear time"
		case f == 'u':
			instead = "leave it away: text is UTF-8"
		case f == 'x':
			instead = "write the pattern without blanks and comments"
		default:
			instead = "there are i, m, s and U"
		}
		return fmt.Errorf("flag %q has no meaning: %s", f, instead)
	}
	return nil
}

// sizeOf is about how many instructions an expression compiles to: so that one
// that says a{1000} often is refused before it takes time and memory. Large
// classes of characters count as well.
func sizeOf(tree *syntax.Regexp) int {
	n := 2
	switch tree.Op {
	case syntax.OpLiteral:
		n = len(tree.Rune)
	case syntax.OpCharClass:
		n = 1 + len(tree.Rune)/16
	case syntax.OpConcat, syntax.OpRepeat:
		n = 0
	case syntax.OpAlternate:
		n = len(tree.Sub)
	}
	for _, sub := range tree.Sub {
		n += sizeOf(sub)
	}
	if tree.Op == syntax.OpRepeat {
		n = 1 + n*max(1, tree.Min, tree.Max) + max(0, tree.Max-tree.Min)
	}
	return min(n, 1<<30)
}

// isContextual tells whether what stands before a match decides about it.
func isContextual(tree *syntax.Regexp) bool {
	switch tree.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, sub := range tree.Sub {
		if isContextual(sub) {
			return true
		}
	}
	return false
}

// part is a piece of a replacement: a group's text or, where group is less
// than 0, bytes of the template.
type part struct{ group, begin, end int }

// template cuts a template into its parts: $1 and ${1} are groups, ${name} one
// by its name, $$ is a dollar. It refuses other dollars and groups that the
// expression does not have.
func (x *regex) template(parts []part, template []byte) ([]part, bool) {
	for i := 0; i < len(template); {
		dollar := bytes.IndexByte(template[i:], '$')
		if dollar < 0 {
			return append(parts, part{-1, i, len(template)}), true
		}
		if dollar > 0 {
			parts = append(parts, part{-1, i, i + dollar})
		}
		i += dollar + 1
		rest := template[i:]
		digits := 0
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			digits++
		}
		switch {
		case digits > 0:
			group := x.group(rest[:digits])
			if group < 0 {
				return parts, false
			}
			parts = append(parts, part{group, 0, 0})
			i += digits
		case len(rest) > 0 && rest[0] == '$':
			parts = append(parts, part{-1, i, i + 1})
			i++
		case len(rest) > 0 && rest[0] == '{':
			end := bytes.IndexByte(rest, '}')
			if end < 0 {
				return parts, false
			}
			group := x.group(rest[1:end])
			if group < 0 {
				return parts, false
			}
			parts = append(parts, part{group, 0, 0})
			i += end + 1
		default:
			return parts, false
		}
	}
	return parts, true
}

// group is the number of a group that is given by number or by name, -1 where
// there is none.
func (x *regex) group(name []byte) int {
	if n, err := strconv.Atoi(stringOf(name)); err == nil {
		if n < 0 || n > x.re.NumSubexp() || name[0] == '+' || name[0] == '-' {
			return -1
		}
		return n
	}
	if len(name) == 0 {
		return -1
	}
	return x.re.SubexpIndex(stringOf(name))
}
