package server

import (
	"fmt"
	"slices"
	"strings"

	"phasm/plugins"
	"phasm/sdk/abi"
	"phasm/server/config"
	"phasm/server/upstream"
)

// route is what becomes of the requests that match a pattern.
type route struct {
	name    string
	method  string                           // that its pattern names, or ""
	body    int64                            // the largest body of a request
	chains  [abi.NumPhases][]*plugins.Plugin // the server's plugins, then the route's own
	content content
	metrics *routeMetrics
}

// has tells whether any plugin runs in a phase.
func (r *route) has(p abi.Phase) bool { return len(r.chains[p]) > 0 }

func (r *route) close() { r.content.close() }

// chained are the phases that are lists of plugins in the configuration.
var chained = []struct {
	phase abi.Phase
	names func(*config.Phases) []string
}{
	{abi.Rewrite, func(p *config.Phases) []string { return p.Rewrite }},
	{abi.Access, func(p *config.Phases) []string { return p.Access }},
	{abi.HeaderFilter, func(p *config.Phases) []string { return p.HeaderFilter }},
	{abi.BodyFilter, func(p *config.Phases) []string { return p.BodyFilter }},
	{abi.Log, func(p *config.Phases) []string { return p.Log }},
}

// buildRoutes makes the generation's routes from the configuration and its
// plugins by name.
func (g *generation) buildRoutes(named map[string]*plugins.Plugin) (problems []config.Problem) {
	b := routeBuilder{config: g.config, plugins: named, upstreams: g.upstreams, budgets: map[*upstream.Group]*retryBudget{}}
	g.balancers = b.balancers()
	b.supplyTLS(g)
	families := newRouteFamilies(g.registry)
	server := b.chains("server.phases", &g.config.Server.Phases)
	g.leastBody = int64(g.config.Server.Limits.Body)
	g.fallback = &route{body: g.leastBody, chains: server, content: noContent{}, metrics: families.route("")}
	g.all = append(g.all, g.fallback)
	for i := range g.config.Routes {
		c := &g.config.Routes[i]
		path := "routes." + c.Name
		r := &route{name: c.Name, body: g.fallback.body, chains: b.chains(path, &c.Phases), metrics: families.route(c.Name)}
		for phase := range r.chains {
			r.chains[phase] = slices.Concat(server[phase], r.chains[phase])
		}
		if r.content = b.content(path, c); r.content == nil {
			continue
		}
		g.all = append(g.all, r)
		if method, _, named := strings.Cut(c.Match, " "); named {
			r.method = method
		}
		if c.Limits.Body > 0 {
			r.body = int64(c.Limits.Body)
			g.leastBody = min(g.leastBody, r.body)
		}
		if err := g.routes.Add(c.Match, r); err != nil {
			b.problem(path+".match", "%v", err)
		}
	}
	return b.problems
}

type routeBuilder struct {
	config    *config.Config
	plugins   map[string]*plugins.Plugin
	upstreams map[string]*upstream.Group
	budgets   map[*upstream.Group]*retryBudget // of upstreams that a route names
	problems  []config.Problem
}

func (b *routeBuilder) problem(path, format string, args ...any) {
	b.problems = append(b.problems, b.config.Problem(path, format, args...))
}

func (b *routeBuilder) chains(path string, p *config.Phases) (chains [abi.NumPhases][]*plugins.Plugin) {
	for _, c := range chained {
		for i, name := range c.names(p) {
			at := fmt.Sprintf("%s.%s[%d]", path, c.phase, i)
			chains[c.phase] = append(chains[c.phase], b.plugin(at, name, c.phase))
		}
	}
	return chains
}

// plugin finds a plugin and checks that it handles the phase it is listed in.
func (b *routeBuilder) plugin(path, name string, phase abi.Phase) *plugins.Plugin {
	p := b.plugins[name]
	if !p.Phases().Has(phase) {
		b.problem(path, "plugin %q does not handle %s: it handles %s", name, phase, p.Phases())
	}
	return p
}

// content makes the route's content, or reports why it cannot.
func (b *routeBuilder) content(path string, c *config.Route) content {
	switch {
	case c.Content != "":
		return pluginContent{b.plugin(path+".content", c.Content, abi.Content)}
	case c.Respond != nil:
		return newFixedAnswer(c.Respond)
	case c.Redirect != nil:
		return newRedirect(c.Redirect)
	case c.Upstream != "":
		return b.proxy(c)
	}
	files, err := openFiles(c.Static)
	if err != nil {
		b.problem(path+".static", "%v", err)
		return nil
	}
	return files
}
