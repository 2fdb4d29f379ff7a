package sdk

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Package encoding/json makes a guest 1.2 MB larger. What is here is enough to
// read lists and tables of the configuration and to write a line of JSON.

// AppendJSONString appends s to dst as a JSON string (RFC 8259, section 7), in
// quotes. Bytes that are not UTF-8 become U+FFFD.
func AppendJSONString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendJSONByte(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	return append(dst, '"')
}

func appendJSONByte(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c >= ' ':
		return append(dst, c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// arrayItems are the items of a JSON array: strings unquoted, the rest as it
// stands. The host writes the JSON, without spaces.
func arrayItems(s string) ([]string, error) {
	inner, ok := enclosed(s, '[', ']')
	if !ok {
		return nil, strconv.ErrSyntax
	}
	items := []string{}
	for inner != "" {
		item, rest := cutJSON(inner, ',')
		text, err := unquoteJSON(item)
		if err != nil {
			return nil, err
		}
		items = append(items, text)
		inner = rest
	}
	return items, nil
}

// objectKeys are the keys of a JSON object, in its order.
func objectKeys(s string) ([]string, error) {
	inner, ok := enclosed(s, '{', '}')
	if !ok {
		return nil, strconv.ErrSyntax
	}
	keys := []string{}
	for inner != "" {
		member, rest := cutJSON(inner, ',')
		key, _ := cutJSON(member, ':')
		text, err := unquoteJSON(key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, text)
		inner = rest
	}
	return keys, nil
}

func enclosed(s string, open, closing byte) (inner string, ok bool) {
	if len(s) < 2 || s[0] != open || s[len(s)-1] != closing {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// cutJSON cuts s at the first separator that is not inside a string, an array
// or an object.
func cutJSON(s string, separator byte) (before, after string) {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == separator && depth == 0:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoteJSON is the text of a JSON string; any other value stays as it is.
func unquoteJSON(s string) (string, error) {
	if s == "" || s[0] != '"' {
		return s, nil
	}
	inner, ok := enclosed(s, '"', '"')
	if !ok {
		return "", strconv.ErrSyntax
	}
	var b []byte
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			b = append(b, inner[i])
			continue
		}
		r, n, ok := escapedRune(inner[i:])
		if !ok {
			return "", strconv.ErrSyntax
		}
		b = utf8.AppendRune(b, r)
		i += n - 1
	}
	return string(b), nil
}

// escapedRune reads the escape that s begins with, and says how long it is.
func escapedRune(s string) (r rune, n int, ok bool) {
	if len(s) < 2 {
		return 0, 0, false
	}
	switch c := s[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, true
	case 'b':
		return '\b', 2, true
	case 'f':
		return '\f', 2, true
	case 'n':
		return '\n', 2, true
	case 'r':
		return '\r', 2, true
	case 't':
		return '\t', 2, true
	}
	r, ok = unicodeEscape(s)
	if !ok || !utf16.IsSurrogate(r) {
		return r, 6, ok
	}
	if second, ok := unicodeEscape(s[6:]); ok {
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return pair, 12, true
		}
	}
	return utf8.RuneError, 6, true
}

// unicodeEscape reads \u and four hexadecimal digits.
func unicodeEscape(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}
