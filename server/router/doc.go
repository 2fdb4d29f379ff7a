// Package router finds the route of a request: it holds patterns, each with a
// value, and answers which of them matches a method, a host and a path.
//
// Patterns are those of Go's net/http.ServeMux:
//
//	[METHOD ][HOST]/[PATH]
//
//	/about            this path only
//	/static/          this path and all below it (a subtree)
//	/static/{$}       this path only, with its trailing slash
//	/users/{id}       one segment, which {id} names
//	/files/{name...}  all that remains, slashes included
//	GET /about        GET and HEAD requests only
//	example.com/      requests for this host only
//
// A pattern with a host beats those without; then the most specific one wins,
// that is, the one whose requests are a subset of the other's. Two patterns of
// which neither is more specific clash, and Add refuses the second. The order
// in which patterns are added never matters.
//
// Some patterns that ServeMux accepts can never match a request here, and are
// errors: a host with a port or with characters that no host name has, and a
// path with an empty segment, a dot segment or an escaped slash.
package router
