package server

import (
	"crypto/tls"

	"phasm/server/config"
)

// upstreamTLS makes what connections to peers over TLS need, by the upstreams'
// names. It is made anew by each load, so that a reload reads the files again.
func upstreamTLS(c *config.Config) (made map[string]*tls.Config, problems []config.Problem) {
	made = map[string]*tls.Config{}
	for _, u := range c.Upstreams {
		one := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
		made[u.Name] = one
		t := u.TLS
		if t == nil {
			continue
		}
		path := "upstreams." + u.Name + ".tls"
		one.ServerName, one.InsecureSkipVerify = t.ServerName, !bool(t.Verify)
		if t.CA != "" {
			pool, err := readAuthorities(t.CA)
			if err != nil {
				problems = append(problems, c.Problem(path+".ca", "%v", err))
			}
			one.RootCAs = pool
		}
		if t.Cert != "" {
			pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
			if err != nil {
				problems = append(problems, c.Problem(path+".cert", "%v", err))
			}
			one.Certificates = []tls.Certificate{pair}
		}
	}
	return made, problems
}
