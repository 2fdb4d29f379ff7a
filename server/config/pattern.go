package config

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// checkPatterns reports routes whose patterns are no patterns, or clash. The
// judge is a real ServeMux, so that this package and the standard library can
// never disagree.
func (l *loader) checkPatterns() {
	var mux http.ServeMux
	var earlier []Route // whose patterns are good
	for _, r := range l.config.Routes {
		path := keyPath(keyPath("routes", r.Name), "match")
		if !l.given[path] || l.reported(path) {
			continue
		}
		if message := badPattern(r.Match); message != "" {
			l.problem(path, "%s", message)
			continue
		}
		if register(&mux, r.Match) != "" {
			l.clashes(path, r.Match, earlier)
		}
		earlier = append(earlier, r)
	}
}

// clashes reports each earlier route whose pattern clashes with this one. The
// mux names but one of them, and not always the same.
func (l *loader) clashes(path, pattern string, earlier []Route) {
	for _, other := range earlier {
		var mux http.ServeMux
		register(&mux, other.Match)
		message := register(&mux, pattern)
		if message == "" {
			continue
		}
		at := keyPath("routes", other.Name)
		l.problem(path, "%q clashes with %s (line %d), %q: %s", pattern, at,
			l.config.positions.line(keyPath(at, "match")), other.Match, clashReason(message))
	}
}

// badPattern says what is wrong with a single pattern, or "".
func badPattern(pattern string) string {
	const example = `; write one as in "GET example.com/api/{rest...}"`
	if pattern == "" || strings.TrimSpace(pattern) != pattern {
		return fmt.Sprintf("the pattern %q must not be empty nor start or end with a blank", pattern) + example
	}
	address := pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method := pattern[:i]
		address = strings.TrimLeft(pattern[i:], " \t")
		if strings.Trim(method, "~*=^@") == "" {
			return fmt.Sprintf("there is no %q as in nginx: patterns are no regular expressions, and the most specific one wins", method) + example
		}
		if strings.Contains(method, ".") {
			return fmt.Sprintf("%q is not a method; a host is written without a blank between it and the path", method)
		}
		if upper := strings.ToUpper(method); method != upper && isToken(method) {
			return fmt.Sprintf("the method %q must be in upper case: %q", method, upper)
		}
	}
	message := register(&http.ServeMux{}, pattern)
	if message == "" {
		return foreign(address)
	}
	return fmt.Sprintf("%q is not a pattern: %s", pattern,
		strings.TrimPrefix(message, fmt.Sprintf("parsing %q: ", pattern))) + example
}

// foreign says what in the host and path of a good pattern would be a wildcard
// or a query elsewhere, and is not here: as it stands no request would match.
func foreign(address string) string {
	if strings.Contains(address, "?") {
		return `patterns have no query; write a question mark in the path as "%3F"`
	}
	_, path, _ := strings.Cut(address, "/")
	for segment := range strings.SplitSeq(path, "/") {
		if len(segment) > 1 && segment[0] == ':' {
			return fmt.Sprintf(`%q is no wildcard; write {%s}, or "%%3A" for the colon`, segment, segment[1:])
		}
		if strings.HasPrefix(segment, "*") {
			return fmt.Sprintf(`%q is no wildcard; write {name} for one segment or {name...} for the rest, or "%%2A" for the star`, segment)
		}
	}
	return ""
}

// register adds the pattern to the mux and returns the message of its panic,
// or "".
func register(mux *http.ServeMux, pattern string) (message string) {
	defer func() {
		if cause := recover(); cause != nil {
			message = fmt.Sprint(cause)
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}

// clashReason condenses the mux's message, which names the patterns once more
// and the places in our own code that registered them.
func clashReason(message string) string {
	_, shared, overlap := strings.Cut(message, " both match some paths, like ")
	example, err := strconv.QuotedPrefix(shared)
	switch {
	case overlap && err == nil:
		return "both match some paths, like " + example + ", and neither is more specific"
	case strings.Contains(message, " matches the same requests as "):
		return "both match the same requests"
	case strings.Contains(message, " matches more methods than "):
		return "it matches more methods, but its path is more specific"
	case strings.Contains(message, " matches fewer methods than "):
		return "it matches fewer methods, but its path is more general"
	}
	return "both match some requests, and neither is more specific"
}
