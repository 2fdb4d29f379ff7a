package server

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"time"

	"phasm/plugins/metric"
	"phasm/server/config"
	"phasm/server/upstream"
)

// upstreams are the groups of peers that generations use, by name. One lives as
// long as a generation that has it, so what is known of its peers survives a
// reload.
type upstreams struct {
	registry *metric.Registry // beside which each group has its own

	mu   sync.Mutex
	used map[string]*usedUpstream
}

// usedUpstream is a group and how many generations use it.
type usedUpstream struct {
	group    *upstream.Group
	registry *metric.Registry
	uses     int
}

// claim gives a generation its groups, and makes those that are new. One that
// there is keeps its peers until update. New ones wait for their names all at
// the same time.
func (u *upstreams) claim(tables []config.Upstream, tlsOf map[string]*tls.Config, log *slog.Logger) map[string]*upstream.Group {
	u.mu.Lock()
	defer u.mu.Unlock()
	claimed := map[string]*upstream.Group{}
	var opening sync.WaitGroup
	for _, table := range tables {
		used := u.used[table.Name]
		if used == nil {
			used = &usedUpstream{registry: u.registry.Next()}
			u.used[table.Name] = used
			opening.Go(func() { used.group = upstream.New(upstreamOptions(table, tlsOf, log)) })
		}
		used.uses++
	}
	opening.Wait()
	for _, table := range tables {
		used := u.used[table.Name]
		if claimed[table.Name] = used.group; used.uses == 1 {
			registerUpstream(used.registry, used.group)
		}
	}
	return claimed
}

// update gives the groups the peers and options of the configuration that is
// now in use.
func (u *upstreams) update(tables []config.Upstream, tlsOf map[string]*tls.Config, log *slog.Logger) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var updating sync.WaitGroup
	for _, table := range tables {
		if used := u.used[table.Name]; used != nil { // else the server has ended meanwhile
			updating.Go(func() { used.group.Update(upstreamOptions(table, tlsOf, log)) })
		}
	}
	updating.Wait()
}

// release takes a generation's groups back.
func (u *upstreams) release(claimed map[string]*upstream.Group) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for name := range claimed {
		used := u.used[name]
		if used.uses--; used.uses == 0 {
			used.group.Close()
			used.registry.Close()
			delete(u.used, name)
		}
	}
}

// upstreamOptions are a group's, from its table.
func upstreamOptions(table config.Upstream, tlsOf map[string]*tls.Config, log *slog.Logger) upstream.Options {
	balance, _ := upstream.ParseBalance(table.Balance) // checked: they are the table's choices
	o := upstream.Options{
		Name: table.Name, Balance: balance,
		MaxFails: table.MaxFails, MaxFailsInARow: table.MaxFailsInARow,
		FailTimeout: time.Duration(table.FailTimeout), MaxOut: table.MaxOut,
		SlowStart: time.Duration(table.SlowStart),
		Queue:     table.Queue, QueueTimeout: time.Duration(table.QueueTimeout),
		Resolve: time.Duration(table.Resolve), Log: log,
		Connecting: upstream.Connecting{
			Timeout: time.Duration(table.ConnectTimeout),
			Keep:    table.Keepalive, KeepTimeout: time.Duration(table.KeepaliveTimeout), KeepTime: time.Duration(table.KeepaliveTime),
			TLS: tlsOf[table.Name],
		},
	}
	for _, p := range table.Peers {
		o.Peers = append(o.Peers, upstream.PeerOptions{
			Address: p.Address, Weight: p.Weight, MaxConnections: p.MaxConnections, Backup: p.Backup, Down: p.Down,
		})
	}
	if h := table.Health; h != nil {
		o.Check = &upstream.Check{
			Path: h.Path, Interval: time.Duration(h.Interval), Timeout: time.Duration(h.Timeout), Rise: h.Rise, Fall: h.Fall,
		}
		o.Check.MinStatus, o.Check.MaxStatus, _ = h.StatusRange() // checked
	}
	return o
}

// registerUpstream has a group's figures among the metrics.
func registerUpstream(r *metric.Registry, g *upstream.Group) {
	r.Must(metric.Gauge, "phasm_upstream_waiting", "Requests that wait for a peer with room.", []string{"upstream"}).
		Func(func() float64 { return float64(g.State().Waiting) }, g.Name())
	for _, f := range []struct {
		kind       metric.Kind
		name, help string
		value      func(upstream.PeerState) float64
	}{
		{metric.Counter, "phasm_upstream_peer_requests_total", "Requests that peers were asked to serve, without those that go on.", func(p upstream.PeerState) float64 { return float64(p.Requests) }},
		{metric.Counter, "phasm_upstream_peer_failures_total", "Those of them that failed: no connection, no answer in time, or none that was one.", func(p upstream.PeerState) float64 { return float64(p.Failures) }},
		{metric.Gauge, "phasm_upstream_peer_connections", "Requests that peers are serving.", func(p upstream.PeerState) float64 { return float64(p.Connections) }},
		{metric.Gauge, "phasm_upstream_peer_up", "Whether requests go to the peer.", func(p upstream.PeerState) float64 {
			if p.State == upstream.Up.String() {
				return 1
			}
			return 0
		}},
	} {
		r.Must(f.kind, f.name, f.help, []string{"upstream", "peer", "address"}).Each(g.Name(), func(emit func(float64, ...string)) {
			for _, p := range g.State().Peers {
				emit(f.value(p), p.Peer, p.Address)
			}
		})
	}
}
