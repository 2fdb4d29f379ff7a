package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Redirect answers with another place: redirect = {to, status}.
type Redirect struct {
	// To is the URL of the Location header, RFC 9110 section 10.2.2: absolute,
	// or a path on the same host. In it {host} stands for the host that the
	// request names, without its port, and {uri} for the request's path and query:
	// "https://{host}{uri}". Required.
	To string `toml:"to" required:"https://example.com/"`

	// Status of the response: 301, 302, 303, 307 or 308. Default 302.
	Status int `toml:"status" default:"302" choices:"301|302|303|307|308"`
}

// RedirectPart is a part of the URL to redirect to.
type RedirectPart struct {
	Kind RedirectKind
	Text string // of a RedirectText
}

// RedirectKind says what stands in the place of a part.
type RedirectKind int

// The kinds of parts.
const (
	RedirectText RedirectKind = iota
	RedirectHost              // the host of the request
	RedirectURI               // its path and query
)

// ParseRedirect takes a redirect's URL apart. Whatever the request is like, the
// result is a URL of the same form.
func ParseRedirect(to string) (parts []RedirectPart, err error) {
	var example strings.Builder
	for rest := to; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if text != "" {
			parts = append(parts, RedirectPart{Text: text})
			example.WriteString(text)
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}")
		switch {
		case closed && name == "host":
			parts = append(parts, RedirectPart{Kind: RedirectHost})
			example.WriteString("example.com")
		case closed && name == "uri":
			parts = append(parts, RedirectPart{Kind: RedirectURI})
			example.WriteString("/")
		case closed:
			return nil, fmt.Errorf("{%s} stands for nothing: there are {host} and {uri}", name)
		default:
			return nil, errors.New("a { has no }")
		}
		rest = after
	}
	sample := example.String()
	u, err := url.Parse(sample)
	switch {
	case err != nil || strings.ContainsAny(sample, " \"<>}"):
		return nil, fmt.Errorf("%s is not a URL", describe(to))
	case strings.HasPrefix(sample, "//") && !strings.HasPrefix(to, "//"):
		return nil, fmt.Errorf("%s: two slashes would begin a host; write {uri} without one before it", describe(to))
	case (u.Scheme == "" || u.Host == "") && !strings.HasPrefix(to, "/"):
		return nil, fmt.Errorf(`%s must be a whole URL such as "https://example.com/", or a path that starts with /`, describe(to))
	}
	return parts, nil
}

func (l *loader) checkRedirect(path string, r *Redirect) {
	at := keyPath(path, "to")
	if !l.given[at] || l.reported(at) {
		return
	}
	if _, err := ParseRedirect(r.To); err != nil {
		l.problem(at, "%v", err)
	}
}
