package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escape decodes the escape sequence of a basic string that text starts with
// (TOML 1.1). The length is 0 if it is none.
func escape(text string) (r rune, length int) {
	if len(text) < 2 {
		return 0, 0
	}
	const letters, values = `btnfre"\`, "\b\t\n\f\r\x1b\"\\"
	if i := strings.IndexByte(letters, text[1]); i >= 0 {
		return rune(values[i]), 2
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[1]]
	if digits == 0 || len(text) < 2+digits {
		return 0, 0
	}
	code, err := strconv.ParseUint(text[2:2+digits], 16, 31)
	if err != nil || !utf8.ValidRune(rune(code)) {
		return 0, 0
	}
	return rune(code), 2 + digits
}

// unescape resolves the escapes of a string on one line.
func unescape(text string) (string, bool) {
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(text, `\`)
		b.WriteString(plain)
		if !found {
			return b.String(), true
		}
		text = text[len(text)-len(rest)-1:]
		r, n := escape(text)
		if n == 0 {
			return "", false
		}
		b.WriteRune(r)
		text = text[n:]
	}
}

// badEscape returns the offset of the first backslash in a string, of one line
// or several, that starts no escape; that of the last byte if all is well.
func badEscape(text string) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		joined := strings.TrimLeft(text[i+1:], " \t\r")
		if strings.HasPrefix(joined, "\n") { // a backslash joins this line and the next
			continue
		}
		_, n := escape(text[i:])
		if n == 0 {
			return i
		}
		i += n - 1
	}
	return len(text) - 1
}
