package config

import "strings"

// Route is a [routes.NAME] table: which requests, the plugins they pass, and
// what answers them. Exactly one of Content, Static, Respond, Redirect and
// Upstream is set.
type Route struct {
	// Name is the table's name.
	Name string

	// Match is a pattern of [net/http.ServeMux]:
	// "GET example.com/api/{rest...}", method and host being optional.
	// Required.
	Match string `toml:"match" required:"GET /api/{rest...}"`

	// Phases are the route's own plugins, after those of the server.
	Phases

	// Limits bound what one request of the route may use.
	Limits RouteLimits `toml:"limits"`

	// Content names the plugin that answers.
	Content string `toml:"content" ref:"plugin"`

	// Static is the directory whose files answer.
	Static string `toml:"static" file:"dir"`

	// Respond is a fixed answer.
	Respond *Respond `toml:"respond"`

	// Redirect sends the client elsewhere.
	Redirect *Redirect `toml:"redirect"`

	// Upstream names the group of peers that the request is passed on to.
	Upstream string `toml:"upstream"`

	// UpstreamPath is what the peer is asked for, in front of what the pattern
	// leaves open: {rest...}, or the part behind a trailing slash. The query
	// stays. Default empty: what the client has asked for (nginx: proxy_pass with
	// a path).
	UpstreamPath string `toml:"upstream_path"`
}

// RouteLimits is the [routes.NAME.limits] table.
type RouteLimits struct {
	// Body is the largest body of a request. Default 0: server.limits.body.
	Body Size `toml:"body" default:"0"`
}

// Respond is a fixed answer: respond = {status, body, headers}.
type Respond struct {
	// Status of the response, 200 to 599. Default 200.
	Status int `toml:"status" default:"200" min:"200" max:"599"`

	// Body is sent as it is; status 204 and 304 allow none. Default empty.
	Body string `toml:"body"`

	// Headers are added to the response, in file order:
	// headers = {Name = "value", Other = ["v1", "v2"]}. Default none.
	Headers []Header `toml:"headers"`
}

// checkRoutes reports routes that match nothing, clash, or have no one answer.
func (l *loader) checkRoutes() {
	l.needOne("routes", `[routes.home] with match = "GET /{$}" and respond = {body = "hello"}`)
	for _, r := range l.config.Routes {
		path := keyPath("routes", r.Name)
		l.exactlyOne(path, "the route has no answer; write one of content, static, respond, redirect and upstream",
			"content", "static", "respond", "redirect", "upstream")
		if r.Respond != nil {
			l.checkRespond(keyPath(path, "respond"), r.Respond)
		}
		if at := keyPath(path, "upstream_path"); l.given[at] && !l.reported(at) {
			switch {
			case r.Upstream == "":
				l.problem(at, "has a meaning only beside upstream")
			case !strings.HasPrefix(r.UpstreamPath, "/") || strings.ContainsAny(r.UpstreamPath, "?#{} \r\n"):
				l.problem(at, `%s is no path; it begins with / as in "/v2/"`, describe(r.UpstreamPath))
			}
		}
		if r.Redirect != nil {
			l.checkRedirect(keyPath(path, "redirect"), r.Redirect)
		}
	}
	l.checkPatterns()
}

func (l *loader) checkRespond(path string, r *Respond) {
	if r.Body != "" && (r.Status == 204 || r.Status == 304) {
		l.problem(keyPath(path, "body"), "a response with status %d has no body; drop one of the two", r.Status)
	}
}
