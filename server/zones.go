package server

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/rediszone"
	"phasm/plugins/zone"
	"phasm/server/config"
)

// zones are the zones that generations use, by name. One lives as long as a
// generation that has it, so what is in it survives a reload.
type zones struct {
	registry *metric.Registry // beside which each zone has its own

	mu   sync.Mutex
	used map[string]*usedZone
}

// usedZone is a zone and how many generations use it.
type usedZone struct {
	store    *zone.Memory
	registry *metric.Registry
	file     *zoneFile     // nil where it has none
	failures atomic.Uint64 // to write it
	uses     int
}

// claim gives a generation its zones, and makes those that are new, with what
// is in their files. One that there is keeps its size and its file until use.
func (z *zones) claim(tables []config.Zone, log *slog.Logger) map[string]*zone.Memory {
	z.mu.Lock()
	defer z.mu.Unlock()
	claimed := map[string]*zone.Memory{}
	for _, table := range tables {
		if table.Redis != "" {
			continue
		}
		u := z.used[table.Name]
		if u == nil {
			u = &usedZone{store: zone.New(int64(table.Size)), registry: z.registry.Next()}
			u.register(table.Name)
			z.used[table.Name] = u
			if table.File != "" {
				u.file = newZoneFile(table, u)
				u.file.read(log)
			}
		}
		u.uses++
		claimed[table.Name] = u.store
	}
	return claimed
}

// use gives the zones the sizes and the files of the configuration that is now
// in use. From then on what changes in them is kept.
func (z *zones) use(tables []config.Zone, log *slog.Logger) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, table := range tables {
		u := z.used[table.Name]
		if u == nil || table.Redis != "" {
			continue // the server has ended meanwhile, or another does it
		}
		u.store.Resize(int64(table.Size))
		u.file.end()
		if u.file = u.moved(table, log); u.file != nil {
			u.file.begin(log)
		}
	}
}

// save brings the files up to date where a generation still uses its zones
// when the server ends.
func (z *zones) save() {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, u := range z.used {
		u.file.end()
	}
}

// release takes a generation's zones back.
func (z *zones) release(claimed map[string]*zone.Memory) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for name := range claimed {
		u := z.used[name]
		if u.uses--; u.uses == 0 {
			u.file.end()
			u.registry.Close()
			delete(z.used, name)
		}
	}
}

// register has the zone's figures among the metrics.
func (u *usedZone) register(name string) {
	for _, f := range []struct {
		kind       metric.Kind
		name, help string
		value      func(zone.Figures) float64
	}{
		{metric.Gauge, "phasm_zone_capacity_bytes", "Sizes of the zones.", func(f zone.Figures) float64 { return float64(f.Capacity) }},
		{metric.Gauge, "phasm_zone_used_bytes", "What the zones' entries count together.", func(f zone.Figures) float64 { return float64(f.Used) }},
		{metric.Gauge, "phasm_zone_entries", "Entries of the zones, expired ones included until they are deleted.", func(f zone.Figures) float64 { return float64(f.Entries) }},
		{metric.Counter, "phasm_zone_evictions_total", "Entries deleted to make room before they had expired.", func(f zone.Figures) float64 { return float64(f.Evictions) }},
		{metric.Counter, "phasm_zone_hits_total", "Keys that were there when they were read or added to.", func(f zone.Figures) float64 { return float64(f.Hits) }},
		{metric.Counter, "phasm_zone_misses_total", "Keys that were not.", func(f zone.Figures) float64 { return float64(f.Misses) }},
	} {
		u.registry.Must(f.kind, f.name, f.help, []string{"zone"}).Func(func() float64 { return f.value(u.store.Figures()) }, name)
	}
	u.registry.Must(metric.Counter, "phasm_zone_file_errors_total", "Attempts to write a zone's file that have failed.", []string{"zone"}).
		Func(func() float64 { return float64(u.failures.Load()) }, name)
}

// zonesOf are the zones that a plugin is granted.
func (g *generation) zonesOf(p config.Plugin) (granted []host.Zone) {
	for _, text := range p.Grants.Zones {
		grant := config.ParseZoneGrant(text)
		granted = append(granted, host.Zone{Name: grant.Name, Store: g.zone(grant.Name), Write: grant.Write})
	}
	return granted
}

// zone is the store of a zone, in this process or in Redis.
func (g *generation) zone(name string) zone.Store {
	for _, table := range g.config.Zones {
		if table.Name == name && table.Redis != "" {
			return host.RemoteZone(rediszone.New(g.redis[table.Redis].client, name))
		}
	}
	return g.zones[name]
}
