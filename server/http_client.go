package server

import (
	"phasm/plugins/host"
	"phasm/server/config"
)

// httpClients are what sends the plugins' requests, in their order. They belong
// to the server: connections outlive a reload.
func (s *Server) httpClients(g *generation) (senders []host.HTTPSender, problems []config.Problem) {
	for _, p := range g.config.Plugins {
		client, err := s.http.Get(p.Grants.HTTPCA)
		if err != nil {
			problems = append(problems, g.config.Problem("plugins."+p.Name+".grants.http_ca", "%v", err))
		}
		senders = append(senders, client)
	}
	return senders, problems
}
