package server

import "phasm/server/upstream"

// openUpstreams makes the groups of peers that the generation's routes name.
func (g *generation) openUpstreams() {
	g.upstreams = map[string]*upstream.Group{}
	for _, u := range g.config.Upstreams {
		options := upstream.Options{Name: u.Name}
		for _, p := range u.Peers {
			options.Peers = append(options.Peers, p.Address)
		}
		g.upstreams[u.Name] = upstream.New(options)
	}
}

func (g *generation) closeUpstreams() {
	for _, group := range g.upstreams {
		group.Close()
	}
}
