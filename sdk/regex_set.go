package sdk

import (
	"strconv"

	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// RegexpSet is several regular expressions of which the server finds the first
// that matches a text: in one call and one pass over the text, whose time does
// not grow with their number. It is for the rules of a firewall, for lists of
// user agents and the like; where a match begins and ends a [Regexp] tells.
//
//	var attacks = sdk.MustCompileSet(`(?i)union\s+select`, `(?i)<\s*script`)
//
//	if n, found := attacks.Match(r.Query("q")); found { … }
//
// Sets and their expressions count among the plugin's 1000.
type RegexpSet struct {
	patterns []string
	id       int32
	known    bool // id is the host's
}

// MustCompileSet declares a set in a package variable, or in the handler of
// [Init], as [MustCompile] does an expression.
func MustCompileSet(patterns ...string) *RegexpSet {
	set := &RegexpSet{patterns: patterns}
	phases.Setup(func() Action {
		if err := set.compile(); err != nil {
			Error(err.Error())
			return failed
		}
		return Continue
	})
	return set
}

// CompileSet compiles a set in a handler, such as one from the configuration in
// that of [Init]. A malformed or too large expression, or more than 256 KiB or
// 50,000 instructions of them, is [ErrBadArgument], and the log says why; more
// than a plugin may have is [ErrNoMemory].
func CompileSet(patterns ...string) (*RegexpSet, error) {
	set := &RegexpSet{patterns: patterns}
	return set, set.compile()
}

func (set *RegexpSet) compile() error {
	var list []byte
	for _, p := range set.patterns {
		list = appendItem(list, p)
	}
	set.id = imports.RegexSetCompile(stringOf(list))
	if set.known = set.id >= 0; set.known {
		return nil
	}
	for _, p := range set.patterns { // which one is it
		if _, err := Compile(p); err != nil {
			return err
		}
	}
	return &setError{len(set.patterns), errnoOf(set.id)}
}

// setError is that of a set that cannot be compiled, though its expressions can.
type setError struct {
	patterns int
	cause    error
}

func (e *setError) Error() string {
	return "cannot compile the set of " + strconv.Itoa(e.patterns) + " regular expressions: " + e.cause.Error()
}

func (e *setError) Unwrap() error { return e.cause }

// number is the host's number of the set.
func (set *RegexpSet) number() int32 {
	if !set.known {
		if err := set.compile(); err != nil {
			panic("sdk: " + err.Error())
		}
	}
	return set.id
}

// Match is the place, from 0, of the first expression that matches the text
// anywhere, and whether there is one. First is the one that was named first when
// the set was compiled, wherever in the text it matches.
func (set *RegexpSet) Match(text string) (index int, found bool) {
	n := imports.RegexSetMatch(set.number(), text)
	return max(0, int(n)), n >= 0
}

// MatchBytes is [RegexpSet.Match] for bytes.
func (set *RegexpSet) MatchBytes(text []byte) (index int, found bool) {
	return set.Match(stringOf(text))
}
