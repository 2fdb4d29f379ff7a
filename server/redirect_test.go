package server

import "testing"

// A redirect keeps what the configuration has it keep, and what a request puts
// behind the host is never a part of it.
func TestRedirectKeepsThePath(t *testing.T) {
	s := start(t, `
[routes.secure]
match = "/"
redirect = {to = "https://{host}{uri}", status = 301}
[routes.port]
match = "/port/"
redirect = {to = "https://{host}:8443/base{uri}"}
[routes.elsewhere]
match = "/elsewhere/"
redirect = {to = "https://example.com{uri}", status = 308}
[routes.back]
match = "/back"
redirect = {to = "/login?back={uri}"}
`)
	for _, test := range []struct {
		target, host, want string
		status             int
	}{
		{"/", "Example.org:8080", "https://example.org/", 301},
		{"/a%20b//c?x=1&y=%2F", "example.org", "https://example.org/a%20b/c?x=1&y=%2F", 301},
		{"/a?", "[::1]:80", "https://[::1]/a", 301},
		{"/port/x", "example.org:80", "https://example.org:8443/base/port/x", 302},
		{"/elsewhere/@evil.example", "a", "https://example.com/elsewhere/@evil.example", 308},
		{"//evil.example/", "a", "https://a/evil.example/", 301},
		{"http://a/elsewhere/x?y", "a", "https://example.com/elsewhere/x?y", 308},
		{"/back?a=b", "a", "/login?back=/back?a=b", 302},
	} {
		c := s.dial()
		c.send("GET " + test.target + " HTTP/1.1\nHost: " + test.host + "\nConnection: close\n\n")
		if r := c.receive("GET"); r.StatusCode != test.status || r.Header.Get("Location") != test.want {
			t.Errorf("%s of %s: %d to %q", test.target, test.host, r.StatusCode, r.Header.Get("Location"))
		}
	}
}
