package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// decodeTOML turns the text into a tree, or says on which line it is no TOML.
//
// The library's own line numbers do not hold: ParseError.Line is at times a
// length, and Position.Line is one too high when a line end was read too far,
// one too low for a string broken by CRLF or by the end of the file, and the
// last line of a value that spans several. Its byte offsets are right, but for
// bytes that are no text at all, which are found here before it runs.
func (c *Config) decodeTOML(text string) (tree map[string]any, problem *Problem) {
	broken := func(offset int, format string, args ...any) *Problem {
		line := c.positions.lineAt(max(0, min(offset, len(text)-1)))
		message := "invalid TOML: " + fmt.Sprintf(format, args...)
		return &Problem{File: c.File, Line: line, Message: message}
	}
	if offset, what := badByte(text); what != "" {
		return nil, broken(offset, "%s", what)
	}
	if offset := c.positions.tooDeep; offset >= 0 {
		return nil, broken(offset, "more than %d levels of nesting", maxDepth)
	}
	defer func() {
		if cause := recover(); cause != nil { // the library's checks of itself
			tree, problem = nil, broken(0, "cannot decode it: %s", oneLine(fmt.Sprint(cause)))
		}
	}()

	_, err := toml.Decode(text, &tree)
	var parse toml.ParseError
	switch {
	case err == nil:
		return tree, nil
	case !errors.As(err, &parse):
		return nil, broken(0, "%s", oneLine(err.Error()))
	}
	// The last byte read: the one the library stumbled over.
	offset := parse.Position.Start + parse.Position.Len - 1
	if p := c.definedTwice(parse.Message, offset); p != nil {
		return nil, p
	}
	if start := c.positions.unclosed; start >= 0 && atEnd(parse.Message) {
		return nil, broken(start, "%s is never closed", opened(text[start:]))
	}
	if start := parse.Position.Start; strings.Contains(strings.ToLower(parse.Message), "escape") && start >= 0 {
		// In a string of several lines: the library knows only the string.
		end := min(len(text), start+parse.Position.Len)
		offset = min(start, end) + badEscape(text[min(start, end):end])
	}
	return nil, broken(offset, "%s", explain(parse.Message))
}

// definedTwice names both places of a key or table that is defined twice. The
// key of the message, or one within it, was the first; the one at offset is
// the second.
func (c *Config) definedTwice(message string, offset int) *Problem {
	_, rest, found := strings.Cut(message, "Key '")
	end := strings.LastIndexByte(rest, '\'')
	if !found || end < 0 {
		return nil
	}
	path := rest[:end]
	var places []int
	for _, d := range c.positions.defined {
		within := strings.HasPrefix(d.path, path+".") || strings.HasPrefix(d.path, path+"[")
		if d.offset <= offset && (within || d.path == path) {
			places = append(places, c.positions.lineAt(d.offset))
		}
	}
	if len(places) < 2 {
		return nil
	}
	return &Problem{
		File: c.File, Line: places[len(places)-1], Path: path,
		Message: fmt.Sprintf("already defined on line %d; keep one", places[0]),
	}
}

// badByte finds the first byte that TOML does not allow anywhere.
func badByte(text string) (offset int, what string) {
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			return i, fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", text[i])
		case r == '\t', r == '\n', r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case r < ' ', r == 0x7f:
			return i, fmt.Sprintf("control character 0x%02x", r)
		}
	}
	return 0, ""
}

// atEnd reports whether the library's message is about the end of the file.
func atEnd(message string) bool {
	for _, sign := range []string{"EOF", "end of file", `'\x00'`, "appears blank"} {
		if strings.Contains(message, sign) {
			return true
		}
	}
	return false
}

func opened(text string) string {
	switch text[0] {
	case '[':
		return "the array that starts here"
	case '{':
		return "the inline table that starts here"
	}
	return "the string that starts here with " + text[:3]
}

// unquotedUnit finds what the library says of 5s and 10MiB.
var unquotedUnit = regexp.MustCompile(`^expected a (top-level item|comma) .*, but got '[a-zA-Z]' instead`)

// explain puts the library's message into our form.
func explain(message string) string {
	message = strings.NewReplacer(
		`'\x00'`, "the end of the file",
		`'\n'`, "the end of the line", `'\r'`, "the end of the line",
		"EOF", "end of file",
	).Replace(message)
	switch {
	case strings.HasPrefix(message, `expected value but found "`), strings.HasPrefix(message, "Invalid float value"):
		message += "; strings are written in quotes"
	case unquotedUnit.MatchString(message):
		message += `; a duration or a size is a string, as in "5s" and "10MiB"`
	}
	message = oneLine(strings.TrimSuffix(message, "."))
	return strings.ToLower(message[:1]) + message[1:]
}

// oneLine drops the control characters that some messages quote as they are.
func oneLine(message string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, message)
}
