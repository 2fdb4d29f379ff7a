//go:build !wasip1

package sdktest

import (
	"fmt"
	"regexp"
	"strings"
)

// Limits of the server's on one set. It also refuses sets of more than 50,000
// instructions, which the fake does not count.
const (
	maxSetPatterns = 1000
	maxSetText     = 256 << 10 // bytes
)

// RegexSetCompile implements imports.Host.
func (f *fake) RegexSetCompile(patterns string) int32 {
	const function = "regex_set_compile"
	r := &f.regexes
	if len(patterns) > maxSetText {
		return badArgument
	}
	if id, known := r.setIDs[patterns]; known {
		return id
	}
	list, ok := parseList(patterns, maxSetPatterns)
	if !ok {
		return badArgument
	}
	var set []*regexp.Regexp
	for _, pattern := range list {
		if len(pattern) > maxPattern {
			f.regexFault(function, fmt.Sprintf("cannot compile a regular expression of a set: it has %d bytes, at most %d", len(pattern), maxPattern))
			return badArgument
		}
		id := f.compileRegex(pattern, "", function)
		if id < 0 {
			return id
		}
		set = append(set, r.list[id])
	}
	if !f.regexRoom(function, len(patterns)) {
		return noMemory
	}
	id := int32(len(r.sets))
	r.sets, r.setIDs[strings.Clone(patterns)] = append(r.sets, set), id
	return id
}

// RegexSetMatch implements imports.Host.
func (f *fake) RegexSetMatch(id int32, text string) int32 {
	if id < 0 || int(id) >= len(f.regexes.sets) {
		return badArgument
	}
	for n, re := range f.regexes.sets[id] {
		if re.MatchString(text) {
			return int32(n)
		}
	}
	return notFound
}
