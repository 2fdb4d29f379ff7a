package router

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// A pattern is a parsed pattern.
type pattern struct {
	text     string // as written
	method   string // "" for any
	host     string // "" for any, else as appendHost writes it
	segments []segment
	names    []string // of the wildcards, in order
	index    int      // of the value in the Router
}

// A segment is what a pattern has between two slashes, or after the last.
type segment struct {
	kind kind
	text string // of a literal: decoded; of a wildcard: its name
}

// A kind tells what a segment matches. The values are in the order in which
// they are tried, the most specific first.
type kind uint8

const (
	literal  kind = iota // one segment, equal to the text
	end                  // {$}: the slash at the path's end
	wildcard             // {name}: one segment, not empty
	rest                 // {name...} or a trailing slash: all that remains
)

// hasRest tells whether the pattern matches a whole subtree.
func (p *pattern) hasRest() bool {
	return p.segments[len(p.segments)-1].kind == rest
}

// parse reads a pattern.
func parse(text string) (*pattern, error) {
	p := &pattern{text: text}
	address := text
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		p.method, address = text[:i], strings.TrimLeft(text[i:], " \t")
	}
	if !isToken(p.method) {
		return nil, fmt.Errorf("invalid method %q", p.method)
	}
	slash := strings.IndexByte(address, '/')
	if slash < 0 {
		return nil, errors.New("no '/' after the method and the host")
	}
	var err error
	if p.host, err = parseHost(address[:slash]); err != nil {
		return nil, err
	}
	if err := p.parsePath(address[slash+1:]); err != nil {
		return nil, err
	}
	return p, nil
}

// parsePath reads a path whose leading slash is gone.
func (p *pattern) parsePath(path string) error {
	for more := true; more; {
		var text string
		text, path, more = strings.Cut(path, "/")
		s, err := parseSegment(text, !more)
		if err != nil {
			return err
		}
		p.segments = append(p.segments, s)
		if s.kind < wildcard || s.text == "" {
			continue
		}
		if slices.Contains(p.names, s.text) {
			return fmt.Errorf("wildcard name %q occurs twice", s.text)
		}
		p.names = append(p.names, s.text)
	}
	return nil
}

// parseSegment reads one segment; last tells that no slash follows it.
func parseSegment(text string, last bool) (segment, error) {
	if text == "" && last {
		return segment{kind: rest}, nil
	}
	if !strings.Contains(text, "{") {
		return parseLiteral(text)
	}
	name, ok := strings.CutPrefix(text, "{")
	name, closed := strings.CutSuffix(name, "}")
	if !ok || !closed {
		return segment{}, fmt.Errorf("wildcard %q must be a whole segment, from '{' to '}'", text)
	}
	s := segment{kind: wildcard, text: name}
	if name == "$" {
		s = segment{kind: end}
	} else if short, ok := strings.CutSuffix(name, "..."); ok {
		s = segment{kind: rest, text: short}
	}
	if s.kind != wildcard && !last {
		return segment{}, fmt.Errorf("%s must be the last segment", text)
	}
	if s.kind != end && !isIdentifier(s.text) {
		return segment{}, fmt.Errorf("wildcard name %q is not an identifier", s.text)
	}
	return s, nil
}

// parseLiteral decodes a literal, because paths are decoded when they are
// matched. What canonical paths never hold is refused: such a pattern would be
// a silent mistake.
func parseLiteral(text string) (segment, error) {
	decoded, err := url.PathUnescape(text)
	if err != nil {
		decoded = text // a stray % stands for itself, as it does in a request
	}
	if decoded == "" || decoded == "." || decoded == ".." || strings.Contains(decoded, "/") {
		return segment{}, fmt.Errorf("segment %q never matches: paths are decoded, dot segments resolved and slashes merged beforehand", text)
	}
	return segment{kind: literal, text: decoded}, nil
}

// isToken tells whether s is empty or a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return true
}

// isIdentifier tells whether s is an identifier of the Go language.
func isIdentifier(s string) bool {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}
