package config

import (
	"strings"
)

// Header is one header field of a fixed answer, with one or more values.
type Header struct {
	Name   string
	Values []string
}

// headers reads the table {Name = "value", Other = ["v1", "v2"]} in file order.
func (l *loader) headers(path string, in any) []Header {
	table, ok := in.(map[string]any)
	if !ok {
		l.wrongType(path, "a table of header names and values", in)
		return nil
	}
	var headers []Header
	for _, name := range l.config.positions.inFileOrder(path, table) {
		at := keyPath(path, name)
		switch {
		case !isToken(name):
			l.problem(at, "%s is not a header name", describe(name))
		case isFraming(name):
			l.problem(at, "the server sets this header itself; drop it")
		}
		header := Header{Name: name}
		switch value := table[name].(type) {
		case string:
			header.Values = []string{value}
			l.headerValue(at, value)
		case []any:
			header.Values = l.strings(at, value, "")
			if len(value) == 0 {
				l.problem(at, "must have at least one value")
			}
			for i, v := range value {
				if text, ok := v.(string); ok {
					l.headerValue(indexPath(at, i), text)
				}
			}
		default:
			l.wrongType(at, "a string or an array of strings", value)
		}
		headers = append(headers, header)
	}
	return headers
}

// headerValue reports what would break the header apart, RFC 9110 section 5.5.
func (l *loader) headerValue(path, value string) {
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	switch {
	case strings.IndexFunc(value, control) >= 0:
		l.problem(path, "%s has a control character, which no header may", describe(value))
	case strings.Trim(value, " \t") != value:
		l.problem(path, "%s must not start or end with a blank", describe(value))
	}
}

// isToken reports whether the name is a token of RFC 9110 section 5.6.2.
func isToken(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !isBareKeyChar(r) && !strings.ContainsRune("!#$%&'*+.^`|~", r)
	}) < 0
}

// isFraming reports whether the header tells where a message ends or what
// becomes of the connection, which is the server's to say.
func isFraming(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}
