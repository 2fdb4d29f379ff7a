package config

import "strings"

// Zone is a [zones.NAME] table: a store that plugins share.
type Zone struct {
	// Name is the table's name, by which grants refer to it.
	Name string

	// Size bounds what the zone's entries count together; package zone says
	// how. At least 64KiB; a reload may change it. Exactly one of Size and
	// Redis is set.
	Size Size `toml:"size" min:"64KiB"`

	// Redis is the name of the [redis.NAME] that keeps the zone, where the
	// processes of several machines share it; package rediszone says what is
	// different there.
	Redis string `toml:"redis"`

	// File is where the zone is kept beyond the process: a JSON object, which may
	// also be edited while it is in use; package zone says what of a zone it has.
	// It need not be there, but its folder must. Only with Size. Default empty:
	// none.
	File string `toml:"file" file:"kept"`
}

// ZoneGrant is an element of grants.zones.
type ZoneGrant struct {
	Name  string
	Write bool
}

// readOnly ends a grant that is for reading only.
const readOnly = ":read"

// ParseZoneGrant reads a grant: a zone's name, with ":read" behind it where the
// plugin may not write.
func ParseZoneGrant(text string) ZoneGrant {
	name, read := strings.CutSuffix(text, readOnly)
	return ZoneGrant{Name: name, Write: !read}
}

// checkZone checks where a zone is kept.
func (l *loader) checkZone(z Zone) {
	path := keyPath("zones", z.Name)
	l.exactlyOne(path, `the zone is nowhere; write size = "10MiB", or redis = "NAME" of a [redis.NAME]`, "size", "redis")
	var servers []string
	for _, r := range l.config.Redis {
		servers = append(servers, r.Name)
	}
	if z.Redis != "" {
		l.mustExist(keyPath(path, "redis"), "redis", "redis", z.Redis, servers)
	}
	if z.Redis != "" && z.File != "" {
		l.problem(keyPath(path, "file"), "a zone in Redis has no file; remove it, or write size in the place of redis")
	}
}

// checkZoneFiles reports files that two zones would take turns to write.
func (l *loader) checkZoneFiles() {
	owners := map[string]string{}
	for _, z := range l.config.Zones {
		if z.File == "" {
			continue
		}
		if owner, taken := owners[z.File]; taken {
			l.problem(keyPath(keyPath("zones", z.Name), "file"), "zone %s has this file already; give each its own", describe(owner))
		}
		owners[z.File] = z.Name
	}
}

// checkZones looks up the zones that plugins are granted, and warns of those
// that none is.
func (l *loader) checkZones() {
	var names []string
	for _, z := range l.config.Zones {
		names = append(names, z.Name)
		l.checkZone(z)
	}
	l.checkZoneFiles()
	granted := map[string]bool{}
	for _, p := range l.config.Plugins {
		path := keyPath(keyPath(keyPath("plugins", p.Name), "grants"), "zones")
		twice := map[string]bool{}
		for i, text := range p.Grants.Zones {
			at, name := indexPath(path, i), ParseZoneGrant(text).Name
			if twice[name] {
				l.problem(at, "zone %s stands here twice; keep one of them", describe(name))
			} else {
				l.mustExist(at, "zone", "zones", name, names)
			}
			twice[name], granted[name] = true, true
		}
	}
	for _, name := range names {
		if !granted[name] {
			l.config.Warnings = append(l.config.Warnings,
				l.config.Problem(keyPath("zones", name), "no plugin is granted this zone; name it in the grants of one, or remove it"))
		}
	}
}
