package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one finding about a configuration.
type Problem struct {
	File    string // as it was given to Load
	Line    int    // in File, starting at 1; 0 when the configuration came from no file
	Path    string // dotted path of the key, such as routes.api.access[1]; empty for a syntax error
	Message string // what is wrong and what to do about it
	Missing string // the file or directory that is not there, where that is the problem
}

// String gives the problem as "file:line: path: message".
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Error is every problem of a configuration at once.
type Error struct {
	Problems []Problem // at least one, sorted by line
}

// Error gives one problem per line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Join returns an [*Error] with the problems sorted by line, or nil if there
// are none.
func Join(problems ...Problem) error {
	if len(problems) == 0 {
		return nil
	}
	problems = slices.Clone(problems)
	sortProblems(problems)
	return &Error{Problems: problems}
}

// Problem reports what loading shows only later, such as a plugin that does
// not compile, on the line of the key at path, or of the nearest table around
// it that the file has. Collect such problems with [Join].
func (c *Config) Problem(path, format string, args ...any) Problem {
	return Problem{
		File:    c.File,
		Line:    c.positions.line(path),
		Path:    path,
		Message: fmt.Sprintf(format, args...),
	}
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
}

// didYouMean is the end of a message that offers a suggestion, or, without a
// near candidate, the other advice.
func didYouMean(suggestion, otherwise string) string {
	if suggestion != "" {
		return `; did you mean "` + suggestion + `"?`
	}
	if otherwise != "" {
		return "; " + otherwise
	}
	return ""
}
