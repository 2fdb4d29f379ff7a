package config

import (
	"errors"
	"strings"
	"testing"
)

// TestSyntaxErrors checks the line of each syntax error, with line ends of
// either kind and with a byte order mark: the library's own lines depend on
// them.
func TestSyntaxErrors(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		message    string
	}{
		{"no value", "a = 1\nb =\nc = 3\n", 2, "expected value but found the end of the line instead"},
		{"no equals sign", "a = 1\nb\nc = 3\n", 2, "expected '.' or '='"},
		{"no key", "a = 1\n= 2\n", 2, "key name appears blank"},
		{"bare address", "a = 1\nb = 127.0.0.1:8080\n", 2, `invalid float value: "127.0.0.1"; strings are written in quotes`},
		{"bare duration", "a = 1\nb = 5s\n", 2, `but got 's' instead; a duration or a size is a string, as in "5s" and "10MiB"`},
		{"bare size in a table", "a = 1\nb = {c = 10MiB}\n", 2, `a duration or a size is a string`},
		{"bare word", "a = 1\nb = debug\n", 2, `found "debug" instead; strings are written in quotes`},
		{"two statements", "a = 1\nb = 2 c = 3\nd = 4\n", 2, "expected a top-level item to end with a newline"},
		{"header without end", "[a]\n[server\nx = 1\n", 2, "expected '.' or ']' to end table name, but got the end of the line"},
		{"array header without end", "[a]\n[[server]\nx = 1\n", 2, "got the end of the line"},
		{"header at the end", "[a]\n[server", 2, "got the end of the file"},
		{"string without end", "a = 1\nb = \"x\nc = 3\n", 2, "strings cannot contain newlines"},
		{"raw string without end", "a = 1\nb = 'x\nc = 3\n", 2, "strings cannot contain newlines"},
		{"string at the end", "a = 1\nb = \"x", 2, "unexpected end of file"},
		{"escape at the end", "a = 1\nb = \"x\\", 2, "invalid escape in string"},
		{"escaped line end", "a = 1\nb = \"x\\\nc = 3\n", 2, "invalid escape in string"},
		{"short escape", "a = 1\nb = \"\\u12\nc = 3\n", 2, "expected four hexadecimal digits"},
		{"sign alone", "a = 1\nb = -\nc = 3\n", 2, "expected a digit but got the end of the line"},
		{"leading zero", "a = 1\nb = 007\nc = 3\n", 2, `invalid integer "007": cannot have leading zeroes`},
		{"large integer", "a = 1\nb = 99999999999999999999\nc = 3\n", 2, "out of range for int64"},
		{"bad date", "a = 1\nb = 2020-13-01\nc = 3\n", 2, "invalid datetime"},
		{"escape in a long string", "a = 1\nb = \"\"\"\nfine \\\\ \\\n  \\t\n\\q\n\"\"\"\n", 5, "invalid escape"},
		{"surrogate in a long string", "a = 1\nb = \"\"\"\nfine \\u0041\n\\uD800\nfine\n\"\"\"\n", 4, `'\uD800' is not valid`},
		{"blank escape in a long string", "a = 1\nb = \"\"\"\nfine \\  \n\\ x\nfine\n\"\"\"\n", 4, "invalid escape"},
		{"no comma", "a = [\n  1,\n  2\n  3,\n]\n", 4, "expected a comma"},
		{"array without end", "a = [1]\nb = [\n  1,\n\n\n", 2, "the array that starts here is never closed"},
		{"nested array without end", "b = [\n  1,\n [2,\n\n", 3, "the array that starts here is never closed"},
		{"inline table without end", "a = [1]\nb = {\n  c = 1,\n", 2, "the inline table that starts here is never closed"},
		{"long string without end", "a = 1\nb = \"\"\"\nc = 3\n\n", 2, `the string that starts here with """ is never closed`},
		{"long raw string without end", "a = 1\nb = '''\nc = 3\n\n", 2, "the string that starts here with ''' is never closed"},
		{"six quotes in a long string", "a = 1\nb = \"\"\"\nx\n\"\"\"\"\"\"\n", 4, "unexpected"},
		{"duplicate key", "a = 1\nb = 2\n\na = 3\n", 4, "a: already defined on line 1; keep one"},
		{"duplicate key with a long value", "x = 1\nx = [\n {a = 1},\n {a = 2,\n  b = 3},\n]\n", 2, "x: already defined on line 1"},
		{"duplicate key in an inline table", "a = {\n b = 1,\n b = [\n  {c = 1}\n ]}\n", 3, "a.b: already defined on line 2"},
		{"duplicate table", "[a.b]\nx = 1\n\n[a.b]\ny = 1\n", 4, "a.b: already defined on line 1"},
		{"table over a value", "a = 1\n\n[a.b]\ny = 1\n", 3, "a: already defined on line 1"},
		{"table over dotted keys", "[x]\na.b = 1\n\n[x.a.b]\ny = 1\n", 4, "x.a.b: already defined on line 2"},
		{"array over a table", "[a]\n\n[[a]]\n", 3, "a: already defined on line 1"},
		{"duplicate quoted key", "\"a b\" = 1\n\n'a b' = 2\n", 3, `"a b": already defined on line 1`},
		{"duplicate in an array of tables", "[[a]]\nb = 1\n[[a]]\nb = 1\n\nb = 2\n", 6, "'a.b' has already been defined"},
		{"control character", "a = 1\nb = 2\n\x01c = 3\n", 3, "control character 0x01"},
		{"no UTF-8", "a = 1\nb = \"\xff\"\n", 2, "byte 0xff is not UTF-8"},
		{"nesting", "a = 1\nb = " + strings.Repeat("[", 100000), 2, "more than 64 levels of nesting"},
		{"key of many parts", "a = 1\n" + strings.Repeat("b.", 100000) + "b = 1\n", 2, "more than 64 levels of nesting"},
	}
	for _, test := range tests {
		for _, variant := range []struct{ name, text string }{
			{"LF", test.text},
			{"CRLF", strings.ReplaceAll(test.text, "\n", "\r\n")},
			{"BOM", "\ufeff" + test.text},
		} {
			t.Run(test.name+"/"+variant.name, func(t *testing.T) {
				_, err := Parse("config.toml", []byte(variant.text))
				var problems *Error
				if !errors.As(err, &problems) || len(problems.Problems) != 1 {
					t.Fatalf("got %v, want a single problem", err)
				}
				p := problems.Problems[0]
				if p.Line != test.line || !strings.Contains(p.String(), test.message) {
					t.Errorf("got  %q\nwant line %d, %q", p, test.line, test.message)
				}
				if strings.ContainsAny(p.String(), "\r\n") {
					t.Errorf("%q is more than a line", p)
				}
			})
		}
	}
}

func TestReplacementCharacterIsText(t *testing.T) {
	if offset, what := badByte("a = \"\ufffd\"\n"); what != "" {
		t.Errorf("U+FFFD at %d: %s", offset, what)
	}
}
